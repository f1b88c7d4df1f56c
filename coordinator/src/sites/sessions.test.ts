/** Sessions to sites over real TLS: tickets, and what they are held against. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import {
  CERTIFICATE_RENEW_DAYS,
  CERTIFICATE_VALID_DAYS,
  HANDSHAKE_SLOT_MS,
  HANDSHAKES_AT_ONCE,
} from '@fleet/shared/limits.ts';
import { newKey, signingRequest } from '@fleet/shared/signing-request.ts';
import { listen, openTestFleet, serveAs, type TestSite } from '../testing/site-server.ts';
import { realWorld } from '../world.ts';
import { openAuthority } from './authority.ts';
import type { Site } from './registry.ts';
import { openSessions, type Sessions } from './sessions.ts';

const parts = await openTestFleet();
after(() => parts.close());

/** A site that says whether it was reached by a resumed session. */
async function telling(name: string): Promise<TestSite> {
  return parts.site(name, (stream) => {
    const reused = (stream.session?.socket as TLSSocket | undefined)?.isSessionReused();
    stream.respond({ ':status': 200 });
    stream.end(String(reused));
  });
}

async function reused(sessions: Sessions, site: Site): Promise<string> {
  const signal = AbortSignal.timeout(5_000);
  const reply = await sessions.to(site).open({ path: '/', headers: {}, body: '', signal });
  return reply.body.text();
}

