/** The judge of the live scenario sees what it is there to see: a change that is lost, doubled, late, or nobody's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Changes } from './changes.ts';

/** Two sites, three changes each; `come` says what comes of them, in order. */
function judged(come: readonly Come[]) {
  const changes = new Changes(1000);
  for (const [at, reading] of [0.1, 0.2, 0.3].entries())
    for (const site of ['a', 'b']) changes.send(site, reading, 1000 + at);
  for (const [at, [site, reading]] of come.entries()) changes.came(site, reading, 1010 + at);
  const { twice, late, strange, took } = changes;
  return { missing: changes.missing(), twice, late, strange, came: took.length };
}

type Come = readonly [string, number];
const allOf = (site: string): [Come, Come, Come] => [
  [site, 0.1],
  [site, 0.2],
  [site, 0.3],
];
const A = allOf('a');
const B = allOf('b');
const WELL = { missing: [], twice: 0, late: 0, strange: 0 };

test('all that was sent came once, in the order of each site', () => {
  assert.deepEqual(judged([...A, ...B]), { ...WELL, came: 6 });
  assert.deepEqual(judged([...B, ...A]), { ...WELL, came: 6 });
});

test('a change that is overtaken by the next of its site is no fault; a last one that did not come is', () => {
  assert.deepEqual(judged([A[0], A[2], ...B]), { ...WELL, came: 5 });
  assert.deepEqual(judged([...A, B[0], B[1]]), { ...WELL, missing: ['b'], came: 5 });
  assert.deepEqual(judged([]), { ...WELL, missing: ['a', 'b'], came: 0 });
});

test('a change that comes again is seen, at once or later', () => {
  assert.deepEqual(judged([...A, ...B, B[2]]), { ...WELL, twice: 1, came: 6 });
  assert.deepEqual(judged([A[0], A[0], A[1], A[2], ...B]), { ...WELL, twice: 1, came: 6 });
  assert.deepEqual(judged([...A, ...B, A[0]]), { ...WELL, twice: 1, late: 1, came: 6 });
});

test('a change that comes after a later one, or that nobody sent, is seen', () => {
  assert.deepEqual(judged([A[0], A[2], A[1], ...B]), { ...WELL, late: 1, came: 6 });
  assert.deepEqual(judged([...A, ...B, ['a', 0.4], ['c', 0.1]]), { ...WELL, strange: 2, came: 6 });
});

test('a change is timed from when it was sent', () => {
  const changes = new Changes(1000);
  changes.send('a', 0.5, 3000);
  changes.came('a', 0.5, 3042);
  assert.deepEqual(changes.took, [[2, 42]]);
});
