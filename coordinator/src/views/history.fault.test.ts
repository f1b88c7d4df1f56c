/** The history on a disk that is full or not to be written. An answer must not notice, but say so. */
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { HISTORY_WAITING_PARTS } from '@fleet/shared/limits.ts';
import { askFleet, openFleet } from '../query/pipeline.ts';
import { answered, folderOf, KEY_PEM } from '../testing/answered.ts';
import { answering, QUERY } from '../testing/signed-reply.ts';
import { openTestFleet, type TestSite } from '../testing/site-server.ts';
import { realWorld } from '../world.ts';
import { encodeRun } from './history/content.ts';
import { WriteQueue } from './history/queue.ts';
import { RecentAnswers } from './history/recent.ts';
import { openHistory } from './history.ts';

function listening() {
  const told: string[] = [];
  const tell = (kind: string) => (what: unknown, text?: unknown) => void told.push(`${kind} ${text ?? what}`);
  return { told, log: { info: tell('info'), error: tell('error') } };
}

test('where the history cannot be opened, the fleet answers with a named warning, and what waited is written when it can be', async (t) => {
  const parts = await openTestFleet();
  t.after(() => parts.close());
  const manifest = await loadManifest(join(import.meta.dirname, '../../../kb'));
  const barn: TestSite = await parts.site('barn', (stream, asked) =>
    answering(() => barn, manifest.bundle)(stream, asked),
  );
  const file = join(await folderOf(t), 'history.sqlite');
  await mkdir(file); // a folder is in its place, so no permission makes it work
  const { told, log } = listening();
  const history = await openHistory({ file, key: KEY_PEM, world: realWorld, log });
  t.after(() => history.close());
  const fleet = openFleet({ ...parts, manifest, world: realWorld, history });
  const ask = () => askFleet(fleet, { query: QUERY });

  const [first, second] = [await ask(), await ask()];
  for (const { complete, answers, warnings } of [first, second]) {
    assert.deepEqual([complete, answers.length], [true, 1]);
    assert.deepEqual(
      warnings?.map(({ code }) => code),
      ['history_not_kept'],
    );
  }
  assert.equal(told.length, 1, 'told once, not with every answer');
  assert.match(told[0] ?? '', /^error the history cannot be written/);

  await rm(file, { recursive: true });
  await history.flush();
  assert.equal(history.warning(), null);
  assert.deepEqual(
    history.list({ limit: 9 }).rows.map(({ id }) => id),
    [2, 1],
  );
  assert.equal((await ask()).warnings, undefined);
  assert.equal((await history.check()).ok, true);
  assert.deepEqual(told.slice(1), ['info the history is written again']);
});

test('a full disk keeps what is there and tells of it; rows of before are whole', async (t) => {
  const file = join(await folderOf(t), 'history.sqlite');
  const { told, log } = listening();
  const history = await openHistory({ file, key: KEY_PEM, world: realWorld, log, pages: 40 });
  t.after(() => history.close());
  const large = (i: number) =>
    answered({
      alder: {
        loads: Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`n${n * 7919 + i}`, n * i])),
      },
    });
  for (let i = 1; history.warning() === null; i += 1) {
    assert.ok(i < 50, 'it fills up');
    history.record(large(i));
    await history.flush();
  }
  assert.match(told[0] ?? '', /SQLITE_FULL/);
  assert.equal(history.warning()?.code, 'history_not_kept');
  const { ok, rows } = await history.check();
  assert.ok(ok && rows > 0);
  history.record(large(99));
  assert.equal((await history.row(1)).kind, 'run');
});

test('more than may wait is counted, and the next row says how many answers were lost', async () => {
  let ok = false;
  const rows: string[] = [];
  const queue = new WriteQueue(
    async (batch) => {
      if (!ok) return { ok: false, code: 'history_not_kept', message: 'full' };
      rows.push(...batch.rows.map(({ digest }) => digest));
      return { ok: true, ids: batch.rows.map((_, i) => i + 1), movedAside: null };
    },
    new RecentAnswers(realWorld),
    (cause) => assert.fail(String(cause)),
  );
  const wide = answered(Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`site${i}`, {}])));
  const fits = HISTORY_WAITING_PARTS / 1_000;
  for (let i = 0; i < fits + 3; i += 1) queue.take({ ...wide, result: { ...wide.result } });
  await queue.flush(); // made into bytes; the disk would not have them
  assert.equal(rows.length, 0);
  ok = true;
  const next = answered({ alder: {} });
  queue.take(next);
  await queue.flush();
  assert.equal(rows.length, fits + 1);
  assert.equal(rows[0], (await encodeRun(wide, 3)).digest, 'the first one made after the loss tells of it');
  assert.equal(rows.at(-1), (await encodeRun(next, 0)).digest);
});

test('an answer that cannot be made into bytes is told of and counted, and keeps no other from being kept', async (t) => {
  const file = join(await folderOf(t), 'history.sqlite');
  const { told, log } = listening();
  const history = await openHistory({ file, key: KEY_PEM, world: realWorld, log });
  t.after(() => history.close());
  const odd = answered({ alder: { loads: { pve1: Number.NaN } } });
  history.record(odd);
  history.record(odd);
  history.record(answered({ alder: {} }));
  await history.flush();
  const row = await history.row(1);
  assert.equal(row.kind === 'run' && row.lost, 1);
  assert.deepEqual(told, ['error an answer cannot be kept']);
});
