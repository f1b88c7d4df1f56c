/** The life of alerts in a whole site: decided by the rules in swipl, kept in SQLite, told to a real HTTP receiver. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLOCK_LOOK_MS } from '@fleet/shared/limits.ts';
import type { Ending } from '../../testing/folder.ts';
import { type Receiver, startReceiver } from '../../testing/receiver.ts';
import { siteProcess, worldWithClock } from '../../testing/restarts.ts';
import { client, makeSiteFolder, runSite, until } from '../../testing/site.ts';
import { fact } from '../observation.ts';
import { observe } from '../pipeline.ts';

const HOUR_MS = 3_600_000;

type Fact = Parameters<typeof fact>;

async function alertingSite(t: Ending) {
  const receiver = await startReceiver(t);
  const data = await makeSiteFolder(t);
  await writeFile(join(data, 'alerts.json'), JSON.stringify({ webhooks: [{ url: receiver.url }] }));
  const world = worldWithClock([CLOCK_LOOK_MS]);
  const site = await runSite(t, data, { parts: { world } });
  const told = async (...facts: readonly Fact[]) => {
    const observedAt = world.now();
    const validUntil = observedAt + HOUR_MS;
    const batch = facts.map((one) => ({ fact: fact(...one), source: 'test', observedAt, validUntil }));
    await observe(batch, site.telemetry);
    await quiet();
  };
  /** Resolves when everything so far was considered and told. */
  const quiet = async () => {
    await site.telemetry.sync.settled();
    const { journal, sync } = site.telemetry;
    const isDone = () =>
      sync.revision === journal.lastRevision && site.alerts.pass.considered >= sync.revision;
    await until(isDone, 'the pass is done');
    await until(() => site.alerts.ledger.undelivered === 0, 'all is delivered');
  };
  const history = () =>
    site.alerts.ledger
      .history(100)
      .map(({ alert, subject, severity, change }) => `${alert} ${subject} ${severity} ${change}`)
      .reverse();
  const active = async () =>
    (await site.alerts.pass.active()).alerts.map(
      ({ alert, subject, severity, unknown }) =>
        `${alert} ${subject} ${severity}${unknown ? ' unknown' : ''}`,
    );
  return { site, world, receiver, told, quiet, history, active };
}

function toldTo({ received }: Receiver): string[] {
  return received.map(({ message }) => {
    const { groupLabels, commonAnnotations, alerts } = message;
    const severity = alerts.at(-1)?.labels.severity;
    return `${groupLabels.alertname} ${groupLabels.subject} ${severity} ${commonAnnotations.change}`;
  });
}

test('an alert is raised once, kept in its band, and cleared once, in history and webhook alike', async (t) => {
  const { told, history, receiver, active } = await alertingSite(t);
  for (const load of [0.5, 0.95, 1.5, 1.6, 0.95, 1.2, 0.81, 0.79, 0.95])
    await told(['node_load', 'pve1', load]);
  assert.deepEqual(history(), ['overloaded pve1 warning raise', 'overloaded pve1 warning clear']);
  assert.deepEqual(toldTo(receiver), history());
  assert.deepEqual(
    receiver.received.map(({ message }) => message.status),
    ['firing', 'resolved'],
  );
  assert.deepEqual(await active(), []);
});

test('an alert whose evidence goes stale is lost, never cleared, and is regained or cleared by fresh evidence', async (t) => {
  const { told, quiet, history, receiver, active, world } = await alertingSite(t);
  await told(['node_load', 'pve1', 1.5], ['node_load', 'pve2', 1.5]);
  world.step(2 * HOUR_MS);
  await until(() => history().length === 4, 'both are lost');
  await quiet();
  assert.deepEqual(await active(), ['overloaded pve1 warning unknown', 'overloaded pve2 warning unknown']);
  for (let i = 0; i < 3; i += 1) await told(['node_memory_available', 'pve3', BigInt(i)]);
  assert.equal(history().length, 4);
  await told(['node_load', 'pve1', 0.95], ['node_load', 'pve2', 0.5]);
  assert.deepEqual(await active(), ['overloaded pve1 warning']);
  assert.deepEqual(history(), [
    'overloaded pve1 warning raise',
    'overloaded pve2 warning raise',
    'overloaded pve1 warning lose',
    'overloaded pve2 warning lose',
    'overloaded pve1 warning regain',
    'overloaded pve2 warning clear',
  ]);
  assert.deepEqual(toldTo(receiver), history());
  const resolved = receiver.received.filter(({ message }) => message.status === 'resolved');
  assert.deepEqual(
    resolved.map(({ message }) => message.groupLabels.subject),
    ['pve2'],
  );
});

test('another severity is one change, which resolves the old alert and fires the new', async (t) => {
  const { told, history, receiver, active } = await alertingSite(t);
  for (const free of [20_000n, 9_000n, 4_000n, 6_000n, 8_000n, 12_000n, 13_000n])
    await told(['node_disk_available', 'pve1', '/', free]);
  assert.deepEqual(history(), [
    'disk_full pve1 warning raise',
    'disk_full pve1 critical raise',
    'disk_full pve1 warning raise',
    'disk_full pve1 warning clear',
  ]);
  assert.deepEqual(toldTo(receiver), history());
  const [, worse, better] = receiver.received.map(({ message }) => message.alerts);
  for (const [alerts, from, to] of [
    [worse, 'warning', 'critical'],
    [better, 'critical', 'warning'],
  ] as const) {
    assert.deepEqual(
      alerts?.map(({ status, labels }) => [status, labels.severity]),
      [
        ['resolved', from],
        ['firing', to],
      ],
    );
  }
  assert.deepEqual(await active(), []);
});

test('whoever is killed between a fact and its alert, each change is in history once, and at the receiver under one id', async (t) => {
  const receiver = await startReceiver(t);
  const data = await makeSiteFolder(t);
  await writeFile(join(data, 'alerts.json'), JSON.stringify({ webhooks: [{ url: receiver.url }] }));
  // The receiver gets it, and the agent dies before it hears so.
  receiver.answerWith('hang');
  const kinds: string[] = [];
  for (const moment of ['told', 'acknowledged', 'calm'] as const) {
    const site = await siteProcess(t, data);
    const { observe: push, alerts } = client(site.url).site;
    const isOver = kinds.length % 2 === 1;
    kinds.push(isOver ? 'clear' : 'raise');
    const decided = async () =>
      (await alerts.query({ history: 100 })).history.map(({ change }) => change).reverse();
    const calls = receiver.received.length;
    await push.mutate([{ fact: `node_load(pve1,${isOver ? 0.5 : 1.5})`, validForMs: HOUR_MS }]);
    if (moment === 'told') await until(() => receiver.received.length > calls, 'the receiver is told');
    if (moment === 'calm') {
      while ((await decided()).length < kinds.length);
      assert.deepEqual(await decided(), kinds);
      await until(() => receiver.taken().length >= kinds.length, 'the receiver has all');
    }
    process.kill(site.pid, 'SIGKILL');
    await site.ended;
    if (moment !== 'acknowledged') continue;
    // The next start decides what this one may not have come to, before the state changes again.
    const next = await siteProcess(t, data);
    const { alerts: later } = client(next.url).site;
    while ((await later.query({})).history.length < kinds.length);
    process.kill(next.pid, 'SIGKILL');
    await next.ended;
  }
  assert.deepEqual(
    receiver.taken().map(({ alerts }) => alerts[0]?.annotations.change),
    kinds,
  );
  assert.equal(new Set(receiver.received.map(({ id }) => id)).size, kinds.length);
});
