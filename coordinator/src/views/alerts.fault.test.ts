/** Alerts over a fleet whose sites come and go, with a coordinator that is started again, and receivers that are away. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import type { WebhookMessage } from '@fleet/shared/alerts/webhook.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { FLEET_ALERT_LOSE_MS, FLEET_ALERT_RETRY_MS, FLEET_ALERTS } from '@fleet/shared/limits.ts';
import { openReceiver } from '@fleet/shared/testing/receiver.ts';
import { createTRPCClient, httpLink } from '@trpc/client';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import { type Served, startCoordinator } from '../coordinator.ts';
import type { FleetRouter } from '../router.ts';
import { QUERY } from '../testing/signed-reply.ts';
import { openTestFleet } from '../testing/site-server.ts';
import { tellingSite } from '../testing/telling.ts';
import { realWorld } from '../world.ts';
import { readFleetAlerts } from './alerts/settings.ts';

const KB = join(import.meta.dirname, '../../../kb');
const MAIN = join(import.meta.dirname, '../main.ts');
const manifest = await loadManifest(KB);
const parts = await openTestFleet();
const file = join(parts.dir, 'fleet-alerts.json');
const receiver = await openReceiver();
const LOSE_MS = 400;
const SHORT = new Map([
  [FLEET_ALERT_LOSE_MS, LOSE_MS],
  [FLEET_ALERT_RETRY_MS, 50],
]);
const world = {
  ...realWorld,
  after: (ms: number, run: () => void) => realWorld.after(SHORT.get(ms) ?? Math.min(ms, 200), run),
};
const definition = {
  name: 'load_high',
  query: QUERY,
  severity: 'critical',
  webhooks: [{ url: receiver.url }],
};
await writeFile(file, JSON.stringify([definition]));
let coordinator: Served;
const start = async () => {
  coordinator = await startCoordinator({
    ...{ data: parts.dir, kb: KB, world, log: pino({ enabled: false }) },
    listen: { host: '127.0.0.1', port: 0 },
  });
};
const barn = await tellingSite(parts, 'barn', manifest.bundle);
const shed = await tellingSite(parts, 'shed', manifest.bundle);
barn.tell({ revision: 10, load: null });
shed.tell({ revision: 10, load: null });
await start();
after(async () => {
  await coordinator.close();
  await receiver.close();
  await parts.close();
});

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const limit = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > limit) throw new Error(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
const list = () =>
  createTRPCClient<FleetRouter>({ links: [httpLink({ url: `${coordinator.url}/trpc` })] }).fleet.alerts.query(
    {},
  );
const active = async () =>
  (await list()).active.map(({ site, bindings, unknown }) => [site, bindings.L, unknown]);
const told = () => receiver.taken().map(wordsOf);
function wordsOf({ status, groupLabels, commonAnnotations }: WebhookMessage): string {
  return `${groupLabels.site} ${groupLabels.L} ${status} ${commonAnnotations.change}`;
}
/** What is told from here on, once as many as expected have come. */
async function news(count: number, from: number): Promise<string[]> {
  await until(() => told().length >= from + count, `${count} messages`);
  return told().slice(from);
}
const allSettled = () => until(async () => (await list()).undelivered === 0, 'all is delivered');

test('an answer row raises an alert, its end clears it, and a receiver is told each once', async () => {
  barn.tell({ revision: 11, load: '0.75' });
  assert.deepEqual(await news(1, 0), ['barn 0.75 firing raise']);
  const [message] = receiver.taken();
  assert.deepEqual(message?.groupLabels, { alertname: 'load_high', site: 'barn', N: 'pve1', L: '0.75' });
  assert.equal(message?.commonLabels.severity, 'critical');
  assert.deepEqual(await active(), [['barn', 0.75, false]]);
  barn.tell({ revision: 12, load: null });
  assert.deepEqual(await news(1, 1), ['barn 0.75 resolved clear']);
  assert.deepEqual(await active(), []);
  const { history } = await list();
  assert.deepEqual(
    history.map(({ site, change }) => [site, change]),
    [
      ['barn', 'clear'],
      ['barn', 'raise'],
    ],
  );
});

test('a site that restarts is no news; one that stays away is unknown, and its alert is not resolved', async () => {
  const from = told().length;
  barn.tell({ revision: 13, load: '0.8' });
  await news(1, from);
  barn.drop();
  await until(() => barn.open.size > 0, 'it is watched again');
  await until(async () => (await list()).queries[0]?.unknownSites.length === 0, 'it is seen again');
  await new Promise((resolve) => setTimeout(resolve, 2 * LOSE_MS));
  assert.equal(told().length, from + 1);
  await barn.site.kill();
  await until(async () => (await active()).some(([, , unknown]) => unknown), 'it shows as unknown at once');
  assert.deepEqual((await list()).queries[0]?.unknownSites, [{ site: 'barn', outcome: 'unreachable' }]);
  assert.deepEqual(await news(1, from + 1), ['barn 0.8 firing lose']);
  assert.deepEqual(await active(), [['barn', 0.8, true]]);
  await barn.site.revive();
  assert.deepEqual(await news(1, from + 2), ['barn 0.8 firing regain']);
  assert.deepEqual(await active(), [['barn', 0.8, false]]);
});

test('what ended while a site was away is cleared when it is seen again, and not before', async () => {
  const from = told().length;
  await barn.site.kill();
  await news(1, from);
  barn.tell({ revision: 14, load: null });
  await barn.site.revive();
  assert.deepEqual(await news(2, from), ['barn 0.8 firing lose', 'barn 0.8 resolved clear']);
});

