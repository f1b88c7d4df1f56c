/** Live views over sites that lie, fall silent, stammer and come back: real TLS and HTTP/2, scripted words. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import type { WatchEvent } from '@fleet/shared/api/watch.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import {
  FLEET_VIEWS,
  REGISTRY_LOOK_MS,
  VIEW_LINGER_MS,
  VIEW_LOOK_MS,
  VIEW_RETRY_MS,
  WATCH_EVENT_BYTES,
  WATCH_SILENCE_MS,
} from '@fleet/shared/limits.ts';
import { newKey } from '@fleet/shared/signing-request.ts';
import { pino } from 'pino';
import { startCoordinator } from '../coordinator.ts';
import { QUERY } from '../testing/signed-reply.ts';
import { openTestFleet } from '../testing/site-server.ts';
import { type TellingSite, tellingSite } from '../testing/telling.ts';
import { connectLive, watch } from '../testing/watching.ts';
import { realWorld } from '../world.ts';

const KB = join(import.meta.dirname, '../../../kb');
const MAIN = join(import.meta.dirname, '../main.ts');
const manifest = await loadManifest(KB);
const parts = await openTestFleet();
/** Elapsed time as the coordinator sees it can be moved on; its long waits are short. */
let ahead = 0;
const SHORT = new Map([
  [VIEW_LINGER_MS, 100],
  [VIEW_LOOK_MS, 20],
  [REGISTRY_LOOK_MS, 20],
]);
const world = {
  ...realWorld,
  elapsed: () => realWorld.elapsed() + ahead,
  after: (ms: number, run: () => void) =>
    realWorld.after(SHORT.get(ms) ?? Math.min(ms, 2 * VIEW_RETRY_MS), run),
};
const coordinator = await startCoordinator({
  ...{ data: parts.dir, kb: KB, world, log: pino({ enabled: false }) },
  listen: { host: '127.0.0.1', port: 0 },
});
const live = connectLive(coordinator.url);
after(async () => {
  live.close();
  await coordinator.close();
  await parts.close();
});

const make = (name: string) => tellingSite(parts, name, manifest.bundle);
const barn = await make('barn');
const shed = await make('shed');
barn.tell({ revision: 10, load: '0.75' });
shed.tell({ revision: 10, load: null });

