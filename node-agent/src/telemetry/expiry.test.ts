/** What time does to facts: silence, and a clock that somebody sets. A whole site with real swipl, its wall clock the test's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLOCK_LOOK_MS } from '@fleet/shared/limits.ts';
import type { Agent } from '../agent.ts';
import { worldWithClock } from '../testing/restarts.ts';
import { client, makeSiteFolder, runSite, until } from '../testing/site.ts';
import type { World } from '../world.ts';
import { fact } from './observation.ts';
import { observe } from './pipeline.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

type Fact = Parameters<typeof fact>;

async function tell(
  site: Agent,
  world: World,
  validForMs: number,
  ...facts: readonly Fact[]
): Promise<number> {
  const observedAt = world.now();
  const validUntil = observedAt + validForMs;
  const batch = facts.map((one) => ({ fact: fact(...one), source: 'test', observedAt, validUntil }));
  const { revision } = await observe(batch, site.telemetry);
  await site.telemetry.sync.settled();
  return revision;
}

async function textOf(site: Agent): Promise<string> {
  await site.telemetry.sync.settled();
  return (await site.engine.bridge().state()).text;
}

const revisionOf = (site: Agent) => site.telemetry.sync.revision;

async function isUnknown(site: Agent, alert: string): Promise<boolean | undefined> {
  await until(
    () => revisionOf(site) === site.telemetry.journal.lastRevision,
    'what was decided is committed',
  );
  return (await site.alerts.pass.active()).alerts.find((one) => one.alert === alert)?.unknown;
}

test('at the instant a fact goes stale the revision moves by itself, once, and its subject is unknown', async (t) => {
  const world = worldWithClock();
  const site = await runSite(t, await makeSiteFolder(t), { parts: { world } });
  const revision = await tell(site, world, 400, ['node_up', 'pve1', true]);
  const validUntil = site.telemetry.journal.batch(revision)?.[0]?.validUntil ?? 0;
  const status = async () => {
    const { answers } = await client(site.url).site.ask.query({ query: 'node_status(pve1, S)' });
    return answers.map(({ bindings }) => bindings.S);
  };
  assert.deepEqual(await status(), ['up']);
  await until(() => revisionOf(site) > revision, 'the revision moves');
  const { journal } = site.telemetry;
  assert.deepEqual([journal.lastRevision, journal.batch(revision + 1)], [revision + 1, []]);
  const lateMs = (journal.lastCommittedAt ?? 0) - validUntil;
  t.diagnostic(`${lateMs} ms after it went stale`);
  assert.ok(lateMs > 0 && lateMs < 1_000, `${lateMs} ms`);
  assert.deepEqual(await status(), ['unknown']);
  // Nothing more goes stale: a later batch is the next revision.
  assert.equal(await tell(site, world, HOUR_MS, ['node_up', 'pve2', true]), revision + 2);
});

test('a fact that is replaced in time makes no revision of its own', async (t) => {
  const world = worldWithClock();
  const site = await runSite(t, await makeSiteFolder(t), { parts: { world } });
  await tell(site, world, 50, ['node_load', 'pve1', 0.5]);
  const revision = await tell(site, world, HOUR_MS, ['node_load', 'pve1', 0.25]);
  const looked = await tell(site, world, 100, ['node_load', 'pve2', 0.5]);
  await until(() => revisionOf(site) > looked, 'the other one goes stale');
  assert.equal(revisionOf(site), looked + 1);
  assert.ok(revision < looked);
});

test('a clock set forward makes stale what is stale by it, within a second, and alerts lose their evidence', async (t) => {
  const world = worldWithClock();
  const site = await runSite(t, await makeSiteFolder(t), { parts: { world } });
  await tell(site, world, 10 * MINUTE_MS, ['node_up', 'pve1', false]);
  await until(() => site.alerts.ledger.history(1)[0]?.change === 'raise', 'the alert is raised');
  const before = revisionOf(site);
  world.step(HOUR_MS);
  await until(() => revisionOf(site) > before, 'it is noticed', 3_000);
  await until(() => site.alerts.ledger.history(1)[0]?.change === 'lose', 'the alert loses its evidence');
  assert.equal(await isUnknown(site, 'node_down'), true);
});

test('when the clock is set back facts move along, once, with source and order as they were, and the revision goes on', async (t) => {
  const world = worldWithClock([CLOCK_LOOK_MS]);
  const site = await runSite(t, await makeSiteFolder(t), { parts: { world } });
  await tell(site, world, 10 * MINUTE_MS, ['node_up', 'pve1', false], ['node_load', 'pve2', 0.5]);
  await until(() => site.alerts.ledger.history(1)[0]?.change === 'raise', 'the alert is raised');
  await until(() => revisionOf(site) === site.telemetry.journal.lastRevision, 'it is committed');
  const before = await textOf(site);
  const revision = revisionOf(site);
  world.step(-HOUR_MS);
  await until(() => revisionOf(site) > revision, 'it is noticed', 3_000);
  const after = await textOf(site);
  assert.equal(revisionOf(site), revision + 1);
  const times = /,(\d{13}),(\d{13,16})\)\.$/gm;
  const withoutTimes = (text: string) => text.replace(times, '').replace(/revision.*/, '');
  assert.equal(withoutTimes(after), withoutTimes(before));
  const timesOf = (text: string) =>
    [...text.matchAll(times)].map(([, from, until]) => [Number(from), Number(until)]);
  for (const [i, [from = 0, until = 0]] of timesOf(before).entries()) {
    const [movedFrom = 0, movedUntil = 0] = timesOf(after)[i] ?? [];
    assert.ok(Math.abs(from - HOUR_MS - movedFrom) < 100, `${from} ${movedFrom}`);
    if (until === Number.MAX_SAFE_INTEGER) assert.equal(movedUntil, until);
    else assert.equal(movedUntil - movedFrom, until - from);
  }
  // They go stale when they would have, had nobody touched the clock.
  world.step(11 * MINUTE_MS);
  await until(() => site.alerts.ledger.history(1)[0]?.change === 'lose', 'they go stale', 3_000);
  assert.equal((await textOf(site)).match(/^node_up\(/gm)?.length, 1);
});

