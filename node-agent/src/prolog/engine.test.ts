/** The engine of a running site: recycled when its functors grow, replaced when its lane is out of step or its threads hang. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asLogicError } from '@fleet/shared/errors.ts';
import { ANSWERS, ENGINE_CHECK_MS, ENGINE_FUNCTORS_GROWTH, QUESTION_WALL_MS } from '@fleet/shared/limits.ts';
import { postPengine } from '../testing/pengines.ts';
import { ENDLESS, startSite, until } from '../testing/site.ts';
import type { Lane } from './lane.ts';

type Site = Awaited<ReturnType<typeof startSite>>;

const NEVER = new AbortController().signal;
const PENGINE = '12345678-1234-4234-8234-123456789012';

function ask(lane: Lane, text: string, gone = NEVER): Promise<string> {
  return lane.ask({ format: 'json', pengine: PENGINE, text, caller: 'test' }, gone).then(
    ({ body }) => /"code": ?"(\w+)"/.exec(body.toString())?.[1] ?? 'answered',
    (cause) => asLogicError(cause).code,
  );
}

/** What the door says to an endless question. */
async function endless(site: Site): Promise<string> {
  const keys = { ask: ENDLESS, template: '[N]', chunk: ANSWERS, destroy: true, format: 'json' };
  const reply = await postPengine(site.url, 'create', JSON.stringify(keys));
  return /"code": ?"(\w+)"/.exec(await reply.text())?.[1] ?? 'answered';
}

test('an engine whose functors grew is recycled, and the questions under way are answered before', async (t) => {
  const site = await startSite(t);
  const { lane } = site.engine.bridge();
  const before = (await site.engine.bridge().ready()).functors;
  // Straight to the lane: the door lets no fresh functor through.
  for (let from = 0; from <= ENGINE_FUNCTORS_GROWTH; from += 20_000) {
    const goals = Array.from({ length: 20_000 }, (_, at) => `fresh_${from + at}(a)`);
    assert.equal(await ask(lane, `lane([${goals.join(',')}],[])`), 'unknown_predicate');
  }
  assert.ok((await site.engine.bridge().ready()).functors > before + ENGINE_FUNCTORS_GROWTH);
  const said: string[] = [];
  const asking = [0, 1].map(async () => {
    while (site.engine.restarts === 0) said.push(await endless(site));
  });
  await until(() => site.engine.restarts === 1, 'recycled', ENGINE_CHECK_MS + 5_000);
  await Promise.all(asking);
  await until(() => site.engine.state === 'ready', 'another is ready');
  assert.ok(
    said.some((code) => /^(time|inference)_limit$/.test(code)),
    said.join(),
  );
  const others = said.filter((code) => !/^((time|inference)_limit|not_ready)$/.test(code));
  assert.deepEqual(others, [], 'no question was lost');
  assert.ok((await site.engine.bridge().ready()).functors < before + 5_000);
});

test('an engine that does not read the lane any more is replaced', async (t) => {
  const site = await startSite(t);
  const { lane } = site.engine.bridge();
  // A frame longer than any: Prolog ends the connection.
  const lost = ask(lane, `lane(${'x'.repeat(2_000_000)},[])`);
  assert.equal(await lost, 'engine_lost');
  await until(() => site.engine.restarts === 1 && site.engine.state === 'ready', 'another is ready');
  assert.equal(await ask(site.engine.bridge().lane, 'lane(node(N),[N])'), 'answered');
});

test('questions on the lane are answered out of order, and one that is cancelled frees its thread at once', async (t) => {
  const site = await startSite(t);
  const { lane } = site.engine.bridge();
  const order: string[] = [];
  const gone = new AbortController();
  const slow = ask(lane, `lane((${ENDLESS}),[N])`, gone.signal).then((code) => order.push(code));
  const quick = Array.from({ length: 20 }, () =>
    ask(lane, 'lane(node(N),[N])').then((code) => order.push(code)),
  );
  await Promise.all(quick);
  const began = performance.now();
  gone.abort();
  await slow;
  assert.ok(performance.now() - began < QUESTION_WALL_MS / 2);
  assert.deepEqual(order, [...Array(20).fill('answered'), 'cancelled']);
  assert.equal(lane.underWay, 0);
});

test('cancels at every moment of a question leave the lane as it was', async (t) => {
  const site = await startSite(t);
  const { lane } = site.engine.bridge();
  const told = new Set<string>();
  for (let at = 0; at < 400; at += 1) {
    const gone = new AbortController();
    const asked = ask(lane, 'lane(node_status(N,S),[N,S])', gone.signal);
    const timer = setTimeout(() => gone.abort(), at % 4);
    if (at % 5 === 0) gone.abort();
    told.add(await asked);
    clearTimeout(timer);
  }
  assert.deepEqual(
    [...told].filter((code) => code !== 'answered' && code !== 'cancelled'),
    [],
  );
  assert.equal(site.engine.restarts, 0);
  assert.equal(lane.underWay, 0);
  assert.equal(await ask(lane, 'lane(node(N),[N])'), 'answered');
});
