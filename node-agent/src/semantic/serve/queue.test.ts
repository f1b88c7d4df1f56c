/** Order, the bound, and leaving. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Queue } from './queue.ts';

const STAYS = new AbortController().signal;

/** A job that ends when it is told to. */
function job(order: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const run = async () => {
    order.push(name);
    await promise;
    return name;
  };
  return { run, end: resolve };
}

test('one runs, those behind it follow in the order in which they came, and nobody overtakes', async () => {
  const queue = new Queue(2);
  const order: string[] = [];
  const [first, second, third] = [job(order, 'first'), job(order, 'second'), job(order, 'third')];
  const results = [first, second, third].map(({ run }) => queue.run(run, STAYS));
  assert.deepEqual([order, queue.waiting], [['first'], 2]);
  for (const { end } of [third, second, first]) end();
  assert.deepEqual(await Promise.all(results), ['first', 'second', 'third']);
  assert.deepEqual(order, ['first', 'second', 'third']);
});

test('past the bound there is no place, until one has left', async () => {
  const queue = new Queue(1);
  const order: string[] = [];
  const running = job(order, 'running');
  const ran = queue.run(running.run, STAYS);
  const leaving = new AbortController();
  const waited = queue.run(job(order, 'leaves').run, leaving.signal);
  assert.equal(queue.run(job(order, 'too many').run, STAYS), null);
  leaving.abort(new Error('left'));
  await assert.rejects(waited ?? Promise.resolve(), /left/);
  const next = job(order, 'next');
  const served = queue.run(next.run, STAYS);
  next.end();
  running.end();
  assert.deepEqual([await ran, await served, order], ['running', 'next', ['running', 'next']]);
});

test('a job that fails gives its place to the next', async () => {
  const queue = new Queue(1);
  const failed = queue.run(() => Promise.reject(new Error('no')), STAYS);
  const served = queue.run(async () => 'served', STAYS);
  await assert.rejects(failed ?? Promise.resolve(), /no/);
  assert.equal(await served, 'served');
});