/** The connection goes away; the tickets stay. */
async function dropped(site: TestSite): Promise<void> {
  const closed = [...site.sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  for (const socket of site.sockets) socket.destroy();
  await Promise.all(closed);
}

async function resumable(name: string) {
  const site = await telling(name);
  let shiftMs = 0;
  const world = { ...realWorld, now: () => Date.now() + shiftMs };
  const sessions = openSessions(parts.authority, { world });
  after(() => sessions.close());
  assert.equal(await reused(sessions, site.row()), 'false');
  const ask = async (row = site.row()) => {
    sessions.to(site.row()).retire();
    await dropped(site);
    return reused(sessions, row);
  };
  const later = (ms: number) => {
    shiftMs = ms;
  };
  return { site, sessions, ask, later };
}

test('a session that was lost is resumed with the ticket of the last one', async () => {
  const { ask } = await resumable('garage');
  assert.deepEqual([await ask(), await ask()], ['true', 'true']);
});

test('Node shows no certificate on a resumed session: the one that came with its ticket is held against the registry', async (t) => {
  const { site, ask } = await resumable('barn');
  const shown = t.mock.method(TLSSocket.prototype, 'isSessionReused');
  assert.equal(await ask(), 'true');
  assert.ok(shown.mock.callCount() > 0);
  // The registry now has another certificate: the ticket is not even offered, and the whole handshake is refused.
  const renewed = { ...site.row(), fingerprint: 'f'.repeat(64) };
  await assert.rejects(ask(renewed), { code: 'unreachable', message: /not the registered one/ });
  assert.equal(await ask(), 'true');
});

test('a session is not resumed past the end of its certificate', async () => {
  const { site, ask, later } = await resumable('shed');
  later(site.row().validUntil - Date.now() + 1_000);
  await assert.rejects(ask(), { code: 'unreachable', message: /no longer good/ });
});

test('a site that is revoked or quarantined has no session and no ticket from then on', async () => {
  const { site, sessions, ask } = await resumable('pier');
  for (const status of ['revoked', 'quarantined'] as const) {
    parts.registry.setStatus('pier', status, 'sold');
    sessions.end('pier');
    await assert.rejects(ask(), { code: status, message: /pier .*sold/ });
    parts.registry.setStatus('pier', 'active', null);
    assert.equal(await ask(), 'false', 'the ticket is gone');
  }
  await dropped(site);
});

test('ending a session ends the question that is under way on it', async () => {
  const site = await parts.site('slow', () => {});
  const sessions = openSessions(parts.authority);
  after(() => sessions.close());
  const asked = reused(sessions, site.row());
  while (!sessions.to(site.row()).connected) await new Promise(setImmediate);
  sessions.end('slow');
  await assert.rejects(asked);
});

test('an older certificate of the site, shown in a handshake, is told of', async () => {
  const site = await telling('mill');
  const seen: string[] = [];
  const sessions = openSessions(parts.authority, {
    shown: ({ name }, shown) => seen.push(`${name} ${shown}`),
  });
  after(() => sessions.close());
  const { fingerprint } = site.row();
  await assert.rejects(reused(sessions, { ...site.row(), fingerprint: 'f'.repeat(64) }));
  assert.deepEqual(seen, [`mill ${fingerprint}`]);
});

test("once the coordinator's certificate is renewed, new sessions show it, and tickets of the old one are not used", async () => {
  let daysAgo = CERTIFICATE_VALID_DAYS - CERTIFICATE_RENEW_DAYS + 1;
  const world = { ...realWorld, now: () => Date.now() - daysAgo * 86_400_000 };
  const authority = await openAuthority(join(parts.dir, 'renewing'), world);
  const key = newKey();
  const issued = await authority.issue('ferry', await signingRequest('ferry', key));
  const served = await serveAs({ key, certificate: issued.certificate, authority }, (stream) => {
    const socket = stream.session?.socket as TLSSocket;
    stream.respond({ ':status': 200 });
    stream.end(`${socket.getPeerCertificate().fingerprint256} ${socket.isSessionReused()}`);
  });
  after(() => served.kill());
  const { fingerprint, validUntil } = issued;
  const row: Site = {
    ...(parts.registry.list()[0] as Site),
    name: 'ferry',
    subject: 'ferry',
    fingerprint,
    validUntil,
  };
  const sessions = openSessions(authority, { world });
  after(() => sessions.close());
  const site = { ...row, address: served.address };
  const shown = () => new X509Certificate(authority.coordinator.certificate).fingerprint256;
  const first = shown();
  const ask = async () => {
    sessions.to(site).retire();
    for (const socket of served.sockets) socket.destroy();
    return reused(sessions, site);
  };
  assert.deepEqual([await ask(), await ask()], [`${first} false`, `${first} true`]);
  daysAgo = 0;
  assert.equal(await authority.renew(), true);
  assert.notEqual(shown(), first);
  assert.deepEqual([await ask(), await ask()], [`${shown()} false`, `${shown()} true`]);
});

test('handshakes are bounded: the next ones begin when one is done, or has hung for a while', async () => {
  const open = new Set<Socket>();
  const began: number[] = [];
  // Takes connections and never says a word of TLS.
  const hole = createServer((socket) => {
    began.push(performance.now());
    open.add(socket);
    socket.on('error', () => {}).once('close', () => open.delete(socket));
  });
  const port = await listen(hole, 0);
  const sessions = openSessions(parts.authority);
  const row = { ...(parts.registry.list()[0] as Site), address: `127.0.0.1:${port}` };
  const many = 2 * HANDSHAKES_AT_ONCE;
  const start = performance.now();
  const all = Array.from({ length: many }, (_, i) => reused(sessions, { ...row, name: `hole-${i}` }));
  const ended = Promise.allSettled(all);
  while (began.length < many) await new Promise(setImmediate);
  const [last, next] = [began[HANDSHAKES_AT_ONCE - 1] ?? 0, began[HANDSHAKES_AT_ONCE] ?? 0];
  assert.ok(next - start >= HANDSHAKE_SLOT_MS - 1, `the next began after ${next - start} ms`);
  assert.ok(last <= next);
  await sessions.close();
  assert.ok((await ended).every(({ status }) => status === 'rejected'));
  for (const socket of open) socket.destroy();
  hole.close();
});

/** What Node does otherwise is a loop without an end, which no timeout interrupts: the run's own watch ends this file then. */
test('questions that are cancelled before they are on the wire leave the session as it was', async () => {
  const site = await parts.site('flooded', (stream, { body }) => {
    if (body !== 'whole') return;
    stream.respond({ ':status': 200 });
    stream.end('whole');
  });
  const sessions = openSessions(parts.authority);
  after(() => sessions.close());
  const post = (body: string, signal: AbortSignal) =>
    sessions.to(site.row()).post({ path: '/', headers: {}, body, signal, most: () => 100 });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  assert.equal((await post('whole', AbortSignal.timeout(5_000))).body.toString(), 'whole');
  const cancelled: Promise<unknown>[] = [];
  for (let round = 0; round < 20; round += 1) {
    // Some turns of the event loop lie between asking and cancelling, or none: a write is under way or not.
    const leaving = Array.from({ length: 8 }, () => new AbortController());
    for (const { signal } of leaving)
      for (let n = 0; n < 4; n += 1) cancelled.push(assert.rejects(post('x'.repeat(500), signal)));
    for (let turns = round % 4; turns > 0; turns -= 1) await turn();
    for (const one of leaving) {
      one.abort(new Error('nobody waits'));
      cancelled.push(assert.rejects(post('x'.repeat(500), one.signal)));
    }
  }
  await Promise.all(cancelled);
  assert.equal((await post('whole', AbortSignal.timeout(5_000))).body.toString(), 'whole');
  assert.equal(site.sessions, 1, 'it is still the same session');
});