test('a clock set back and forth again and again: no fact twice, no revision backwards, and all is stale in the end', async (t) => {
  const world = worldWithClock([CLOCK_LOOK_MS]);
  const site = await runSite(t, await makeSiteFolder(t), { parts: { world } });
  let last = await tell(site, world, MINUTE_MS, ['node_load', 'pve1', 0.5], ['node_load', 'pve2', 0.25]);
  for (const stepMs of [-HOUR_MS, -HOUR_MS, 3 * HOUR_MS]) {
    world.step(stepMs);
    await until(() => revisionOf(site) > last, 'it is noticed', 3_000);
    const text = await textOf(site);
    assert.deepEqual(text.match(/^node_load.*$/gm), ['node_load(pve1,0.5).', 'node_load(pve2,0.25).']);
    assert.equal(revisionOf(site), last + 1);
    last = revisionOf(site);
  }
});

test('a clock that was set back while the site was stopped is noticed at its start', async (t) => {
  const world = worldWithClock([CLOCK_LOOK_MS]);
  const data = await makeSiteFolder(t);
  const first = await runSite(t, data, { parts: { world } });
  const revision = await tell(first, world, MINUTE_MS, ['node_load', 'pve1', 0.5]);
  await first.stop();
  world.step(-HOUR_MS);
  const again = await runSite(t, data, { parts: { world } });
  await until(() => revisionOf(again) > revision, 'the facts move');
  const [, from, until_] =
    /evidence\(node_load\(pve1,0\.5\),test,(\d+),(\d+)\)/.exec(await textOf(again)) ?? [];
  assert.ok(Number(from) <= world.now() && Number(until_) <= world.now() + MINUTE_MS, `${from} ${until_}`);
});
