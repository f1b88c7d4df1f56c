import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import { answered, folderOf, KEY_PEM, QUERY } from '../testing/answered.ts';
import { realWorld } from '../world.ts';
import { WriteQueue } from './history/queue.ts';
import { RecentAnswers } from './history/recent.ts';
import { type History, openHistory } from './history.ts';

const log = pino({ level: 'silent' });
const open = (file: string) => openHistory({ file, key: KEY_PEM, world: realWorld, log });

async function historyOf(t: TestContext): Promise<{ history: History; file: string }> {
  const file = join(await folderOf(t), 'history.sqlite');
  const history = await open(file);
  t.after(() => history.close());
  return { history, file };
}

const all = { limit: 20 };
const ids = (history: History, filter: Partial<Parameters<History['list']>[0]> = {}) =>
  history.list({ ...all, ...filter }).rows.map(({ id }) => id);

test('an answer is found again as it was given, whole, with its proofs, who asked, and its digests', async (t) => {
  const { history } = await historyOf(t);
  const run = answered(
    { birch: { outcome: 'timeout' }, alder: { loads: { pve1: 0.5, pve2: 1e-7 } }, cedar: {} },
    {
      askedBy: 'token:nightly',
      at: 123,
      ms: 45,
      asked: { query: QUERY, sites: ['alder', 'birch', 'cedar'], deadlineMs: 300 },
    },
  );
  history.record(run);
  await history.flush();
  const { digests, ...row } = await history.row(1).then((row) => (row.kind === 'run' ? row : assert.fail()));
  assert.deepEqual(row, { id: 1, kind: 'run', lost: 0, ...run });
  assert.deepEqual(digests.bundles, ['b'.repeat(64)]);
  assert.match(digests.answers, /^[0-9a-f]{64}$/);
  const [{ hash, ...listing } = assert.fail()] = history.list(all).rows;
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.deepEqual(listing, {
    id: 1,
    kind: 'run',
    of: null,
    times: 1,
    at: 123,
    ms: 45,
    askedBy: 'token:nightly',
    query: QUERY,
    complete: false,
    targets: 3,
    answers: 2,
    outcomes: { answered: 1, timeout: 1, empty: 1 },
  });
  assert.equal((await history.check()).ok, true);
  await assert.rejects(history.row(2), { code: 'not_found' });
});

test('equal answers have one digest, whatever their proofs; another answer has another', async (t) => {
  const { history } = await historyOf(t);
  const first = answered({ alder: { loads: { pve1: 1 } } });
  const proved = {
    ...first,
    result: { ...first.result, answers: first.result.answers.map((answer) => ({ ...answer, proof: null })) },
  };
  for (const run of [first, proved, answered({ alder: { loads: { pve1: 2 } } })]) history.record(run);
  await history.flush();
  const digests = await Promise.all(
    [1, 2, 3].map(async (id) => {
      const row = await history.row(id);
      return row.kind === 'run' ? row.digests.answers : assert.fail();
    }),
  );
  assert.equal(digests[0], digests[1]);
  assert.notEqual(digests[0], digests[2]);
});

test('the list is the newest first, in pages, and is searched by query, site, and what became of a site', async (t) => {
  const { history } = await historyOf(t);
  history.record(answered({ alder: {}, birch: { outcome: 'timeout' } }));
  history.record(answered({ alder: { outcome: 'timeout' }, birch: {}, cedar: {} }));
  history.record(answered({ birch: { outcome: 'rejected' } }, { asked: { query: 'node(N)' } }));
  await history.flush();
  assert.deepEqual(ids(history), [3, 2, 1]);
  const page = history.list({ limit: 2 });
  assert.deepEqual([page.rows.map(({ id }) => id), page.more], [[3, 2], true]);
  assert.deepEqual(history.list({ limit: 2, before: 2 }).more, false);
  assert.deepEqual(ids(history, { before: 2 }), [1]);
  assert.deepEqual(ids(history, { query: 'node(' }), [3]);
  assert.deepEqual(ids(history, { site: 'alder' }), [2, 1]);
  assert.deepEqual(ids(history, { site: 'cedar' }), [2]);
  assert.deepEqual(ids(history, { site: 'ald' }), []);
  assert.deepEqual(ids(history, { outcome: 'timeout' }), [2, 1]);
  assert.deepEqual(ids(history, { outcome: 'timeout', site: 'birch' }), [1]);
  assert.deepEqual(ids(history, { outcome: 'rejected', site: 'birch', query: 'node(' }), [3]);
  assert.deepEqual(ids(history, { outcome: 'stale' }), []);
});

test('one answer given many times is one row, and one more for each asker with a count', async (t) => {
  const { history } = await historyOf(t);
  const run = answered({ alder: { loads: { pve1: 1 } } });
  for (let at = 1; at <= 50; at += 1) history.record({ ...run, at });
  history.record({ ...run, askedBy: 'token:wall', at: 51 });
  await history.flush();
  assert.deepEqual(ids(history), [3, 2, 1]);
  assert.deepEqual(await history.row(2), {
    id: 2,
    kind: 'again',
    of: 1,
    askedBy: 'loopback',
    times: 49,
    at: 2,
    last: 50,
  });
  assert.deepEqual(await history.row(3), {
    id: 3,
    kind: 'again',
    of: 1,
    askedBy: 'token:wall',
    times: 1,
    at: 51,
    last: 51,
  });
  history.record({ ...run, at: 60 });
  await history.flush();
  assert.equal(history.list(all).rows[0]?.of, 1);
  assert.equal((await history.check()).ok, true);
  assert.deepEqual((await history.diff({ a: 1, b: 3 })).answers.changed, []);
});

