/** The journal on a real SQLite file. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { atEnd, temporaryFolder } from '../testing/folder.ts';
import { row } from '../testing/row.ts';
import { JOURNAL_VERSION, Journal } from './journal.ts';

test('revisions go up by one and a batch comes back as it was stored, after a restart too', async (t) => {
  const file = join(await temporaryFolder(t), 'journal.sqlite');
  const first = Journal.open(file);
  assert.equal(first.lastRevision, 0);
  assert.equal(first.append([row('b'), row('a')], 5), 1);
  assert.equal(first.append([], 6), 2);
  first.close();
  const again = Journal.open(file);
  atEnd(t, () => again.close());
  assert.equal(again.lastRevision, 2);
  assert.deepEqual(again.batch(1), [row('b'), row('a')]);
  assert.deepEqual(again.batch(2), []);
  assert.equal(again.batch(3), null);
});

test('a journal that was lost goes on from the text, never backwards', async (t) => {
  const journal = Journal.open(join(await temporaryFolder(t), 'journal.sqlite'));
  atEnd(t, () => journal.close());
  journal.continueFrom(41);
  journal.continueFrom(7);
  assert.equal(journal.append([row('a')], 5), 42);
  assert.equal(journal.firstRevision, 42);
});

test('pruning forgets batches up to a revision and keeps the count', async (t) => {
  const journal = Journal.open(join(await temporaryFolder(t), 'journal.sqlite'));
  atEnd(t, () => journal.close());
  for (const fact of ['a', 'b', 'c']) journal.append([row(fact)], 5);
  journal.prune(-5);
  assert.equal(journal.firstRevision, 1);
  journal.prune(2);
  assert.deepEqual([journal.firstRevision, journal.batch(2), journal.lastRevision], [3, null, 3]);
  journal.prune(3);
  assert.equal(journal.append([], 5), 4);
});

test('two agents cannot hold one journal', async (t) => {
  const file = join(await temporaryFolder(t), 'journal.sqlite');
  const journal = Journal.open(file);
  atEnd(t, () => journal.close());
  assert.throws(() => Journal.open(file), { code: 'bad_setup', message: /another agent/ });
});

test('a journal of a newer version is refused and left as it is', async (t) => {
  const file = join(await temporaryFolder(t), 'journal.sqlite');
  Journal.open(file).close();
  const raw = new Database(file);
  raw.pragma(`user_version = ${JOURNAL_VERSION + 1}`);
  raw.close();
  assert.throws(() => Journal.open(file), { code: 'bad_setup', message: /newer version/ });
  const after = new Database(file);
  assert.equal(after.pragma('user_version', { simple: true }), JOURNAL_VERSION + 1);
  after.close();
});

test('a file that is no journal is refused by name', async (t) => {
  const folder = await temporaryFolder(t);
  assert.throws(() => Journal.open(folder), { code: 'bad_setup' });
});
