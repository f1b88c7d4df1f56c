/** A whole site on a disk that is full, and one that fails a file operation: what was acknowledged, and what was refused. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { STATE_TEXT_MS } from '@fleet/shared/limits.ts';
import { TRPCClientError } from '@trpc/client';
import { atEnd, temporaryFolder } from '../testing/folder.ts';
import { failingFiles, worldWithClock } from '../testing/restarts.ts';
import { client, makeSiteFolder, runSite, seen, stateFile, until } from '../testing/site.ts';
import { FILE_LABELS } from './files.ts';
import { observe } from './pipeline.ts';

const HOUR_MS = 3_600_000;
/** No file of this process may grow beyond that; null for no limit. The disk is full, for whoever writes. */
function limitFiles(bytes: number | null): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes ?? 'unlimited'}:`]);
}

/** Pushes a fact with a long name; its HTTP status and code where it is refused. */
async function push(url: string, n: number): Promise<{ status: number; code: string } | null> {
  const fact = `node_disk_available(pve1,'/${n}/${'x'.repeat(2_000)}',${n})`;
  try {
    await client(url).site.observe.mutate([{ fact, validForMs: HOUR_MS }]);
    return null;
  } catch (cause) {
    if (!(cause instanceof TRPCClientError)) throw cause;
    const data = cause.data as { httpStatus: number; logic: { code: string } };
    return { status: data.httpStatus, code: data.logic.code };
  }
}

function disks(text: string): number[] {
  const found = text.matchAll(/^node_disk_available\(pve1,'\/(\d+)\/x+',\d+\)\.$/gm);
  return [...found].map(([, n]) => Number(n)).sort((a, b) => a - b);
}

test('on a full disk a batch is refused with 507 and leaves nothing, questions are answered, and with room it goes on', async (t) => {
  const data = await makeSiteFolder(t);
  const site = await runSite(t, data);
  atEnd(t, () => limitFiles(null));
  const taken: number[] = [];
  assert.equal(await push(site.url, 0), null);
  taken.push(0);
  limitFiles(statSync(join(data, 'journal.sqlite-wal')).size + 40_000);
  let refused = null;
  for (let n = 1; refused === null && n < 100; n += 1) {
    refused = await push(site.url, n);
    if (refused === null) taken.push(n);
  }
  assert.deepEqual(refused, { status: 507, code: 'not_stored' });
  assert.ok(taken.length > 1);
  for (let n = 1000; n < 1005; n += 1)
    assert.deepEqual(await push(site.url, n), { status: 507, code: 'not_stored' });
  const last = site.telemetry.journal.lastRevision;
  await site.telemetry.sync.settled();
  assert.equal(site.telemetry.sync.revision, last);
  assert.deepEqual(disks((await site.engine.bridge().state()).text), taken);
  const { answers } = await client(site.url).site.ask.query({ query: 'logic_node(N)' });
  assert.equal(answers.length, 1);
  limitFiles(null);
  assert.equal(await push(site.url, 2000), null);
  taken.push(2000);
  await until(() => site.stateText.revision > last, 'the text is written');
  await site.stop();
  assert.deepEqual(disks(readFileSync(stateFile(data), 'utf8')), taken);
  const again = await runSite(t, data);
  assert.deepEqual(disks((await again.engine.bridge().state()).text), taken);
});

test('whichever file operation fails while a site runs, a kill right after it loses nothing, and the text is written in the end', async (t) => {
  let data = await makeSiteFolder(t);
  const acknowledged: string[] = [];
  const holds = (text: string) =>
    assert.deepEqual(
      [...text.matchAll(/^node_disk_available\(pve1,'(.*)',1\)\.$/gm)].map(([, mount]) => mount),
      [...acknowledged].sort(),
    );
  for (const label of FILE_LABELS) {
    const files = failingFiles(label);
    const site = await runSite(t, data, { parts: { files, world: worldWithClock([STATE_TEXT_MS / 2]) } });
    files.failNext();
    await observe(seen(['node_disk_available', 'pve1', `/${label}`, 1n]), site.telemetry);
    acknowledged.push(`/${label}`);
    await until(() => files.failures === 1, `${label} fails`);
    const killed = join(await temporaryFolder(t), 'site');
    cpSync(data, killed, { recursive: true, filter: (from) => !from.endsWith('/run') });
    await site.telemetry.sync.settled();
    holds((await site.engine.bridge().state()).text);
    await site.stop();
    holds(readFileSync(stateFile(data), 'utf8'));
    data = killed;
  }
  const last = await runSite(t, data);
  holds((await last.engine.bridge().state()).text);
});

test('what an operator edits while the site is stopped is there after the start as his word, once, and telemetry takes over', async (t) => {
  const data = await makeSiteFolder(t);
  const first = await runSite(t, data);
  await observe(seen(['node_up', 'pve1', true], ['node_load', 'pve1', 0.25]), first.telemetry);
  await first.stop();
  const text = readFileSync(stateFile(data), 'utf8');
  const edited = `${text.replaceAll(/^.*node_load.*\n/gm, '')}
% Kim, 3 AM: the board is out of the rack, don't wait for it
node_maintenance(pve1, true).
`.replace('node_up(pve1,true).', 'node_up(pve1,false).');
  writeFileSync(stateFile(data), edited);
  let revision = 0;
  for (let starts = 0; starts < 2; starts += 1) {
    const site = await runSite(t, data);
    const facts = (await site.engine.bridge().state()).text;
    assert.deepEqual(facts.match(/^node_.*$/gm), ['node_maintenance(pve1,true).', 'node_up(pve1,false).']);
    assert.equal(facts.match(/^evidence\(node_.*,operator,/gm)?.length, 2);
    const { answers } = await client(site.url).site.ask.query({ query: 'node_status(pve1, S)', prove: true });
    assert.deepEqual(
      answers.map(({ bindings, standing }) => [bindings.S, standing]),
      [['down', 'verified']],
    );
    assert.match(answers[0]?.proof ?? '', /operator/);
    if (starts > 0) assert.equal(site.telemetry.journal.lastRevision, revision);
    await until(() => site.alerts.pass.considered >= site.telemetry.sync.revision, 'alerts are decided');
    await site.telemetry.sync.settled();
    revision = site.telemetry.journal.lastRevision;
    await site.stop();
  }
  const last = await runSite(t, data);
  await observe(seen(['node_up', 'pve1', true]), last.telemetry);
  await last.telemetry.sync.settled();
  assert.match((await last.engine.bridge().state()).text, /^evidence\(node_up\(pve1,true\),test,/m);
});
