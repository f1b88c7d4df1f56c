/** Every kind of tampering, done to a real file with the tool that anyone has: SQL. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { answered, folderOf, KEYS } from '../../testing/answered.ts';
import { asideOf, checkpointOf } from './aside.ts';
import { rowHash } from './chain.ts';
import { checkHistory } from './check.ts';
import { encodeAgain, encodeRun } from './content.ts';
import { HistoryFile, KEPT } from './file.ts';
import { keep, macKeyOf, siteAnswers } from './last-known.ts';

const macKey = macKeyOf(KEYS.privateKey);
const options = { publicKey: KEYS.publicKey, macKey };
const opening = { keys: KEYS, now: 1_000 };

/** Six rows in two commits: five runs, and the third one given again. */
async function historyIn(folder: string, kept = KEPT): Promise<string> {
  const path = join(folder, 'history.sqlite');
  const file = HistoryFile.open(path, { ...opening, kept });
  for (const from of [0, 3]) {
    const runs = [0, 1, 2].map((i) =>
      answered({ alder: { loads: { pve1: from + i } }, birch: {} }, { at: 1_000 + from + i }),
    );
    const rows = await Promise.all(runs.slice(0, from === 0 ? 3 : 2).map((run) => encodeRun(run, 0)));
    const third = rows[2];
    const lastKnown = siteAnswers(runs[0] ?? assert.fail()).flatMap((one) => keep(one, macKey) ?? []);
    file.append({ rows, lastKnown }, 2_000 + from);
    if (third)
      file.append(
        {
          rows: [await encodeAgain({ of: 3, askedBy: 'token:nightly', times: 4, at: 5, last: 9 }, third)],
          lastKnown: [],
        },
        2_001,
      );
  }
  file.close();
  return path;
}

/** What is found in a history after `change`, with the journal of SQLite folded in first. */
async function foundAfter(
  t: TestContext,
  change: (db: Database.Database, path: string) => void,
): Promise<string[]> {
  const path = await historyIn(await folderOf(t));
  const db = new Database(path);
  change(db, path);
  db.close();
  const { ok, faults } = await checkHistory(path, options);
  assert.equal(ok, faults.length === 0);
  return faults.map(({ fault, id }) => (id === null ? fault : `${fault} ${id}`));
}

test('a history that nobody touched holds, open or closed', async (t) => {
  const path = await historyIn(await folderOf(t));
  const check = await checkHistory(path, options);
  assert.deepEqual(
    { ...check, hash: check.hash.length },
    { ok: true, rows: 6, first: 1, last: 6, hash: 64, faults: [] },
  );
  const open = HistoryFile.open(path, opening);
  assert.equal(open.movedAside, null);
  assert.equal((await checkHistory(path, options)).ok, true);
  open.close();
});

const edit = (db: Database.Database, id: number, change: (text: string) => string): Buffer => {
  const { content } = db.prepare('SELECT content FROM contents WHERE id = ?').get(id) as { content: Buffer };
  const edited = Buffer.from(change(inflateRawSync(content).toString()));
  const packed = deflateRawSync(edited);
  db.prepare('UPDATE contents SET content = ? WHERE id = ?').run(packed, id);
  db.prepare('UPDATE rows SET bytes = ? WHERE id = ?').run(packed.length, id);
  return edited;
};
const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const busier = (text: string) => text.replace('"L":1', '"L":8');

/** Makes the chain good again from row `id` on, as one can without the key. */
function rechain(db: Database.Database, id: number): string {
  const row = db.prepare('SELECT id, digest, hash FROM rows WHERE id >= ? ORDER BY id').all(id - 1) as {
    id: number;
    digest: string;
    hash: string;
  }[];
  let before = row[0]?.hash ?? '';
  for (const { id: at, digest } of row.slice(1)) {
    before = rowHash({ id: at, before, digest });
    db.prepare('UPDATE rows SET hash = ? WHERE id = ?').run(before, at);
  }
  return before;
}

const tamperings: ReadonlyArray<
  readonly [string, readonly string[], (db: Database.Database, path: string) => void]
