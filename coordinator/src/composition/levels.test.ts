/**
 * Coordinators below coordinators, in this process and with real TLS between them: `top` has `mid`, which has `low`. Sites are
 * HTTP/2 servers that sign what they say, so that what is between the levels can be timed and counted.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FleetAskInput, FleetResult } from '@fleet/shared/api/ask.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { newKey, signingRequest } from '@fleet/shared/signing-request.ts';
import { pino } from 'pino';
import { coordinatorFiles, parseHostPort } from '../config.ts';
import { type Served, startCoordinator } from '../coordinator.ts';
import { enrol } from '../sites/enrol.ts';
import { enrolStock } from '../sites/stock.ts';
import { answering, QUERY } from '../testing/signed-reply.ts';
import {
  type Handler,
  listen,
  openTestFleet,
  type TestFleet,
  type TestSite,
} from '../testing/site-server.ts';
import { startStockServer } from '../testing/stock-process.ts';
import { realWorld } from '../world.ts';
import { admitUpper, enrolCoordinator, requestOf } from './introduce.ts';
import { openComposition } from './store.ts';

const KB = join(import.meta.dirname, '../../../kb');
const { bundle } = await loadManifest(KB);
const NAMES = ['top', 'mid', 'low'] as const;
type Name = (typeof NAMES)[number];
const fleets = new Map<Name, TestFleet>();
const running = new Map<Name, Served>();
const logged: Record<string, unknown>[] = [];
const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) });
for (const name of NAMES) fleets.set(name, await openTestFleet());
const fleetOf = (name: Name) => fleets.get(name) as TestFleet;
const start = async (name: Name) => {
  const address = { host: '127.0.0.1', port: 0 };
  running.set(
    name,
    await startCoordinator({
      data: fleetOf(name).dir,
      kb: KB,
      listen: address,
      tls: { listen: address },
      log,
    }),
  );
};
after(async () => {
  for (const served of running.values()) await served.close();
  for (const fleet of fleets.values()) await fleet.close();
});

async function addSite(fleet: Name, name: string, handler?: Handler): Promise<TestSite> {
  const site: TestSite = await fleetOf(fleet).site(name, (stream, asked) =>
    (handler ?? answering(() => site, bundle))(stream, asked),
  );
  return site;
}

/** Makes `below`, which runs, a site of `above`. */
async function compose(above: Name, below: Name): Promise<void> {
  const [upper, lower] = [fleetOf(above), fleetOf(below)];
  const [here, there] = [storeOf(above), storeOf(below)];
  const address = running.get(below)?.tls ?? '';
  const told = await admitUpper({
    ...lower,
    store: there,
    name: above,
    request: await requestOf(upper.authority),
    address,
  });
  await enrolCoordinator({
    ...upper,
    store: here,
    name: below,
    introduction: JSON.stringify(told),
    world: realWorld,
  });
  here.close();
  there.close();
}
const storeOf = (name: Name) => openComposition(coordinatorFiles(fleetOf(name).dir).composition);

await addSite('low', 'barn');
await addSite('mid', 'attic');
await start('low');
await start('mid');
await compose('mid', 'low');
await start('top');
await compose('top', 'mid');

async function ask(input: Partial<FleetAskInput> = {}, signal?: AbortSignal): Promise<FleetResult> {
  const reply = await fetch(`${running.get('top')?.url}/trpc/fleet.ask`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: QUERY, ...input }),
    ...(signal && { signal }),
  });
  const said = (await reply.json()) as { result?: { data: FleetResult }; error?: { message: string } };
  if (said.result === undefined) throw new Error(said.error?.message);
  return said.result.data;
}
const outcomes = ({ coverage }: FleetResult) =>
  Object.fromEntries(
    coverage.sites.map(({ site, outcome, code }) => [site, code ? `${outcome} ${code}` : outcome]),
  );

/** Asks until `holds`: a roster that changed is learned with the first reply that says so. */
async function until(
  holds: (result: FleetResult) => boolean,
  input: Partial<FleetAskInput> = {},
): Promise<FleetResult> {
  const end = performance.now() + 10_000;
  for (;;) {
    const result = await ask(input);
    if (holds(result) || performance.now() > end) return result;
  }
}

test('sites keep their names through every level, and are checked at the top by their own keys', async () => {
  const result = await ask();
  assert.deepEqual(outcomes(result), { 'mid/attic': 'answered', 'mid/low/barn': 'answered' });
  assert.deepEqual(
    result.answers.map(({ site, standing }) => [site, standing]),
    [
      ['mid/attic', 'verified'],
      ['mid/low/barn', 'verified'],
    ],
  );
});

test('a site that joins at the bottom is known at the top with the next replies, and one that goes is forgotten', async () => {
  const loft = await addSite('low', 'loft');
  const with3 = await until(({ coverage }) => coverage.targets === 3);
  assert.deepEqual(outcomes(with3), {
    'mid/attic': 'answered',
    'mid/low/barn': 'answered',
    'mid/low/loft': 'answered',
  });
  fleetOf('low').registry.setStatus('loft', 'revoked', 'sold');
  const without = await until(({ coverage }) => coverage.targets === 2);
  assert.equal(without.coverage.targets, 2);
  await loft.kill();
});