test('a site that lies raises nothing and resolves nothing', async () => {
  const from = told().length;
  barn.tell({ revision: 15, load: '0.9' });
  await news(1, from);
  barn.tell({ revision: 9, load: null });
  await until(async () => (await active()).some(([, , unknown]) => unknown), 'it is unknown');
  assert.deepEqual((await list()).queries[0]?.unknownSites, [{ site: 'barn', outcome: 'rejected' }]);
  barn.tell({ revision: 16, load: '0.9' });
  await until(async () => (await active()).every(([, , unknown]) => !unknown), 'it is known');
  assert.ok((await active()).length === 1);
});

test('a coordinator that is started again raises nothing twice, forgets nothing, and finds what changed meanwhile', async () => {
  await allSettled();
  const from = told().length;
  const before = await active();
  await coordinator.close();
  await start();
  await until(async () => (await list()).queries[0]?.targets === 2, 'it stands');
  await until(() => barn.open.size > 0 && shed.open.size > 0, 'both are watched');
  await new Promise((resolve) => setTimeout(resolve, 2 * LOSE_MS));
  assert.deepEqual(await active(), before);
  assert.equal(told().length, from, 'nothing was told again');
  await coordinator.close();
  barn.tell({ revision: 17, load: null });
  shed.tell({ revision: 17, load: '0.7' });
  await start();
  assert.deepEqual((await news(2, from)).sort(), ['barn 0.9 resolved clear', 'shed 0.7 firing raise']);
});

test('an alert of a site that cannot be seen outlives a restart of the coordinator', async () => {
  const from = told().length;
  await coordinator.close();
  await shed.site.kill();
  await start();
  assert.deepEqual(await news(1, from), ['shed 0.7 firing lose']);
  assert.deepEqual(await active(), [['shed', 0.7, true]]);
  await shed.site.revive();
  assert.deepEqual(await news(1, from + 1), ['shed 0.7 firing regain']);
});

test('what a receiver did not take is delivered after a restart, under the same id and in order', async () => {
  const from = told().length;
  receiver.answerWith(...Array.from({ length: 12 }, () => 500));
  barn.tell({ revision: 18, load: '0.85' });
  await until(() => receiver.received.at(-1)?.answer === 500, 'it is refused');
  const { id } = receiver.received.at(-1) as (typeof receiver.received)[number];
  barn.tell({ revision: 19, load: null });
  await until(async () => (await active()).length === 1, 'it is cleared');
  await coordinator.close();
  await start();
  await until(() => told().length >= from + 2, 'both are delivered');
  assert.deepEqual(told().slice(from), ['barn 0.85 firing raise', 'barn 0.85 resolved clear']);
  assert.ok(receiver.received.some((one) => one.id === id && one.answer === 200));
});

test('changes that cannot be written are found again when they can', async () => {
  await allSettled();
  const from = told().length;
  const lock = new Database(join(parts.dir, 'fleet-alerts.sqlite'));
  lock.exec('begin exclusive');
  barn.tell({ revision: 20, load: '0.95' });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.equal(told().length, from);
  lock.exec('rollback');
  lock.close();
  assert.deepEqual(await news(1, from), ['barn 0.95 firing raise']);
  barn.tell({ revision: 21, load: null });
  await news(1, from + 1);
});

test('logic-fleet alerts shows what is active, which sites cannot be seen, and what changed', async () => {
  await shed.site.kill();
  await until(async () => (await list()).queries[0]?.unknownSites.length === 1, 'it is lost');
  const run = (...flags: string[]) =>
    promisify(execFile)(process.execPath, [MAIN, 'alerts', '--url', coordinator.url, ...flags]);
  const { stdout } = await run();
  assert.match(stdout, /^1 active\n {2}SEVERITY {2}ALERT/);
  assert.match(
    stdout,
    /critical {2}load_high {2}shed {2}N = pve1, L = 0\.7 {2}.* unknown: the site cannot be seen/,
  );
  assert.match(stdout, /load_high: 1 of 2 sites cannot be seen: shed \(unreachable\)/);
  assert.match(stdout, /Last changes/);
  const json = JSON.parse((await run('--json', '--history', '1')).stdout) as { history: unknown[] };
  assert.equal(json.history.length, 1);
  await shed.site.revive();
});

test('a mistake in fleet-alerts.json is named, and so is a query that may not stand', async () => {
  const other = join(parts.dir, 'other.json');
  const many = Array.from({ length: FLEET_ALERTS + 1 }, (_, n) => ({ ...definition, name: `a${n}` }));
  for (const [text, said] of [
    ['{}', /all of it/],
    [JSON.stringify([{ ...definition, severity: 'bad' }]), /0\.severity/],
    [JSON.stringify([{ ...definition, webhooks: [{ url: 'ftp://a' }] }]), /0\.webhooks\.0\.url/],
    [JSON.stringify([{ ...definition, extra: 1 }]), /extra/],
    [JSON.stringify([definition, definition]), /two alerts are named load_high/],
    [JSON.stringify(many), /all of it/],
  ] as const) {
    await writeFile(other, text);
    assert.throws(() => readFleetAlerts(other), { code: 'bad_setup', message: said });
  }
  assert.deepEqual(readFleetAlerts(join(parts.dir, 'none.json')), []);
  await coordinator.close();
  await writeFile(file, JSON.stringify([{ ...definition, query: 'shell(ls)' }]));
  await start();
  assert.match((await list()).queries[0]?.problem ?? '', /shell/);
});