> = [
  ['an answer that was edited', ['edited 2'], (db) => void edit(db, 2, busier)],
  [
    'an answer edited with its digest',
    ['edited 2'],
    (db) => {
      db.prepare('UPDATE rows SET digest = ? WHERE id = 2').run(digestOf(edit(db, 2, busier)));
    },
  ],
  [
    'an answer edited, and the chain made good to its end',
    ['head 6', 'checkpoint 6'],
    (db) => {
      db.prepare('UPDATE rows SET digest = ? WHERE id = 2').run(digestOf(edit(db, 2, busier)));
      rechain(db, 2);
    },
  ],
  [
    'the same with the head set, which nobody else can sign',
    ['unsigned', 'checkpoint 6'],
    (db) => {
      db.prepare('UPDATE rows SET digest = ? WHERE id = 2').run(digestOf(edit(db, 2, busier)));
      db.prepare('UPDATE heads SET hash = ?').run(rechain(db, 2));
    },
  ],
  [
    'a row taken out of the middle',
    ['missing 3'],
    (db) => void db.exec('DELETE FROM rows WHERE id = 3; DELETE FROM contents WHERE id = 3'),
  ],
  [
    'a row taken out, and those after it moved up',
    ['edited 3', 'truncated 6', 'checkpoint 6'],
    (db) =>
      void db.exec(
        'DELETE FROM rows WHERE id = 3; UPDATE rows SET id = id - 1 WHERE id > 3; DELETE FROM contents WHERE id = 3; UPDATE contents SET id = id - 1 WHERE id > 3',
      ),
  ],
  ['content that was taken out', ['missing 3'], (db) => void db.exec('DELETE FROM contents WHERE id = 3')],
  [
    'the newest row taken off',
    ['truncated 6', 'checkpoint 6'],
    (db) => void db.exec('DELETE FROM rows WHERE id = 6; DELETE FROM contents WHERE id = 6'),
  ],
  [
    'the oldest row taken off, as retention would',
    ['missing 1'],
    (db) => void db.exec('DELETE FROM rows WHERE id = 1; DELETE FROM contents WHERE id = 1'),
  ],
  [
    'two rows that changed places',
    ['edited 1', 'edited 2', 'edited 3'],
    (db) =>
      void db.exec(`UPDATE rows SET id = 99 WHERE id = 1; UPDATE rows SET id = 1 WHERE id = 2; UPDATE rows SET id = 2 WHERE id = 99;
      UPDATE contents SET id = 99 WHERE id = 1; UPDATE contents SET id = 1 WHERE id = 2; UPDATE contents SET id = 2 WHERE id = 99`),
  ],
  [
    'a row that was put on, with a proper hash',
    ['unsigned 7'],
    (db) => {
      db.exec('INSERT INTO contents SELECT 7, content FROM contents WHERE id = 2');
      const { digest } = db.prepare('SELECT digest FROM rows WHERE id = 2').get() as { digest: string };
      const { hash } = db.prepare('SELECT hash FROM rows WHERE id = 6').get() as { hash: string };
      const forged = rowHash({ id: 7, before: hash, digest });
      db.exec(
        `INSERT INTO rows SELECT 7, kind, at, ms, asked_by, question, query, of, times, complete, targets, answers, site_set, outcomes, digest, '${forged}', bytes FROM rows WHERE id = 2`,
      );
    },
  ],
  [
    'another asker in the column',
    ['index 2'],
    (db) => void db.exec("UPDATE rows SET asked_by = 'token:mallory' WHERE id = 2"),
  ],
  [
    'a repeat that is counted up',
    ['index 4'],
    (db) => void db.exec('UPDATE rows SET times = 400 WHERE id = 4'),
  ],
  [
    'a site that disappears from the list of targets',
    [1, 2, 3, 4, 5, 6].map((id) => `index ${id}`),
    (db) => void db.exec(`UPDATE site_sets SET sites = '["alder"]'`),
  ],
  ['no head', ['unsigned', 'truncated 6'], (db) => void db.exec('DELETE FROM heads')],
  ['a checkpoint that is gone', ['checkpoint'], (_, path) => rmSync(checkpointOf(path))],
  [
    'a checkpoint that says less',
    ['checkpoint'],
    (_, path) =>
      writeFileSync(checkpointOf(path), readFileSync(checkpointOf(path), 'utf8').replace('last 6', 'last 5')),
  ],
  [
    'what a site answered last, changed',
    ['last_known'],
    (db) => void db.exec("UPDATE last_known SET answers = '[]' WHERE site = 'alder'"),
  ],
  [
    'bytes that are no content',
    ['unreadable 5'],
    (db) => void db.exec("UPDATE contents SET content = x'ffffffff' WHERE id = 5"),
  ],
];
for (const [what, faults, change] of tamperings)
  test(`tampering is found: ${what}`, async (t) => {
    const found = await foundAfter(t, change);
    for (const fault of faults) assert.ok(found.includes(fault), `${fault} is not among ${found.join(', ')}`);
  });

test('a history put back to an older state as a whole is found by its checkpoint, and by one that was kept elsewhere', async (t) => {
  const path = await historyIn(await folderOf(t));
  const early = `${path}.early`;
  copyFileSync(path, early);
  const earlyCheckpoint = readFileSync(checkpointOf(path), 'utf8');
  const file = HistoryFile.open(path, opening);
  file.append({ rows: [await encodeRun(answered({ alder: {} }), 0)], lastKnown: [] }, 3_000);
  file.close();
  const later = readFileSync(checkpointOf(path), 'utf8');
  assert.equal(
    (await checkHistory(path, { ...options, against: earlyCheckpoint })).ok,
    true,
    'it goes on from there',
  );
  copyFileSync(early, path);
  const kinds = (check: Awaited<ReturnType<typeof checkHistory>>) => check.faults.map(({ fault }) => fault);
  assert.deepEqual(kinds(await checkHistory(path, options)), ['truncated']);
  writeFileSync(checkpointOf(path), earlyCheckpoint); // whoever can do that too is found by a copy only
  assert.deepEqual(kinds(await checkHistory(path, options)), []);
  assert.deepEqual(kinds(await checkHistory(path, { ...options, against: later })), ['truncated']);
});