test('each level keeps something of the deadline: a silent site at the bottom is a timeout there, and the rest is whole', async () => {
  const silent = await addSite('low', 'silent', () => {});
  await until(({ coverage }) => coverage.targets === 3, { deadlineMs: 1_200 });
  const begun = performance.now();
  const result = await ask({ deadlineMs: 1_500 });
  assert.ok(performance.now() - begun < 1_500, 'the bottom gave up before the top had to');
  assert.deepEqual(outcomes(result), {
    'mid/attic': 'answered',
    'mid/low/barn': 'answered',
    'mid/low/silent': 'timeout deadline',
  });
  fleetOf('low').registry.setStatus('silent', 'revoked', null);
  await until(({ coverage }) => coverage.targets === 2);
  await silent.kill();
});

test('who leaves at the top ends the question at the site', async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const slow = await addSite('low', 'slow', (stream) => {
    stream.once('close', end);
    begin();
  });
  await until(({ coverage }) => coverage.targets === 3, { deadlineMs: 1_200 });
  const leaving = new AbortController();
  const asking = ask({ sites: ['mid/low/slow'], deadlineMs: 30_000 }, leaving.signal).catch(() => null);
  await begun;
  leaving.abort();
  await asking;
  await ended;
  fleetOf('low').registry.setStatus('slow', 'revoked', null);
  await until(({ coverage }) => coverage.targets === 2);
  await slow.kill();
});

test('a site whose key changes is named and asked no more, until its new key is accepted', async () => {
  const { registry, authority } = fleetOf('low');
  const barn = registry.get('barn');
  assert.ok(barn);
  const key = newKey();
  const request = await signingRequest('barn', key);
  await enrol({ registry, authority, site: 'barn', request, address: barn.address });
  const changed = await until(({ coverage }) => coverage.skipped > 0);
  assert.deepEqual(outcomes(changed)['mid/low/barn'], 'skipped');
  assert.match(changed.coverage.sites[1]?.message ?? '', /quarantined: .*another key/);
  assert.ok(
    logged.some(
      ({ msg, sites }) => /^another key/.test(String(msg)) && JSON.stringify(sites).includes('barn'),
    ),
  );
  const store = storeOf('mid');
  store.accept('low', 'barn');
  assert.throws(() => store.accept('low', 'barn'), { code: 'bad_request' });
  assert.throws(() => store.accept('low', 'nobody'), { code: 'unknown_site' });
  store.close();
  const top = storeOf('top');
  await until(() => top.leaves().some(({ site, offered }) => site === 'low/barn' && offered !== null));
  top.accept('mid', 'low/barn');
  top.close();
  // What listens there has the old key still: it is asked now, and is not the site that the registry has.
  const asked = await until(({ coverage }) => coverage.skipped === 0);
  assert.equal(outcomes(asked)['mid/low/barn'], 'unreachable unreachable');
});

test('a stock server behind two coordinators stands as unproved there too', async () => {
  const dir = join(fleetOf('low').dir, 'stock');
  const stock = await startStockServer(dir);
  enrolStock({ ...fleetOf('low'), site: 'shed', url: stock.url });
  const result = await until(({ answers }) => answers.some(({ site }) => site === 'mid/low/shed'));
  const answer = result.answers.find(({ site }) => site === 'mid/low/shed');
  assert.deepEqual([answer?.standing, answer?.proof], ['unproved', null]);
  const whatIf = await ask({ sites: ['mid/low/shed'], assume: ['node_up(pve1,false)'] });
  assert.equal(outcomes(whatIf)['mid/low/shed'], 'skipped');
  await stock.end();
  await rm(dir, { recursive: true });
});

test('a way that falls silent costs one deadline: the next question goes over a new session', async (t) => {
  const { registry } = fleetOf('top');
  const row = registry.get('mid');
  assert.ok(row);
  const { host, port } = parseHostPort(row.address);
  let silent = false;
  const sockets = new Set<Socket>();
  /** Passes bytes on, until it is told to fall silent; connections made later are passed on again. */
  const between = createServer((socket) => {
    const onward = connect({ host, port });
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on('error', () => {});
    }
    socket.on('data', (bytes) => void (silent || onward.write(bytes)));
    onward.on('data', (bytes) => void (silent || socket.write(bytes)));
  });
  const address = `127.0.0.1:${await listen(between, 0)}`;
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    between.close();
  });
  registry.setAddress('mid', address);
  const sites = ['mid/attic'];
  assert.deepEqual(outcomes(await ask({ sites })), { 'mid/attic': 'answered' });
  silent = true;
  assert.deepEqual(outcomes(await ask({ sites, deadlineMs: 400 })), { 'mid/attic': 'timeout deadline' });
  silent = false;
  for (const socket of sockets) socket.removeAllListeners('data'); // what was silent stays so
  assert.deepEqual(outcomes(await ask({ sites })), { 'mid/attic': 'answered' });
  registry.setAddress('mid', row.address);
});

test('a coordinator without sites is itself the gap', async () => {
  const none = await openTestFleet();
  const address = { host: '127.0.0.1', port: 0 };
  const served = await startCoordinator({
    data: none.dir,
    kb: KB,
    listen: address,
    tls: { listen: address },
    log,
  });
  const [here, there] = [storeOf('top'), openComposition(coordinatorFiles(none.dir).composition)];
  const told = await admitUpper({
    ...none,
    store: there,
    name: 'top',
    request: await requestOf(fleetOf('top').authority),
    address: served.tls ?? '',
  });
  await enrolCoordinator({
    ...fleetOf('top'),
    store: here,
    name: 'none',
    introduction: JSON.stringify(told),
    world: realWorld,
  });
  here.close();
  there.close();
  const result = await ask({ sites: ['none'] });
  assert.deepEqual(outcomes(result), { none: 'unreachable unreachable' });
  fleetOf('top').registry.setStatus('none', 'revoked', null);
  await served.close();
  await none.close();
});
