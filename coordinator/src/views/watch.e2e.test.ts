/** Live views over real agents: changes, losses, returns, and how long a change takes from its site to a reader. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { startCoordinator } from '../coordinator.ts';
import { type AgentProcess, startAgent } from '../testing/agent-process.ts';
import { openTestFleet } from '../testing/site-server.ts';
import { connectLive, watch } from '../testing/watching.ts';

const KB = join(import.meta.dirname, '../../../kb');
const parts = await openTestFleet();
const options = { data: parts.dir, kb: KB, log: pino({ enabled: false }) };
const listen = { host: '127.0.0.1', port: 0 };
let coordinator = await startCoordinator({ ...options, listen });
const agents = new Map<string, AgentProcess>();
const started = await Promise.allSettled(
  ['alder', 'birch', 'cedar'].map(async (name, i) => {
    agents.set(name, await startAgent({ ...parts, name, seed: i + 1, collector: 'none' }));
  }),
);
for (const result of started) if (result.status === 'rejected') throw result.reason;
const agent = (name: string) => agents.get(name) as AgentProcess;
const live = connectLive(coordinator.url);
after(async () => {
  live.close();
  await coordinator.close();
  await Promise.all([...agents.values()].map((one) => one.end()));
  await parts.close();
});

const QUERY = 'node_status(N, down)';

test('a reader gets the whole, then each change of each site, verified', async () => {
  const watching = watch(live.client, { query: QUERY });
  await watching.until(() => watching.view().size === 3, 'the state');
  const [first] = watching.events;
  assert.ok(first?.event.kind === 'state' && first.event.complete);
  assert.deepEqual(first.event.answers, []);
  await agent('birch').observe('node_up(pve1,false)');
  await watching.until(() => watching.rows('birch').includes('pve1'), 'the change');
  const { event } = watching.events.at(-1) as (typeof watching.events)[number];
  assert.ok(event.kind === 'change');
  assert.deepEqual(
    [event.site, event.outcome.outcome, event.added.length, event.removed],
    ['birch', 'answered', 1, []],
  );
  assert.equal(event.added[0]?.standing, 'verified');
  await agent('birch').observe('node_up(pve1,true)');
  await watching.until(() => watching.rows('birch').length === 0, 'it is up again');
  assert.equal(watching.outcome('birch'), 'empty');
  watching.leave();
});

test('a change reaches a reader well within 100 ms', async (t) => {
  const watching = watch(live.client, { query: 'node_load(pve1, L)' });
  await watching.until(() => watching.view().size === 3, 'the state');
  const took: number[] = [];
  for (let n = 0; n < 200; n += 1) {
    const name = ['alder', 'birch', 'cedar'][n % 3] as string;
    const load = `${n}.5`;
    const began = performance.now();
    await agent(name).observe(`node_load(pve1,${load})`);
    await watching.until(() => watching.rows(name)[0] === load, 'the change');
    took.push((watching.events.at(-1)?.at ?? 0) - began);
  }
  took.sort((a, b) => a - b);
  const at = (share: number) => (took[Math.floor(took.length * share)] as number).toFixed(1);
  t.diagnostic(
    `from before the push to the reader: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, of ${took.length}`,
  );
  assert.ok(Number(at(0.5)) < 100, `p50 ${at(0.5)} ms`);
  watching.leave();
});

test('a site that is killed is unreachable with its last known rows apart, and is back without a missed or doubled change', async () => {
  await agent('cedar').observe('node_up(pve1,false)', 'node_up(pve2,false)');
  const watching = watch(live.client, { query: QUERY });
  await watching.until(() => watching.rows('cedar').length === 2, 'the state');
  process.kill(agent('cedar').pid, 'SIGKILL');
  await watching.until(() => watching.outcome('cedar') === 'unreachable', 'it is lost');
  assert.deepEqual(watching.rows('cedar'), []);
  const late = watch(live.client, { query: QUERY });
  await late.until(() => late.view().size === 3, 'the state of another reader');
  const [first] = late.events;
  assert.ok(first?.event.kind === 'state' && !first.event.complete);
  assert.deepEqual(
    first.event.answers.filter(({ site }) => site === 'cedar'),
    [],
  );
  assert.deepEqual(
    first.event.lastKnown.map(({ site, answers }) => [site, answers.length]),
    [['cedar', 2]],
  );
  const before = watching.events.length;
  agents.set('cedar', await agent('cedar').again());
  await watching.until(() => watching.outcome('cedar') === 'answered', 'it is back');
  assert.deepEqual(watching.rows('cedar'), ['pve1', 'pve2']);
  const told = watching.events.slice(before).flatMap(({ event }) => (event.kind === 'change' ? [event] : []));
  assert.deepEqual(
    told.flatMap(({ added, removed }) => [...added, ...removed]),
    [],
    'no row was told again',
  );
  await agent('cedar').observe('node_up(pve2,true)');
  await watching.until(() => watching.rows('cedar').join() === 'pve1', 'changes come again');
  await late.until(() => late.rows('cedar').join() === 'pve1', 'to the other too');
  watching.leave();
  late.leave();
});

test('what changed while a site was away is one change when it is back', async () => {
  const watching = watch(live.client, { query: QUERY });
  await watching.until(() => watching.rows('cedar').join() === 'pve1', 'the state');
  await agent('cedar').end();
  await watching.until(() => watching.outcome('cedar') === 'unreachable', 'it is lost');
  // It starts where the registry does not know it yet, and changes before the coordinator finds it.
  const found = parts.registry.get('cedar')?.address as string;
  agents.set('cedar', await agent('cedar').again());
  const { address } = agent('cedar');
  parts.registry.setAddress('cedar', found);
  await agent('cedar').observe('node_up(pve1,true)', 'node_up(pve3,false)');
  const before = watching.events.length;
  parts.registry.setAddress('cedar', address);
  await watching.until(() => watching.rows('cedar').join() === 'pve3', 'it is back');
  const changes = watching.events
    .slice(before)
    .flatMap(({ event }) => (event.kind === 'change' ? [event] : []));
  const rows = changes.filter(({ added, removed }) => added.length + removed.length > 0);
  assert.deepEqual(
    rows.map(({ added, removed }) => [
      added[0]?.bindings,
      removed[0]?.bindings,
      added.length,
      removed.length,
    ]),
    [[{ N: 'pve3' }, { N: 'pve1' }, 1, 1]],
  );
  watching.leave();
});

test('an engine that is killed costs no row', async () => {
  const watching = watch(live.client, { query: QUERY });
  await watching.until(() => watching.rows('cedar').join() === 'pve3', 'the state');
  process.kill(agent('cedar').enginePid, 'SIGKILL');
  let load = 0;
  // A revision that comes when the engine is back.
  const pushing = (async () => {
    while (watching.rows('cedar').join() !== 'pve3,pve4') {
      load += 1;
      await agent('cedar')
        .observe(`node_load(pve1,${load}.5)`, 'node_up(pve4,false)')
        .catch(() => 0);
      await delay(50);
    }
  })();
  await watching.until(() => watching.rows('cedar').join() === 'pve3,pve4', 'it goes on');
  await pushing;
  const removed = watching.events.flatMap(({ event }) => (event.kind === 'change' ? event.removed : []));
  assert.deepEqual(removed, []);
  watching.leave();
});

test('readers of the same question share one stream a site, and a question that may not stand is refused', async () => {
  const refused = watch(live.client, { query: 'shell(ls)' });
  await assert.rejects(
    refused.until(() => false, 'an error'),
    { message: /shell/ },
  );
  const join = watch(live.client, { query: 'at(S, node_up(N, true)), at(alder, node_up(N, false))' });
  await assert.rejects(
    join.until(() => false, 'an error'),
    { message: /join cannot stand/ },
  );
  const where = watch(live.client, { query: QUERY, where: 'name=al*' });
  await where.until(() => where.view().size === 1, 'the state');
  assert.equal(where.outcome('alder'), 'empty');
  where.leave();
});

test('a reader whose coordinator is killed and started again begins anew with the state', async () => {
  const { port } = new URL(coordinator.url);
  const watching = watch(live.client, { query: QUERY });
  await watching.until(() => watching.rows('cedar').length === 2, 'the state');
  const before = watching.events.length;
  await coordinator.close();
  coordinator = await startCoordinator({ ...options, listen: { host: '127.0.0.1', port: Number(port) } });
  await watching.until(
    () => watching.events.length > before && watching.rows('cedar').length === 2,
    'it is told again',
  );
  const [again] = watching.events.slice(before);
  assert.equal(again?.event.kind, 'state');
  watching.leave();
});
