/** Group commit over a real journal: who shares a revision, and who shares a refusal. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { sql } from '@fleet/shared/drizzle.ts';
import { BATCH_OBSERVATIONS } from '@fleet/shared/limits.ts';
import fc from 'fast-check';
import { atEnd, type Ending, temporaryFolder } from '../testing/folder.ts';
import { row } from '../testing/row.ts';
import { realWorld } from '../world.ts';
import { Intake } from './intake.ts';
import { Journal, type JournalRow } from './journal.ts';

async function openIntake(t: Ending, sync?: (file: number) => Promise<void>) {
  const journal = Journal.open(join(await temporaryFolder(t), 'journal.sqlite'), sync);
  atEnd(t, () => journal.close());
  const told: JournalRow[][] = [];
  const intake = new Intake({ journal, world: realWorld, onJournaled: (rows) => void told.push([...rows]) });
  return { journal, intake, told };
}

const codeOf = (taking: Promise<number>) => taking.then(String, ({ code }: { code: string }) => code);

test('batches of one turn share a revision and keep their order; those of the next turn get the next', async (t) => {
  const { journal, intake, told } = await openIntake(t);
  const taking = ['a', 'b', 'c'].map((fact) => intake.take([row(fact), row(`${fact}2`)]));
  assert.deepEqual(await Promise.all(taking), [1, 1, 1]);
  assert.equal(await intake.take([]), 2);
  const facts = ['a', 'a2', 'b', 'b2', 'c', 'c2'].map((fact) => row(fact));
  assert.deepEqual([journal.batch(1), journal.batch(2)], [facts, []]);
  assert.deepEqual(told, [facts, []]);
});

test('settled waits for what was taken before, refused or not', async (t) => {
  const { journal, intake } = await openIntake(t);
  void intake.take([row('a')]);
  await intake.settled();
  assert.equal(journal.lastRevision, 1);
  void intake.take([row('b', 0.5)]).catch(() => {});
  await intake.settled();
});

test('one that the disk refuses takes its group with it: nobody is acknowledged, nothing is stored or told', async (t) => {
  const { journal, intake, told } = await openIntake(t);
  // No whole number: SQLite refuses the row.
  const taking = [intake.take([row('a')]), intake.take([row('b', 0.5)]), intake.take([row('c')])];
  assert.deepEqual(await Promise.all(taking.map(codeOf)), ['not_stored', 'not_stored', 'not_stored']);
  assert.deepEqual([journal.lastRevision, journal.batch(1), told], [0, null, []]);
  assert.equal(await intake.take([row('c')]), 1);
});

test('nobody is acknowledged and nobody told before the disk says so; who came meanwhile shares the next sync', async (t) => {
  const syncs: (() => void)[] = [];
  const { journal, intake, told } = await openIntake(t, () => new Promise((done) => void syncs.push(done)));
  const acknowledged: number[] = [];
  const take = (fact: string) =>
    intake.take([row(fact)]).then((revision) => void acknowledged.push(revision));
  const turn = () => new Promise((next) => setImmediate(next));
  const takings = [take('a')];
  await turn();
  for (const fact of ['b', 'c']) {
    takings.push(take(fact));
    await turn();
  }
  await turn();
  assert.deepEqual(
    [journal.lastRevision, journal.durableRevision, acknowledged, told, syncs.length],
    [3, 0, [], [], 1],
  );
  syncs[0]?.();
  await takings[0];
  await turn();
  assert.deepEqual([journal.durableRevision, acknowledged, told, syncs.length], [1, [1], [[row('a')]], 2]);
  syncs[1]?.();
  await Promise.all(takings);
  assert.deepEqual([journal.durableRevision, acknowledged, syncs.length], [3, [1, 2, 3], 2]);
});

test('what the disk would not sync is refused and changes nothing; what a checkpoint saves is acknowledged', async (t) => {
  let broken = 1;
  const { journal, intake, told } = await openIntake(t, async () => {
    broken -= 1;
    if (broken >= 0) throw new Error('EIO');
  });
  assert.equal(await intake.take([row('a')]), 1);
  broken = 4;
  assert.equal(await codeOf(intake.take([row('b')])), 'not_stored');
  assert.deepEqual([journal.durableRevision, journal.batch(2), told], [1, [], [[row('a')]]]);
  broken = 0;
  assert.equal(await intake.take([row('c')]), 3);
  assert.deepEqual([journal.durableRevision, journal.batch(3)], [3, [row('c')]]);
});

test('while nothing can be written everyone is refused, and then it goes on', async (t) => {
  const { journal, intake } = await openIntake(t);
  journal.db.run(sql`PRAGMA query_only = ON`);
  for (let turn = 0; turn < 3; turn += 1)
    assert.deepEqual(await Promise.all([row('a'), row('b')].map((one) => codeOf(intake.take([one])))), [
      'not_stored',
      'not_stored',
    ]);
  journal.db.run(sql`PRAGMA query_only = OFF`);
  assert.deepEqual(await Promise.all([intake.take([row('a')]), intake.take([row('b')])]), [1, 1]);
});

test('however many come in a turn, a revision has no more than a batch may, and all of it comes back in order', async (t) => {
  const { journal, intake } = await openIntake(t);
  const most = BATCH_OBSERVATIONS;
  const size = fc.oneof(fc.nat(20), fc.constantFrom(most / 2, most / 2 + 1, most - 1, most));
  await fc.assert(
    fc.asyncProperty(fc.array(size, { minLength: 1, maxLength: 4 }), async (sizes) => {
      const before = journal.lastRevision;
      const batches = sizes.map((rows, batch) =>
        Array.from({ length: rows }, (_, i) => row(`f(${batch},${i})`)),
      );
      const revisions = await Promise.all(batches.map((batch) => intake.take(batch)));
      assert.deepEqual(
        revisions,
        [...revisions].sort((a, b) => a - b),
      );
      assert.equal(revisions[0], before + 1);
      assert.equal(revisions.at(-1), journal.lastRevision);
      for (const revision of new Set(revisions)) {
        const own = batches.filter((_, i) => revisions[i] === revision).flat();
        assert.ok(own.length <= most);
        assert.deepEqual(journal.batch(revision), own);
      }
    }),
    { numRuns: 15 },
  );
});