test('what changed between the last two runs of a question, however it was spelled, or between any two', async (t) => {
  const { history } = await historyOf(t);
  history.record(answered({ alder: { loads: { pve1: 1, pve2: 1 } }, birch: {} }));
  history.record(answered({ alder: {} }, { asked: { query: 'node(N)' } }));
  history.record(
    answered(
      { alder: { loads: { pve1: 2, nas: 1 } }, birch: { outcome: 'timeout' } },
      { asked: { query: 'node_load( N,L )' } },
    ),
  );
  await history.flush();
  const { a, b, answers, unknown, sites } = await history.diff({ last: QUERY });
  assert.deepEqual([a.id, b.id], [1, 3]);
  const binding = ({ bindings }: (typeof answers.added)[number]) => bindings;
  assert.deepEqual(answers.added.map(binding), [{ N: 'nas', L: 1 }]);
  assert.deepEqual(answers.removed.map(binding), [{ N: 'pve2', L: 1 }]);
  assert.deepEqual(
    answers.changed.map(({ from, to }) => [binding(from), binding(to)]),
    [
      [
        { N: 'pve1', L: 1 },
        { N: 'pve1', L: 2 },
      ],
    ],
  );
  assert.deepEqual(unknown, ['birch']);
  assert.equal(sites.changed.length, 1);
  await assert.rejects(history.diff({ last: 'node(N)' }), { code: 'not_found', message: /one run only/ });
  await assert.rejects(history.diff({ last: 'node(M)' }), { code: 'not_found', message: /no run/ });
  await assert.rejects(history.diff({ a: 1, b: 2 }), { code: 'bad_request' });
  await assert.rejects(history.diff({ a: 1, b: 9 }), { code: 'not_found' });
});

test('what a site answered last is known at once, after a restart, and only of the same question under the same assumptions', async (t) => {
  const { history, file } = await historyOf(t);
  const assume = ['node_up(pve1,false)'];
  history.record(answered({ alder: { loads: { pve1: 1 } }, birch: {} }, { at: 10 }));
  history.record(answered({ alder: { outcome: 'timeout' }, birch: { loads: { nas: 2 } } }, { at: 20 }));
  history.record(answered({ alder: { loads: { pve1: 9 } } }, { at: 30, asked: { query: QUERY, assume } }));
  const known = (from: History, site: string, assumptions: readonly string[] = []) =>
    from.of(' node_load(N,L)', assumptions, site);
  const expect = (from: History) => {
    assert.deepEqual(known(from, 'alder'), {
      at: 10,
      answers: [{ site: 'alder', bindings: { N: 'pve1', L: 1 }, standing: 'verified', proof: null }],
    });
    assert.deepEqual([known(from, 'birch')?.at, known(from, 'birch')?.answers.length], [20, 1]);
    assert.equal(known(from, 'alder', ['node_up( pve1, false )'])?.at, 30);
    assert.equal(known(from, 'cedar'), null);
    assert.equal(from.of('node(N)', [], 'alder'), null);
  };
  expect(history);
  await history.close();
  const again = await open(file);
  t.after(() => again.close());
  expect(again);
  const db = new Database(file);
  db.prepare("UPDATE last_known SET at = 999 WHERE site = 'birch'").run();
  db.close();
  assert.equal(known(again, 'birch'), null, 'what somebody changed is not offered');
});

test('a site whose answers went into one of the fleet is not said to have answered nothing', async (t) => {
  const { history } = await historyOf(t);
  const run = answered({ alder: { loads: { pve1: 1 } } });
  history.record({ ...run, result: { ...run.result, answers: [] } });
  assert.equal(history.of(QUERY, [], 'alder'), null);
});

test('answers that come together share one write, and taking one does no work yet', async () => {
  const batches: number[] = [];
  const queue = new WriteQueue(
    async ({ rows }) => {
      batches.push(rows.length);
      return { ok: true, ids: rows.map((_, i) => i + 1), movedAside: null };
    },
    new RecentAnswers(realWorld),
    (cause) => assert.fail(String(cause)),
  );
  for (let i = 0; i < 50; i += 1) queue.take(answered({ alder: { loads: { pve1: i } } }));
  assert.deepEqual(batches, []);
  await queue.flush();
  assert.deepEqual(
    batches.filter((rows) => rows > 0),
    [50],
  );
});

test('the chain goes on over a restart', async (t) => {
  const { history, file } = await historyOf(t);
  history.record(answered({ alder: {} }));
  await history.close();
  const again = await open(file);
  t.after(() => again.close());
  again.record(answered({ alder: {} }));
  const check = await again.check();
  assert.deepEqual([check.ok, check.rows, check.last], [true, 2, 2]);
});
