import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPOSITION_LEVELS, LEVEL_SLACK_MS } from '@fleet/shared/limits.ts';
import { deadlineBelow, extend, readPath, refuseLoop, writePath } from './path.ts';

const id = (digit: string) => digit.repeat(64);

test('a way is read as it was written, and none is the way of a question that comes first-hand', () => {
  const way = extend(extend([], { id: id('a'), name: 'mid' }), { id: id('b'), name: 'low' });
  assert.deepEqual(readPath(writePath(way)), way);
  assert.deepEqual(readPath(undefined), []);
  assert.deepEqual(readPath(''), []);
  for (const text of ['mid', `${id('a')}`, `${id('a')}/Mid`, `${id('a')}/mid,`, `${id('g')}/mid`])
    assert.throws(() => readPath(text), { code: 'bad_request' }, text);
});

test('a coordinator that is on the way already refuses, and names the circle from itself on', () => {
  const way = [
    { id: id('a'), name: 'mid' },
    { id: id('b'), name: 'low' },
  ];
  refuseLoop(way, id('c'));
  assert.throws(() => refuseLoop(way, id('a')), { code: 'loop', message: /by way of mid\/low$/ });
  assert.throws(() => refuseLoop(way, id('b')), { code: 'loop', message: /by way of low$/ });
});

test('a way has at most as many coordinators as there are levels', () => {
  const way = Array.from({ length: COMPOSITION_LEVELS }, (_, i) => ({ id: id(String(i)), name: `n${i}` }));
  assert.deepEqual(readPath(writePath(way)), way);
  assert.throws(() => extend(way, { id: id('f'), name: 'more' }), {
    code: 'loop',
    message: /n0\/n1\/n2\/n3\/more/,
  });
  assert.throws(() => readPath(writePath([...way, { id: id('f'), name: 'more' }])), { code: 'bad_request' });
});

test('each level gives on less than it has, and never nothing', () => {
  assert.equal(deadlineBelow(5_000), 5_000 - LEVEL_SLACK_MS);
  for (const ms of [1, 2, 50, 300, 499, 500, 60_000]) {
    const below = deadlineBelow(ms);
    assert.ok(below >= 1 && below <= ms && (ms < 2 || below < ms), `${ms}: ${below}`);
  }
});
