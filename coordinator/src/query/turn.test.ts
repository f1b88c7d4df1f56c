/** Checks take turns, a slice at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHECK_SLICE_MS } from '@fleet/shared/limits.ts';
import { openTurn } from './turn.ts';

test('tasks run in their order, each result with its own task, and a failure is its own task alone', async () => {
  const turn = openTurn({ elapsed: () => 0 });
  const ran: number[] = [];
  const results = await Promise.allSettled(
    [1, 2, 3].map((n) =>
      turn(() => {
        ran.push(n);
        if (n === 2) throw new Error('two');
        return n;
      }),
    ),
  );
  assert.deepEqual(ran, [1, 2, 3]);
  assert.deepEqual(
    results.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason))),
    [1, 'Error: two', 3],
  );
});

test('between two slices the event loop has its turn, however much waits', async () => {
  let now = 0;
  const turn = openTurn({ elapsed: () => now });
  const seen: string[] = [];
  const tasks = ['a', 'b', 'c', 'd'].map((name) =>
    turn(() => {
      now += CHECK_SLICE_MS / 2;
      seen.push(name);
    }),
  );
  setImmediate(() => seen.push('loop'));
  await Promise.all(tasks);
  assert.deepEqual(seen, ['a', 'b', 'loop', 'c', 'd']);
});

test('work that comes while a slice runs is done as well', async () => {
  const turn = openTurn({ elapsed: () => 0 });
  const inner = await turn(() => turn(() => 'inner'));
  assert.equal(inner, 'inner');
  assert.equal(await turn(() => 'later'), 'later');
});

test('what is due and still waits is given up with `deadline`, and does not run; what waits beside it does', async () => {
  let now = 0;
  const turn = openTurn({ elapsed: () => now });
  const ran: string[] = [];
  const slow = (name: string) => () => {
    now += CHECK_SLICE_MS;
    ran.push(name);
  };
  const first = turn(slow('first'), CHECK_SLICE_MS);
  const late = turn(slow('late'), CHECK_SLICE_MS);
  const patient = turn(slow('patient'));
  await assert.rejects(late, { code: 'deadline' });
  await Promise.all([first, patient]);
  assert.deepEqual(ran, ['first', 'patient']);
});
