/** The journal on a disk that is torn, full, or written by a newer version. Real SQLite files. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sql } from '@fleet/shared/drizzle.ts';
import Database from 'better-sqlite3';
import { atEnd, type Ending, temporaryFolder } from '../testing/folder.ts';
import { row } from '../testing/row.ts';
import { JOURNAL_VERSION, Journal } from './journal.ts';

const sizeOf = (file: string) => readFileSync(file).length;

/** A journal of three batches, as a kill leaves it, and where the third begins in its log. */
async function killedJournal(t: Ending): Promise<{ file: string; before: number; after: number }> {
  const folder = await temporaryFolder(t);
  const live = join(folder, 'live.sqlite');
  const journal = Journal.open(live);
  atEnd(t, () => journal.close());
  journal.append([row('a')], 1);
  journal.append([row('b')], 2);
  const before = sizeOf(`${live}-wal`);
  journal.append([row('c'), row('d')], 3);
  const file = join(folder, 'journal.sqlite');
  for (const end of ['', '-wal']) copyFileSync(`${live}${end}`, `${file}${end}`);
  return { file, before, after: sizeOf(`${file}-wal`) };
}

test('wherever the write of a batch was cut off, that batch is gone whole, those before it are there, and it goes on', async (t) => {
  const { file, before, after } = await killedJournal(t);
  const whole = ['', '-wal'].map((end) => readFileSync(`${file}${end}`));
  const cuts = Array.from({ length: 24 }, (_, i) => before + Math.floor(((after - before) * i) / 24));
  for (const cut of [...cuts, after - 1]) {
    for (const [i, end] of ['', '-wal'].entries()) writeFileSync(`${file}${end}`, whole[i] ?? '');
    truncateSync(`${file}-wal`, cut);
    const journal = Journal.open(file);
    assert.deepEqual([journal.lastRevision, journal.batch(3)], [2, null], `cut at ${cut}`);
    assert.deepEqual([journal.batch(1), journal.batch(2)], [[row('a')], [row('b')]]);
    assert.equal(journal.append([row('e')], 4), 3);
    journal.close();
  }
});

test('a log whose last page was written wrong is read up to the batch before it', async (t) => {
  const { file, after } = await killedJournal(t);
  const log = readFileSync(`${file}-wal`);
  log.fill(0xa5, after - 100);
  writeFileSync(`${file}-wal`, log);
  const journal = Journal.open(file);
  atEnd(t, () => journal.close());
  assert.deepEqual([journal.lastRevision, journal.batch(2), journal.batch(3)], [2, [row('b')], null]);
});

test('a batch that finds no room is refused with not_stored, nothing of it is there, and with room it goes on', async (t) => {
  const file = join(await temporaryFolder(t), 'journal.sqlite');
  const journal = Journal.open(file);
  atEnd(t, () => journal.close());
  journal.append([row('a')], 1);
  journal.db.run(sql`PRAGMA max_page_count = 1`);
  const large = Array.from({ length: 2_000 }, (_, i) => row(`fact_${i}(${'x'.repeat(50)})`));
  const beside = () => assert.fail('what stands beside a batch is stored after its rows');
  assert.throws(() => journal.append(large, 2, beside), { code: 'not_stored', message: /SQLITE_FULL/ });
  assert.deepEqual([journal.lastRevision, journal.batch(2)], [1, null]);
  journal.db.run(sql`PRAGMA max_page_count = 1000000`);
  assert.equal(journal.append(large, 3), 2);
  assert.equal(journal.batch(2)?.length, large.length);
});

test('what fails beside a batch takes the batch with it', async (t) => {
  const journal = Journal.open(join(await temporaryFolder(t), 'journal.sqlite'));
  atEnd(t, () => journal.close());
  const beside = () => {
    throw new Error('beside');
  };
  assert.throws(() => journal.append([row('a')], 1, beside), /beside/);
  assert.deepEqual([journal.lastRevision, journal.batch(1), journal.append([], 2)], [0, null, 1]);
});

test('a journal of a newer version that was killed is refused, and no byte of it or of its log changes', async (t) => {
  const folder = await temporaryFolder(t);
  const live = join(folder, 'live.sqlite');
  Journal.open(live).close();
  const raw = new Database(live);
  atEnd(t, () => raw.close());
  raw.pragma(`user_version = ${JOURNAL_VERSION + 1}`);
  raw.exec('INSERT INTO batches VALUES (1, 1); UPDATE counter SET revision = 1');
  const file = join(folder, 'journal.sqlite');
  for (const end of ['', '-wal']) copyFileSync(`${live}${end}`, `${file}${end}`);
  const bytes = () => ['', '-wal'].map((end) => readFileSync(`${file}${end}`).toString('base64'));
  const before = bytes();
  assert.notEqual(before[1], '');
  for (let i = 0; i < 2; i += 1)
    assert.throws(() => Journal.open(file), { code: 'bad_setup', message: /newer version/ });
  assert.deepEqual(bytes(), before);
});