const begin = async (...names: string[]) => {
  const watching = watch(live.client, { query: QUERY, ...(names.length > 0 && { sites: names }) });
  await watching.until(() => watching.view().size > 0, 'the state');
  return watching;
};
async function quiet(site: TellingSite): Promise<void> {
  while (site.open.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('an old revision, an event of another question and a foreign signature are rejected by name, and rows stay as last known', async () => {
  const watching = await begin('barn');
  assert.deepEqual(watching.rows('barn'), ['pve1 0.75']);
  const lies = [
    ['stale_revision', { revision: 9, load: '0.8' }],
    ['bad_signature', { revision: 11, load: '0.8', key: newKey() }],
    ['bad_signature', { revision: 11, load: '0.8', nonce: '00'.repeat(16) }],
    ['clock_skew', { revision: 11, load: '0.8', now: Date.now() - 120_000 }],
    ['bad_proof', { revision: 11, load: '0.25' }],
  ] as const;
  for (const [code, lie] of lies) {
    barn.tell(lie);
    const met = () => watching.view().get('barn')?.outcome.code === code;
    await watching.until(met, code);
    assert.equal(watching.outcome('barn'), 'rejected');
    assert.deepEqual(watching.rows('barn'), []);
    barn.tell({ revision: 10, load: '0.75' });
    await watching.until(() => watching.rows('barn').join() === 'pve1 0.75', 'the truth again');
  }
  const rows = watching.events.flatMap(({ event }) =>
    event.kind === 'change' ? [...event.added, ...event.removed] : [],
  );
  assert.deepEqual(rows, [], 'nothing that was rejected was told');
  assert.equal(barn.watches, 1, 'one stream all along');
  watching.leave();
  await quiet(barn);
});

test('garbage and a line without an end cost the stream, which is opened again, and no memory', async () => {
  const watching = await begin('barn', 'shed');
  for (const bytes of ['{"stamp":1}\n', 'nonsense\n', `${'x'.repeat(1024)}`]) {
    const { watches } = barn;
    barn.write(bytes);
    if (!bytes.endsWith('\n')) barn.write('x'.repeat(WATCH_EVENT_BYTES));
    await watching.until(() => watching.outcome('barn') === 'rejected', 'it is rejected', 30_000);
    await watching.until(() => watching.outcome('barn') === 'answered', 'it is back');
    assert.equal(barn.watches, watches + 1);
  }
  assert.equal(watching.outcome('shed'), 'empty');
  watching.leave();
  await quiet(barn);
});

test('a site that ends the watch, refuses it, or restarts is unreachable or refused until it tells again', async () => {
  const watching = await begin('barn');
  barn.refuseWith = 429;
  barn.drop();
  await watching.until(() => watching.outcome('barn') === 'refused', 'it is refused');
  assert.equal(watching.view().get('barn')?.outcome.code, 'busy');
  barn.refuseWith = null;
  await watching.until(() => watching.outcome('barn') === 'answered', 'it is back');
  await barn.site.kill();
  await watching.until(() => watching.outcome('barn') === 'unreachable', 'it is gone');
  barn.tell({ revision: 12, load: '0.9' });
  await barn.site.revive();
  await watching.until(() => watching.rows('barn').join() === 'pve1 0.9', 'it is back with what changed');
  watching.leave();
  await quiet(barn);
});

test('a site without a sign of life is given up, and asked on a new session', async () => {
  const watching = await begin('barn');
  const { sessions } = barn.site;
  ahead += WATCH_SILENCE_MS + 1_000;
  await watching.until(() => watching.outcome('barn') === 'unreachable', 'it is given up');
  assert.match(watching.view().get('barn')?.outcome.message ?? '', /silent/);
  await watching.until(() => watching.outcome('barn') === 'answered', 'it is back');
  assert.equal(barn.site.sessions, sessions + 1);
  watching.leave();
  await quiet(barn);
});

test('an answer where there was none is told', async () => {
  const watching = await begin('shed');
  assert.equal(watching.outcome('shed'), 'empty');
  shed.tell({ revision: 11, load: '0.6' });
  await watching.until(() => watching.rows('shed').join() === 'pve1 0.6', 'it answers');
  watching.leave();
  await quiet(shed);
});

test('readers of one question share its streams; the last that leaves ends them, and one that comes back at once does not', async () => {
  const { watches } = barn;
  const [first, second] = [await begin('barn'), await begin('barn')];
  assert.equal(barn.watches, watches + 1);
  first.leave();
  barn.tell({ revision: 13, load: '0.91' });
  await second.until(() => second.rows('barn').join() === 'pve1 0.91', 'the other is told');
  second.leave();
  const third = await begin('barn');
  assert.equal(barn.watches, watches + 1);
  third.leave();
  await quiet(barn);
});

test('fleet.ask with live is answered from the view that stands, with ages, and changes with it; without a view the sites are asked', async () => {
  const ask = (query: string, sites = ['barn', 'shed']) =>
    live.client.fleet.ask.query({ query, sites, live: true });
  barn.tell({ revision: 14, load: '0.75' });
  shed.tell({ revision: 14, load: null });
  const unheard = await ask(QUERY);
  assert.equal(unheard.live, undefined);
  assert.deepEqual(
    unheard.coverage.sites.map(({ outcome }) => outcome),
    ['refused', 'refused'],
    'these sites only tell',
  );
  const watching = await begin('barn', 'shed');
  const told = await ask(QUERY);
  assert.deepEqual(
    [told.complete, told.answers.map(({ site, bindings }) => [site, bindings])],
    [true, [['barn', { N: 'pve1', L: 0.75 }]]],
  );
  assert.ok(told.live && Math.abs(Date.now() - (told.live.toldAt.barn ?? 0)) < 10_000);
  barn.tell({ revision: 15, load: '0.8' });
  await watching.until(() => watching.rows('barn').join() === 'pve1 0.8', 'the change');
  assert.deepEqual((await ask(QUERY)).answers[0]?.bindings, { N: 'pve1', L: 0.8 });
  await barn.site.kill();
  await watching.until(() => watching.outcome('barn') === 'unreachable', 'it is gone');
  const partial = await ask(QUERY);
  assert.deepEqual([partial.complete, partial.answers], [false, []]);
  assert.deepEqual(
    partial.lastKnown.map(({ site, answers }) => [site, answers[0]?.bindings]),
    [['barn', { N: 'pve1', L: 0.8 }]],
  );
  await assert.rejects(
    live.client.fleet.ask.query({ query: QUERY, sites: ['barn', 'shed'], live: true, mode: 'strict' }),
    {
      message: /1 of 2/,
    },
  );
  await assert.rejects(live.client.fleet.ask.query({ query: QUERY, live: true, maxAgeMs: 5 }), {
    message: /live answer/,
  });
  await barn.site.revive();
  await watching.until(() => watching.outcome('barn') === 'answered', 'it is back');
  watching.leave();
  await quiet(barn);
});

test('the registry is followed: a site that joins is watched, one that moves is found', async () => {
  const watching = await begin();
  assert.equal(watching.view().size, 2);
  const cote = await make('cote');
  cote.tell({ revision: 1, load: '0.7' });
  await watching.until(() => watching.rows('cote').join() === 'pve1 0.7', 'the new site');
  parts.registry.setAddress('cote', '127.0.0.1:1');
  await watching.until(() => watching.outcome('cote') === 'unreachable', 'it moved away');
  parts.registry.setAddress('cote', cote.site.address);
  await watching.until(() => watching.rows('cote').join() === 'pve1 0.7', 'it is found');
  watching.leave();
  await cote.site.kill();
});

test('more questions than a coordinator keeps standing are refused, and there is room again when one is left', async () => {
  const open = await Promise.all(
    Array.from({ length: FLEET_VIEWS }, async (_, n) => {
      const one = watch(live.client, {
        query: `node_load(N, L), L > 0.5, L < ${n + 100}.0`,
        sites: ['shed'],
      });
      await one.until(() => one.view().size > 0, 'the state');
      return one;
    }),
  );
  const refused = watch(live.client, { query: QUERY, sites: ['shed'] });
  await assert.rejects(
    refused.until(() => false, 'an error'),
    { message: /stand already/ },
  );
  for (const one of open) one.leave();
  await quiet(shed);
  (await begin('shed')).leave();
  await quiet(shed);
});

const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
});

