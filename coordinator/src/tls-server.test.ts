/** The TLS listener as a site and a script see it: real TLS, real certificates, a real registry. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect } from 'node:tls';
import type { Membership } from '@fleet/shared/api/membership.ts';
import { readInvitation } from '@fleet/shared/invitation.ts';
import {
  AUTHORITY_RENEW_DAYS,
  AUTHORITY_VALID_DAYS,
  CERTIFICATE_LOOK_MS,
  CERTIFICATE_VALID_DAYS,
  MEMBERSHIP_AT_ONCE,
  MEMBERSHIP_WAITING,
} from '@fleet/shared/limits.ts';
import { newKey, signingRequest } from '@fleet/shared/signing-request.ts';
import { type Role, Tokens } from '@fleet/shared/tokens.ts';
import { createTRPCClient, httpLink } from '@trpc/client';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import { Agent, fetch as fetchBy, WebSocket } from 'undici';
import { secretOf } from './access.ts';
import { coordinatorFiles, parseTls } from './config.ts';
import { startCoordinator } from './coordinator.ts';
import type { FleetRouter } from './router.ts';
import { connectFleet } from './script-client.ts';
import { openAuthority } from './sites/authority.ts';
import { enrol } from './sites/enrol.ts';
import { openRegistry } from './sites/registry.ts';
import { realWorld } from './world.ts';

const ROOT = join(import.meta.dirname, '../..');
const data = await mkdtemp(join(tmpdir(), 'tls-'));
const files = coordinatorFiles(data);
const authority = await openAuthority(files.authority);
const coordinator = await startCoordinator({
  data,
  kb: join(ROOT, 'kb'),
  listen: { host: '127.0.0.1', port: 0 },
  tls: parseTls('127.0.0.1:0', undefined),
  log: pino({ enabled: false }),
});
const registry = openRegistry(files.registry);
after(async () => {
  await coordinator.close();
  registry.close();
  await rm(data, { recursive: true });
});
const port = Number(coordinator.tls?.split(':')[1]);
const loopback = createTRPCClient<FleetRouter>({ links: [httpLink({ url: `${coordinator.url}/trpc` })] });
const invite = async (name: string) =>
  readInvitation((await loopback.fleet.invite.mutate({ name })).invitation);

interface Shown {
  readonly key: string;
  readonly certificate: string;
}
interface Told {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: Membership & { readonly reached: boolean; readonly error: { readonly code: string } };
}

function post(path: string, body: object, shown?: Shown): Promise<Told> {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      path,
      method: 'POST',
      agent: false,
      ca: authority.certificate,
      servername: 'coordinator',
      headers: { 'content-type': 'application/json' },
      ...(shown && { key: shown.key, cert: shown.certificate }),
    });
    sent.on('error', reject);
    sent.on('response', async (reply) => {
      let text = '';
      for await (const chunk of reply) text += chunk;
      resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: JSON.parse(text) });
    });
    sent.end(JSON.stringify(body));
  });
}
const outcome = ({ status, body }: Told) => [status, body.error?.code];

async function joined(name: string): Promise<Shown> {
  const key = newKey();
  const { secret } = await invite(name);
  const { status, body } = await post('/join', { secret, request: await signingRequest(name, key) });
  assert.equal(status, 200, JSON.stringify(body));
  return { key, certificate: body.certificate };
}
const told = { address: '127.0.0.1:1', instance: crypto.randomUUID() };

test('a site joins over TLS, and comes back with its certificate', async () => {
  const site = await joined('garage');
  assert.equal(new X509Certificate(site.certificate).subject, 'CN=garage\nOU=site');
  const moved = await post('/moved', told, site);
  assert.deepEqual([moved.status, moved.body.reached], [200, false]);
  assert.equal(registry.get('garage')?.address, told.address);
  assert.equal((await post('/renew', {}, site)).body.certificate, site.certificate);
});

test('what is not as it must be is refused with a code: bodies, secrets, certificates', async () => {
  const site = await joined('shed');
  const stranger = await openAuthority(join(data, 'strangers'));
  const key = newKey();
  const foreign = await stranger.issue('shed', await signingRequest('shed', key));
  assert.deepEqual(outcome(await post('/join', {})), [400, 'bad_request']);
  assert.deepEqual(outcome(await post('/join', { secret: 'x', request: 'y' })), [403, 'bad_invitation']);
  assert.deepEqual(outcome(await post('/join', { secret: 'x', request: 'y'.repeat(20_000) })), [
    413,
    'too_large',
  ]);
  assert.deepEqual(outcome(await post('/renew', {})), [401, 'unauthorized']);
  assert.deepEqual(outcome(await post('/renew', {}, { key, ...foreign })), [403, 'forbidden']);
  assert.deepEqual(outcome(await post('/moved', { ...told, address: 'x' }, site)), [400, 'bad_request']);
  assert.deepEqual(outcome(await post('/moved', { ...told, address: '127.0.0.1:99999' }, site)), [
    400,
    'bad_request',
  ]);
});

test('a certificate that has ended opens nothing but its own renewal', async () => {
  const past = { ...realWorld, now: () => Date.now() - 2 * CERTIFICATE_VALID_DAYS * 86_400_000 };
  const key = newKey();
  const then = await openAuthority(files.authority, past);
  const request = await signingRequest('cabin', key);
  const ended = await enrol({
    authority: then,
    registry,
    site: 'cabin',
    request,
    address: '127.0.0.1:0',
    world: past,
  });
  assert.ok(new X509Certificate(ended.certificate).validToDate.getTime() < Date.now());
  const { status, body } = await post('/renew', {}, { key, certificate: ended.certificate });
  assert.equal(status, 200);
  assert.ok(new X509Certificate(body.certificate).validToDate.getTime() > Date.now());
  assert.equal(registry.get('cabin')?.incarnation, 1, 'until it is seen with it');
  assert.equal((await post('/moved', told, { key, certificate: body.certificate })).status, 200);
  assert.equal(registry.get('cabin')?.incarnation, 2);
});

test('a revoked certificate is refused at once, on a connection that is open too', async () => {
  const site = await joined('pier');
  const agent = new Agent({
    connect: { ca: authority.certificate, cert: site.certificate, key: site.key, servername: 'coordinator' },
  });
  const renew = () =>
    agent.request({
      origin: `https://127.0.0.1:${port}`,
      path: '/renew',
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
  const first = await renew();
  await first.body.dump();
  await loopback.fleet.revoke.mutate({ name: 'pier', reason: 'sold' });
  const second = await renew();
  const { error } = (await second.body.json()) as { error: { code: string } };
  assert.deepEqual([first.statusCode, second.statusCode, error.code], [200, 403, 'revoked']);
  await agent.close();
});

test('a site whose connection broke when the certificate was recorded asks again and gets the same one', async () => {
  const { secret } = await invite('ferry');
  const body = JSON.stringify({ secret, request: await signingRequest('ferry', newKey()) });
  const socket = connect({ host: '127.0.0.1', port, ca: authority.certificate, servername: 'coordinator' });
  await once(socket, 'secureConnect');
  const head = `POST /join HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(head + body);
  const watching = new Database(files.registry, { readonly: true });
  const used = watching.prepare('select used_at from invitations where site = ?').pluck();
  while (used.get('ferry') === null) await new Promise(setImmediate);
  socket.destroy();
  watching.close();
  const again = await post('/join', JSON.parse(body));
  assert.equal(again.status, 200);
  const { fingerprint, incarnation } = registry.get('ferry') ?? {};
  const got = new X509Certificate(again.body.certificate).fingerprint256.replaceAll(':', '').toLowerCase();
  assert.deepEqual([got, incarnation], [fingerprint, 1]);
});

test('of more sites than can wait, the last are told when to come again, and the others are served', async () => {
  const site = await joined('mill');
  const many = MEMBERSHIP_AT_ONCE + MEMBERSHIP_WAITING + 60;
  const agent = new Agent({
    connect: { ca: authority.certificate, cert: site.certificate, key: site.key, servername: 'coordinator' },
    allowH2: true,
    connections: 1,
    pipelining: many,
  });
  const { secret } = await invite('many');
  const body = JSON.stringify({ secret, request: await signingRequest('many', newKey()) });
  const all = await Promise.all(
    Array.from({ length: many }, async () => {
      const reply = await agent.request({
        origin: `https://127.0.0.1:${port}`,
        path: '/join',
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
      await reply.body.dump();
      return [reply.statusCode, reply.headers['retry-after']];
    }),
  );
  const busy = all.filter(([status]) => status === 429);
  assert.ok(busy.length > 0, 'some were turned away');
  assert.ok(busy.every(([, after]) => after === '2'));
  assert.ok(all.length - busy.length >= MEMBERSHIP_AT_ONCE, 'the others were served');
  assert.ok(all.every(([status]) => status === 200 || status === 429));
  await agent.close();
});

test('each hour the coordinator looks at its certificates: renewed ones are shown by the listener that is running, to who knows the old authority too', async (t) => {
  const place = await mkdtemp(join(tmpdir(), 'years-'));
  // As if it had been started nearly eight years ago: its own certificate has ended since, and the authority's is to be renewed.
  let daysAgo = AUTHORITY_VALID_DAYS - AUTHORITY_RENEW_DAYS + 1;
  let look = () => {};
  const aging = {
    ...realWorld,
    now: () => Date.now() - daysAgo * 86_400_000,
    after: (ms: number, run: () => void) => {
      if (ms !== CERTIFICATE_LOOK_MS) return realWorld.after(ms, run);
      look = run;
      return () => {};
    },
  };
  const running = await startCoordinator({
    data: place,
    kb: join(ROOT, 'kb'),
    listen: { host: '127.0.0.1', port: 0 },
    tls: parseTls('127.0.0.1:0', undefined),
    world: aging,
    log: pino({ enabled: false }),
  });
  t.after(async () => {
    await running.close();
    await rm(place, { recursive: true });
  });
  const kept = () => readFile(join(coordinatorFiles(place).authority, 'authority.pem'), 'utf8');
  const first = await kept();
  const visit = async () => {
    const at = Number(running.tls?.split(':')[1]);
    const names = { ca: first, servername: 'coordinator', rejectUnauthorized: false };
    const socket = connect({ host: '127.0.0.1', port: at, ...names });
    await once(socket, 'secureConnect');
    const { fingerprint256, issuerCertificate, valid_to } = socket.getPeerCertificate(true);
    const { authorized } = socket;
    socket.destroy();
    return { fingerprint256, authority: issuerCertificate.fingerprint256, valid_to, authorized };
  };
  const before = await visit();
  assert.deepEqual(
    [before.authorized, await kept()],
    [false, first],
    'it has ended, and nobody has looked yet',
  );
  daysAgo = 0;
  look();
  let now = await visit();
  const limit = performance.now() + 30_000;
  while (now.fingerprint256 === before.fingerprint256) {
    assert.ok(performance.now() < limit, 'the renewed one is shown');
    now = await visit();
  }
  assert.equal(now.authorized, true, 'by the old certificate of the authority');
  assert.notEqual(await kept(), first);
  assert.equal(
    now.authority,
    new X509Certificate(await kept()).fingerprint256,
    'the new one is in the chain that it shows',
  );
  const days = (Date.parse(now.valid_to) - Date.now()) / 86_400_000;
  assert.equal(Math.round(days), CERTIFICATE_VALID_DAYS);
  const previous = look;
  look();
  assert.notEqual(look, previous, 'and it looks again');
});

const world = { ...realWorld, secret: () => secretOf(realWorld) };
const tokens = new Tokens(data, world);
const secrets: Record<Role, string> = {
  viewer: tokens.create('eye', 'viewer'),
  operator: tokens.create('hand', 'operator'),
  admin: tokens.create('head', 'admin'),
};

function scripted(token: string | null) {
  const dispatcher = new Agent({ connect: { ca: authority.certificate } });
  after(() => dispatcher.close());
  const fetching: unknown = (url: string, init: object) => fetchBy(url, { ...init, dispatcher });
  return createTRPCClient<FleetRouter>({
    links: [
      httpLink({
        url: `https://127.0.0.1:${port}/trpc`,
        ...(token && { headers: { authorization: `Bearer ${token}` } }),
        fetch: fetching as NonNullable<Parameters<typeof httpLink>[0]['fetch']>,
      }),
    ],
  });
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'done',
    (error: { data?: { logic?: { code: string } } }) => error.data?.logic?.code ?? String(error),
  );
}

test('calls over TLS need a token: a viewer asks, an operator invites and labels, an admin revokes', async () => {
  await joined('attic');
  let asked = 0;
  const calls = (token: string | null) => {
    const { fleet } = scripted(token);
    const name = `new-${asked++}`;
    return Promise.all(
      [
        fleet.sites.query(),
        fleet.ask.query({ query: 'node(N)' }),
        fleet.invited.query(),
        fleet.invite.mutate({ name }),
        fleet.label.mutate({ name: 'attic', set: { zone: 'roof' } }),
        fleet.revoke.mutate({ name: 'nobody' }),
      ].map(codeOf),
    );
  };
  const no = 'forbidden';
  assert.deepEqual([...new Set(await calls(null))], ['unauthorized']);
  assert.deepEqual([...new Set(await calls('lt_unknown'))], ['unauthorized']);
  assert.deepEqual(await calls(secrets.viewer), ['done', 'done', no, no, no, no]);
  assert.deepEqual(await calls(secrets.operator), ['done', 'done', 'done', 'done', 'done', no]);
  assert.deepEqual(await calls(secrets.admin), ['done', 'done', 'done', 'done', 'done', 'unknown_site']);
});

test('a WebSocket over TLS needs a token too, and comes from no page of another origin', async (t) => {
  const dispatcher = new Agent({ connect: { ca: authority.certificate } });
  t.after(() => dispatcher.destroy());
  const opened = (headers: Record<string, string>) => {
    const socket = new WebSocket(`wss://127.0.0.1:${port}/trpc`, { dispatcher, headers });
    t.after(() => socket.close());
    return new Promise<WebSocket | null>((resolve) => {
      socket.addEventListener('open', () => resolve(socket));
      socket.addEventListener('error', () => resolve(null));
    });
  };
  const bearer = { authorization: `Bearer ${secrets.viewer}` };
  assert.equal(await opened({}), null);
  assert.equal(await opened({ authorization: 'Bearer lt_unknown' }), null);
  assert.equal(await opened({ ...bearer, origin: 'https://elsewhere.example' }), null);
  const socket = await opened({ ...bearer, origin: `https://127.0.0.1:${port}` });
  assert.ok(socket);
  const told = new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data)));
  const params = { path: 'fleet.watch', input: { query: 'node(N)' } };
  socket.send(JSON.stringify({ id: 1, method: 'subscription', params }));
  assert.match(String(await told), /"type":"started"/);
});

test("a script's client over TLS believes the authority that it is given: calls and subscriptions, with its token", async () => {
  const at = { url: `https://127.0.0.1:${port}`, token: secrets.viewer };
  const { fleet } = connectFleet({ ...at, ca: authority.certificate });
  assert.ok((await fleet.sites.query()).length > 0);
  const kinds: string[] = [];
  for await (const { kind } of fleet.stream.subscribe({ query: 'node(N)', deadlineMs: 2_000 }))
    kinds.push(kind);
  assert.equal(kinds.at(-1), 'end');
  await assert.rejects(fleet.revoke.mutate({ name: 'attic' }), { code: 'forbidden' });
  await assert.rejects(connectFleet(at).fleet.sites.query(), { code: 'wrong_fleet' });
  const stranger = await openAuthority(join(data, 'others'));
  const believing = connectFleet({ ...at, ca: stranger.certificate }).fleet;
  await assert.rejects(believing.sites.query(), { code: 'wrong_fleet' });
  await assert.rejects(believing.stream.subscribe({ query: 'node(N)' }).next(), { code: 'unreachable' });
});

test("a site's certificate opens no call", async () => {
  const site = await joined('loft');
  assert.equal((await post('/trpc/fleet.sites', {}, site)).status, 401);
});

test('who is to be told where sites join must be told so: an address that is all addresses is none', () => {
  assert.throws(() => parseTls('0.0.0.0:8443', undefined), { code: 'bad_setup', message: /--public/ });
  assert.throws(() => parseTls(undefined, 'fleet.example:8443'), { code: 'bad_setup' });
  assert.deepEqual(parseTls('0.0.0.0:8443', 'fleet.example:443')?.public, {
    host: 'fleet.example',
    port: 443,
  });
});
