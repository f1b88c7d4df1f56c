/** Deliveries to a real HTTP receiver that fails in each way, from a queue in a real SQLite file. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import { type BetterSQLite3Database, drizzle, sql } from '../drizzle.ts';
import { type Answer, openReceiver, type Receiver } from '../testing/receiver.ts';
import { Deliveries } from './deliver.ts';
import { CREATE_DELIVERIES, DeliveryQueue } from './queue.ts';
import { webhookMessageOf } from './webhook.ts';

interface Queue {
  readonly db: BetterSQLite3Database;
  readonly owed: DeliveryQueue;
  readonly log: string[];
  /** Queues what is owed when the node goes down (even numbers) or comes back (odd ones). */
  queue(url: string, n: number): void;
  deliveries(...urls: readonly string[]): Deliveries;
  close(): void;
}

const world = {
  after: (ms: number, run: () => void) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

function openQueue(t: TestContext, file: string): Queue {
  const sqlite = new Database(file);
  sqlite.exec(CREATE_DELIVERIES);
  const db = drizzle(sqlite);
  const owed = new DeliveryQueue(db);
  const log: string[] = [];
  const made: Deliveries[] = [];
  const close = () => void sqlite.close();
  t.after(async () => {
    await Promise.all(made.map((one) => one.stop()));
    close();
  });
  return {
    db,
    owed,
    log,
    queue: (url, n) => {
      const group = { alertname: 'node_down', site: 'garage', subject: 'pve1' };
      const change = n % 2 === 0 ? 'raise' : 'clear';
      const news = {
        receiver: 'logic-node',
        group,
        severity: 'critical',
        change,
        at: n,
        before: null,
      } as const;
      owed.add([{ id: `id-${n}`, url, body: JSON.stringify(webhookMessageOf(news)), queuedAt: n }]);
    },
    deliveries: (...urls) => {
      const log_ = pino({}, { write: (line) => void log.push(line) });
      const one = new Deliveries({ urls, queue: owed, world, log: log_, retryMs: 5, timeoutMs: 100 });
      made.push(one);
      return one;
    },
    close,
  };
}

async function startReceiver(t: TestContext, port = 0): Promise<Receiver> {
  const receiver = await openReceiver(port);
  t.after(() => receiver.close());
  return receiver;
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const limit = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > limit) throw new Error(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function queueFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'deliveries-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'queue.sqlite');
}

const ids = (receiver: Receiver) => receiver.received.map(({ id }) => id);

for (const answer of [500, 404, 302, 'hang', 'reset'] satisfies Answer[]) {
  test(`a receiver that answers ${answer} gets the same delivery again, and those after it wait`, async (t) => {
    const receiver = await startReceiver(t);
    receiver.answerWith(answer, answer, 200, answer);
    const queue = openQueue(t, await queueFile(t));
    const deliveries = queue.deliveries(receiver.url);
    for (let n = 0; n < 4; n += 1) queue.queue(receiver.url, n);
    deliveries.start();
    await until(() => queue.owed.undelivered === 0, 'all is delivered');
    assert.deepEqual(ids(receiver), ['id-0', 'id-0', 'id-0', 'id-1', 'id-1', 'id-2', 'id-3']);
    assert.deepEqual(
      receiver.taken().map(({ status }) => status),
      ['firing', 'resolved', 'firing', 'resolved'],
    );
    assert.equal(queue.log.length, 3);
    assert.ok(queue.log.every((line) => !line.includes('secret')));
  });
}

test('a receiver that is not there yet gets all of it, in order, when it is', async (t) => {
  const gone = await startReceiver(t);
  await gone.close();
  const queue = openQueue(t, await queueFile(t));
  for (let n = 0; n < 3; n += 1) queue.queue(gone.url, n);
  queue.deliveries(gone.url).start();
  await until(() => queue.log.length >= 2, 'it is refused twice');
  const receiver = await startReceiver(t, gone.port);
  await until(() => queue.owed.undelivered === 0, 'all is delivered');
  assert.deepEqual(ids(receiver), ['id-0', 'id-1', 'id-2']);
});

test('a receiver that hangs costs no other receiver anything', async (t) => {
  const [slow, quick] = [await startReceiver(t), await startReceiver(t)];
  slow.answerWith('hang', 'hang', 'hang', 'hang', 'hang', 'hang');
  const queue = openQueue(t, await queueFile(t));
  queue.queue(slow.url, 0);
  for (let n = 2; n < 12; n += 1) queue.queue(quick.url, n);
  queue.deliveries(slow.url, quick.url).start();
  await until(() => quick.received.length === 10, 'the quick one has all');
  assert.ok(slow.received.length <= 2);
});

test('what was queued is delivered after a restart, and what no address is configured for is forgotten', async (t) => {
  const file = await queueFile(t);
  const receiver = await startReceiver(t);
  receiver.answerWith('hang');
  const first = openQueue(t, file);
  for (let n = 0; n < 3; n += 1) first.queue(receiver.url, n);
  first.queue('http://127.0.0.1:9/elsewhere', 10);
  const deliveries = first.deliveries(receiver.url, 'http://127.0.0.1:9/elsewhere');
  deliveries.start();
  await until(() => receiver.received.length === 1, 'the first is under way');
  await deliveries.stop();
  first.close();
  const second = openQueue(t, file);
  assert.equal(second.owed.undelivered, 4);
  second.deliveries(receiver.url).start();
  await until(() => second.owed.undelivered === 0, 'all is delivered');
  assert.deepEqual(ids(receiver), ['id-0', 'id-0', 'id-1', 'id-2']);
});

test('what is queued at any moment is delivered, the moment of the last look too', async (t) => {
  const receiver = await startReceiver(t);
  const queue = openQueue(t, await queueFile(t));
  const deliveries = queue.deliveries(receiver.url);
  deliveries.start();
  for (let n = 0; n < 100; n += 1) {
    queue.queue(receiver.url, n);
    deliveries.wake();
    if (n % 3 === 0) await until(() => queue.owed.undelivered === 0, `${n} is delivered`);
  }
  await until(() => queue.owed.undelivered === 0, 'all is delivered');
  assert.deepEqual(
    ids(receiver),
    Array.from({ length: 100 }, (_, n) => `id-${n}`),
  );
});

test('while a delivery cannot be noted it is repeated under its id, and the agent lives on', async (t) => {
  const receiver = await startReceiver(t);
  const queue = openQueue(t, await queueFile(t));
  const deliveries = queue.deliveries(receiver.url);
  deliveries.start();
  queue.queue(receiver.url, 0);
  queue.db.run(sql`PRAGMA query_only = ON`);
  deliveries.wake();
  await until(() => receiver.received.length >= 3, 'it is repeated');
  queue.db.run(sql`PRAGMA query_only = OFF`);
  await until(() => queue.owed.undelivered === 0, 'it is noted');
  assert.deepEqual([...new Set(ids(receiver))], ['id-0']);
  assert.match(queue.log[0] ?? '', /not noted/);
});