function run(...flags: string[]) {
  const child = spawn(process.execPath, [MAIN, 'watch', QUERY, '--url', coordinator.url, ...flags]);
  children.push(child);
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    child,
    ended,
    errors: () => errors,
    lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](),
  };
}

test('logic-fleet watch prints the whole and then what changes, as lines for people', async () => {
  barn.tell({ revision: 20, load: '0.75' });
  const { child, lines, ended } = run('--site', 'barn');
  const next = async () => (await lines.next()).value as string;
  assert.equal(await next(), '= barn  N = pve1, L = 0.75  [verified]');
  assert.equal(await next(), '1 answer from 1 of 1 sites; changes follow');
  barn.tell({ revision: 21, load: '0.8' });
  assert.match(await next(), /^\d\d:\d\d:\d\d\.\d{3} {2}- barn {2}N = pve1, L = 0\.75 {2}\[verified\]$/);
  assert.match(await next(), /^\d\d:\d\d:\d\d\.\d{3} {2}\+ barn {2}N = pve1, L = 0\.8 {2}\[verified\]$/);
  await barn.site.kill();
  assert.match(await next(), /! barn {2}unreachable: /);
  await barn.site.revive();
  assert.match(await next(), /! barn {2}answered$/);
  child.kill('SIGINT');
  await ended;
});

test('logic-fleet watch --json prints one object a line, and a query that may not stand ends it with status 2', async () => {
  const { child, lines, ended } = run('--site', 'barn', '--json');
  const state = JSON.parse((await lines.next()).value as string) as WatchEvent;
  assert.equal(state.kind, 'state');
  barn.tell({ revision: 22, load: null });
  const change = JSON.parse((await lines.next()).value as string) as WatchEvent;
  assert.deepEqual(change.kind === 'change' && [change.site, change.outcome.outcome, change.removed.length], [
    'barn',
    'empty',
    1,
  ]);
  child.kill('SIGINT');
  await ended;
  const bad = spawn(process.execPath, [MAIN, 'watch', 'shell(ls)', '--url', coordinator.url]);
  children.push(bad);
  assert.equal(await new Promise((resolve) => bad.once('exit', resolve)), 2);
  const gone = spawn(process.execPath, [MAIN, 'watch', QUERY, '--url', 'http://127.0.0.1:1']);
  children.push(gone);
  assert.equal(await new Promise((resolve) => gone.once('exit', resolve)), 1);
});
