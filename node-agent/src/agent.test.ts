/** A site's life: what survives the death of its engine, the loss of a file, a stop. Real swipl, real SQLite. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { TRPCClientError } from '@trpc/client';
import { observe } from './telemetry/pipeline.ts';
import {
  client,
  ENDLESS,
  makeSiteFolder,
  runSite,
  seen,
  startSite,
  stateFile,
  until,
} from './testing/site.ts';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

function logicCode(cause: unknown): string {
  const data = cause instanceof TRPCClientError ? (cause.data as { logic?: { code?: string } } | null) : null;
  return data?.logic?.code ?? String(cause);
}

test('when swipl is killed, its questions get engine_lost, the next not_ready, and it is back with the same facts in 2 s', async (t) => {
  const site = await startSite(t);
  await observe(seen(['node_up', 'pve1', true], ['node_load', 'pve1', 0.25]), site.telemetry);
  await site.telemetry.sync.settled();
  const before = await site.engine.bridge().state();
  const running = client(site.url)
    .site.ask.query({ query: ENDLESS })
    .then(() => 'answered', logicCode);
  await until(() => site.door.running > 0, 'the question runs');
  const killed = site.engine.pid ?? 0;
  const at = performance.now();
  process.kill(killed, 'SIGKILL');
  assert.equal(await running, 'engine_lost');
  await until(() => site.engine.state !== 'ready', 'the supervisor knows');
  assert.equal(
    await client(site.url)
      .site.ask.query({ query: 'node(N)' })
      .then(() => 'answered', logicCode),
    'not_ready',
  );
  assert.equal((await fetch(`${site.url}/healthz`)).status, 503);
  await until(() => site.engine.state === 'ready', 'the engine is back');
  const tookMs = performance.now() - at;
  t.diagnostic(`back after ${Math.round(tookMs)} ms`);
  assert.ok(tookMs < 2_000, `${tookMs} ms`);
  assert.notEqual(site.engine.pid, killed);
  assert.deepEqual(await site.engine.bridge().state(), before);
  const { answers } = await client(site.url).site.ask.query({ query: 'node_load(N, L)' });
  assert.deepEqual(
    answers.map(({ bindings, standing }) => [bindings, standing]),
    [[{ N: 'pve1', L: 0.25 }, 'verified']],
  );
});

test('batches that came while the engine was away are there when it is back', async (t) => {
  const site = await startSite(t);
  process.kill(site.engine.pid ?? 0, 'SIGKILL');
  await until(() => site.engine.state !== 'ready', 'the engine is gone');
  const { revision } = await observe(seen(['vm_state', 'git', 'running']), site.telemetry);
  await until(() => site.engine.state === 'ready', 'the engine is back');
  const { text, revision: held } = await site.engine.bridge().state();
  assert.equal(held, revision);
  assert.match(text, /vm_state\(git,running\)/);
});

test('the text follows a commit within two seconds and a stop leaves the last state, no process and no socket', async (t) => {
  const data = await makeSiteFolder(t);
  const site = await runSite(t, data);
  const { revision } = await observe(seen(['node_up', 'pve1', true]), site.telemetry);
  await until(() => site.stateText.revision >= revision, 'the text is written', 2_000);
  assert.match(
    await readFile(stateFile(data), 'utf8'),
    /^%[^\n]*\nrevision\(\d+\)\.\n(.*\n)*node_up\(pve1,true\)\.\n/,
  );
  await observe(seen(['node_up', 'pve1', false]), site.telemetry);
  const pid = site.engine.pid ?? 0;
  await site.stop();
  assert.match(await readFile(stateFile(data), 'utf8'), /^node_up\(pve1,false\)\.$/m);
  assert.equal(isAlive(pid), false);
  assert.equal(existsSync(join(data, 'run')), false);
  await assert.rejects(fetch(`${site.url}/healthz`));
});

test('what the text lacks is replayed from the journal, revision by revision', async (t) => {
  const data = await makeSiteFolder(t);
  const first = await runSite(t, data);
  await observe(seen(['node_up', 'pve1', true], ['node_load', 'pve1', 0.5]), first.telemetry);
  await observe(seen(['node_load', 'pve1', 0.75]), first.telemetry);
  await first.telemetry.sync.settled();
  const { text } = await first.engine.bridge().state();
  await first.stop();
  await rm(stateFile(data));
  const again = await runSite(t, data);
  assert.equal((await again.engine.bridge().state()).text, text);
});

test('a lost journal is made up for by the text, and revisions go on from there', async (t) => {
  const data = await makeSiteFolder(t);
  const first = await runSite(t, data);
  for (let at = 0; at < 3; at += 1) await observe(seen(['node_load', 'pve1', at / 4]), first.telemetry);
  await first.telemetry.sync.settled();
  await first.alerts.pass.stop();
  const { text, revision } = await first.engine.bridge().state();
  await first.stop();
  for (const end of ['', '-wal', '-shm']) await rm(join(data, `journal.sqlite${end}`), { force: true });
  const again = await runSite(t, data);
  assert.equal((await again.engine.bridge().state()).text, text);
  const before = again.telemetry.journal.lastRevision;
  assert.ok(before >= revision);
  assert.equal((await observe(seen(['node_load', 'pve1', 0.9]), again.telemetry)).revision, before + 1);
});

test('a text that is gone comes back from the journal, whole, though its batches were pruned', async (t) => {
  const data = await makeSiteFolder(t);
  const first = await runSite(t, data);
  for (const [at, node] of ['pve1', 'pve2', 'pve3'].entries()) {
    await observe(seen(['node_load', node, at / 4]), first.telemetry);
  }
  await first.telemetry.sync.settled();
  first.telemetry.journal.prune(2);
  await first.stop();
  await rm(stateFile(data));
  const again = await runSite(t, data);
  const { revision, text } = await again.engine.bridge().state();
  assert.ok(revision >= 3);
  assert.deepEqual(text.match(/^node_load.*$/gm), [
    'node_load(pve1,0.0).',
    'node_load(pve2,0.25).',
    'node_load(pve3,0.5).',
  ]);
});

test('a swipl that hangs is ended and replaced, and those who asked are told', async (t) => {
  const site = await startSite(t);
  const hung = site.engine.pid ?? 0;
  process.kill(hung, 'SIGSTOP');
  // All its threads: one that still runs would answer.
  await until(
    () =>
      readdirSync(`/proc/${hung}/task`).every((id) =>
        / [Tt] /.test(readFileSync(`/proc/${hung}/task/${id}/stat`, 'utf8')),
      ),
    'the engine stands still',
  );
  const ask = () =>
    client(site.url)
      .site.ask.query({ query: 'logic_node(N)' })
      .then(() => 'answered', logicCode);
  const told = await Promise.all([ask(), ask()]);
  assert.deepEqual(told, ['time_limit', 'time_limit']);
  await until(() => site.engine.state === 'ready' && site.engine.pid !== hung, 'another engine is ready');
  assert.equal(await ask(), 'answered');
  assert.equal(isAlive(hung), false);
});

test('a batch that the engine refuses changes nothing, and those after it go on', async (t) => {
  const site = await startSite(t);
  const { journal, sync, engine } = site.telemetry;
  // As if it had been journaled under rules that knew this predicate.
  journal.append([{ fact: 'gone_from_the_catalogue(x)', source: 'test', observedAt: 1, validUntil: 2 }], 1);
  await observe(seen(['node_up', 'pve1', true]), site.telemetry);
  await sync.settled();
  const { revision, text } = await engine.bridge().state();
  assert.equal(revision, journal.lastRevision);
  assert.match(text, /node_up\(pve1,true\)/);
});

test('a batch with one bad fact is refused whole and makes no revision', async (t) => {
  const site = await startSite(t);
  const good = ['node_up', 'pve1', true] as const;
  for (const bad of [
    ['node_up', 'pve1', 'maybe'],
    ['node', 'pve9'],
    ['node_load', 'pve1', 1n],
    ['halt', 'x'],
  ] as const) {
    await assert.rejects(
      observe(seen([...good], [...bad]), site.telemetry),
      { code: 'bad_fact' },
      String(bad),
    );
  }
  const { text } = await site.engine.bridge().state();
  assert.doesNotMatch(text, /^node_/m);
  const { journal } = site.telemetry;
  for (let revision = 1; revision <= journal.lastRevision; revision += 1)
    for (const { source } of journal.batch(revision) ?? []) assert.equal(source, 'alerts');
});

test('rules that are not those of the manifest are refused before anything starts', async (t) => {
  const data = await makeSiteFolder(t);
  await appendFile(join(data, 'kb', 'core', 'thermal.pl'), '\n% changed\n');
  await assert.rejects(runSite(t, data), { code: 'bundle_mismatch' });
  assert.equal(existsSync(join(data, 'journal.sqlite')), false);
});

test('a second agent on the same folder is refused and harms nothing', async (t) => {
  const data = await makeSiteFolder(t);
  const site = await runSite(t, data);
  await assert.rejects(runSite(t, data), { code: 'bad_setup', message: /another agent/ });
  assert.equal((await client(site.url).site.ask.query({ query: 'logic_node(N)' })).answers.length, 1);
});

test('an edited state text with a mistake stops the start with file and line, and nothing is lost', async (t) => {
  const data = await makeSiteFolder(t);
  await writeFile(stateFile(data), 'revision(1).\nnode_up(pve1,maybe).\n');
  await assert.rejects(runSite(t, data), { code: 'bad_fact', message: /state\.pl:2/ });
});

test('the sample collector keeps a site answering, and every answer is verified', async (t) => {
  const site = await startSite(t, { collector: 'sample' });
  const { answers, complete, coverage } = await client(site.url).site.ask.query({
    query: 'at_risk_of_throttling(Node)',
  });
  assert.ok(answers.length >= 1);
  assert.ok(answers.every(({ standing, proof }) => standing === 'verified' && proof?.includes('sample')));
  assert.deepEqual([complete, coverage.targets, coverage.answered], [true, 1, 1]);
});