test('with the key of another coordinator nothing of it is taken for signed', async (t) => {
  const path = await historyIn(await folderOf(t));
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { faults } = await checkHistory(path, { publicKey });
  assert.deepEqual(
    faults.map(({ fault }) => fault),
    ['unsigned', 'checkpoint'],
  );
});

test('a history that was changed is moved aside at the next start, whole, and the new one says so', async (t) => {
  for (const change of [
    (path: string) => withDatabase(path, (db) => db.exec('DELETE FROM rows WHERE id = 6')),
    (path: string) => writeFileSync(path, 'this is no database, and longer than a header of one would be'),
    (path: string) => rmSync(path),
  ]) {
    const path = await historyIn(await folderOf(t));
    change(path);
    const file = HistoryFile.open(path, { ...opening, now: 77 });
    assert.match(file.movedAside ?? '', /history\.changed-77\.sqlite$/);
    file.append({ rows: [await encodeRun(answered({ alder: {} }), 0)], lastKnown: [] }, 3_000);
    file.close();
    assert.ok(existsSync(checkpointOf(file.movedAside ?? '')));
    const { rows, faults } = await checkHistory(path, options);
    assert.equal(rows, 1);
    assert.deepEqual(
      faults.map(({ fault }) => fault),
      asideOf(path).map(() => 'aside'),
    );
    assert.ok(faults.length > 0);
  }
});

function withDatabase(path: string, use: (db: Database.Database) => unknown): void {
  const db = new Database(path);
  use(db);
  db.close();
}

test('a row changed behind the back of a running coordinator is found, whatever it writes after that', async (t) => {
  const path = await historyIn(await folderOf(t));
  const file = HistoryFile.open(path, opening);
  withDatabase(path, (db) => {
    db.exec('DELETE FROM rows WHERE id = 6; DELETE FROM contents WHERE id = 6; UPDATE heads SET last = 5');
  });
  file.append({ rows: [await encodeRun(answered({ alder: {} }), 0)], lastKnown: [] }, 3_000);
  file.close();
  const { faults } = await checkHistory(path, options);
  assert.deepEqual(
    faults.map(({ fault, id }) => [fault, id]),
    [['missing', 6]],
  );
});

test('a crash between commit and checkpoint leaves a checkpoint that lags, and nothing is wrong with that', async (t) => {
  const path = await historyIn(await folderOf(t));
  const before = readFileSync(checkpointOf(path));
  const file = HistoryFile.open(path, opening);
  file.append({ rows: [await encodeRun(answered({ alder: {} }), 0)], lastKnown: [] }, 3_000);
  file.close();
  writeFileSync(checkpointOf(path), before);
  assert.equal((await checkHistory(path, options)).ok, true);
  const again = HistoryFile.open(path, opening);
  assert.equal(again.movedAside, null);
  again.close();
});

test('retention by count, by age and by bytes leaves a chain that holds, and never fewer rows than the least', async (t) => {
  const all = { rows: 1_000, ageMs: 1e9, bytes: 1e9, rowsLeast: 1 };
  for (const [kept, left] of [
    [{ ...all, rows: 4 }, [5, 6, 7, 8]],
    [{ ...all, ageMs: 5_500 }, [6, 7, 8]],
    [{ ...all, bytes: 1_300 }, null],
    [{ ...all, ageMs: 0, rowsLeast: 2 }, [7, 8]],
  ] as const) {
    const path = join(await folderOf(t), 'history.sqlite');
    const file = HistoryFile.open(path, { ...opening, kept });
    for (let i = 1; i <= 8; i += 1)
      file.append(
        { rows: [await encodeRun(answered({ [`site${i}`]: {} }, { at: i * 1_000 }), 0)], lastKnown: [] },
        i === 8 ? 11_000 : 1_000,
      );
    file.close();
    const { ok, faults, first, last } = await checkHistory(path, { ...options });
    assert.ok(ok, JSON.stringify(faults));
    withDatabase(path, (db) => {
      const ids = db
        .prepare('SELECT id FROM rows ORDER BY id')
        .all()
        .map((row) => (row as { id: number }).id);
      if (left !== null) assert.deepEqual(ids, left);
      else assert.ok(ids.length < 8 && ids.length > 0);
      assert.deepEqual([first, last], [ids[0], 8]);
      assert.equal(
        db.prepare('SELECT count(*) FROM site_sets').pluck().get(),
        ids.length,
        'no list of sites is left over',
      );
    });
    const again = HistoryFile.open(path, opening);
    assert.equal(again.movedAside, null, 'what retention took away is no tampering');
    again.close();
  }
});

test('a history of a newer version is refused and stays as it is', async (t) => {
  const path = await historyIn(await folderOf(t));
  withDatabase(path, (db) => db.pragma('user_version = 99'));
  const bytes = readFileSync(path).toString('base64');
  assert.throws(() => HistoryFile.open(path, opening), { code: 'bad_setup', message: /newer version/ });
  assert.equal(readFileSync(path).toString('base64'), bytes);
});
