/** A site that keeps itself a member, against a real TLS server with the coordinator's certificate; the clock and chance are the test's. */
import assert from 'node:assert/strict';
import { randomUUID, X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { pinOf } from '@fleet/shared/invitation.ts';
import {
  ADDRESS_LOOK_MS,
  ANNOUNCE_EVERY_MS,
  ANNOUNCE_SPREAD_MS,
  CERTIFICATE_RENEW_DAYS,
  MEMBERSHIP_RETRY_MS,
} from '@fleet/shared/limits.ts';
import { newKey } from '@fleet/shared/signing-request.ts';
import { pino } from 'pino';
import { authority, certify } from '../testing/certificates.ts';
import { atEnd, temporaryFolder } from '../testing/folder.ts';
import { listening } from '../testing/loopback.ts';
import { realWorld } from '../world.ts';
import { memberFiles } from './files.ts';
import { Keeper, type KeeperParts } from './keeper.ts';

const DAY_MS = 86_400_000;
const fleet = await authority();
const own = await certify(fleet, { name: 'coordinator', unit: 'coordinator' });
const pin = pinOf(new X509Certificate(fleet.cert).publicKey);
const instance = randomUUID();
/** Of every certificate made here. */
const ENDS = new X509Certificate(own.cert).validToDate.getTime();

interface Asked {
  readonly path: string;
  readonly body: unknown;
  /** Of the certificate that was shown. */
  readonly shown: string;
}
type Reply = { readonly status: number; readonly body: object };

/** A coordinator that says `replies` in turn, and the last of them from then on. */
async function coordinator(t: TestContext, replies: Reply[]) {
  const asked: Asked[] = [];
  const tls = { ...own, cert: `${own.cert}\n${fleet.cert}`, ca: fleet.cert };
  const server = createServer(
    { ...tls, requestCert: true, rejectUnauthorized: false },
    async (request, reply) => {
      const { fingerprint256: shown } = (request.socket as TLSSocket).getPeerCertificate();
      let text = '';
      for await (const chunk of request) text += chunk;
      asked.push({ path: request.url ?? '', body: JSON.parse(text), shown });
      const { status, body } = (replies.length > 1 ? replies.shift() : replies[0]) as Reply;
      reply.writeHead(status, { 'retry-after': '2' }).end(JSON.stringify(body));
    },
  );
  const port = await listening(server);
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `127.0.0.1:${port}`, asked };
}

const REACHED: Reply = { status: 200, body: { reached: true } };
const BUSY: Reply = { status: 429, body: { error: { code: 'busy', message: 'many' } } };

interface Timer {
  readonly ms: number;
  readonly run: () => void;
}

interface More extends Partial<Pick<KeeperParts, 'addresses' | 'bound' | 'member'>> {
  readonly now?: number;
  /** PEM, of the site. */
  readonly key?: string;
}

/** A running keeper whose timers the test sets off. */
async function kept(
  t: TestContext,
  address: string,
  { now = Date.now(), key = newKey(), ...more }: More = {},
) {
  const data = await temporaryFolder(t);
  await mkdir(join(data, 'tls'));
  const files = memberFiles(data);
  const site = await certify(fleet, { name: 'garage', unit: 'site', key });
  await writeFile(files.key, site.key);
  await writeFile(files.certificate, site.cert);
  await writeFile(files.authority, fleet.cert);
  const timers = new Set<Timer>();
  let timed = () => {};
  let renewals = 0;
  const keeper = new Keeper({
    member: { site: 'garage', coordinator: address, pin, address: null },
    data,
    instance,
    bound: { host: '0.0.0.0', port: 8443 },
    renewed: () => {
      renewals += 1;
    },
    log: pino({ enabled: false }),
    world: {
      ...realWorld,
      now: () => now,
      random: () => 0.5,
      after: (ms, run) => {
        const timer = { ms, run };
        timers.add(timer);
        timed();
        return () => timers.delete(timer);
      },
    },
    ...more,
  });
  atEnd(t, () => keeper.stop());
  keeper.start();
  return {
    files,
    site,
    waits: () => [...timers].map(({ ms }) => ms),
    renewals: () => renewals,
    /** Sets off the timer with this wait; resolves when the keeper has set its next one. */
    after: async (ms: number) => {
      const timer = [...timers].find((one) => one.ms === ms);
      assert.ok(timer, `nothing waits ${ms} ms, but ${[...timers].map((one) => one.ms)}`);
      timers.delete(timer);
      const { promise, resolve } = Promise.withResolvers<void>();
      timed = resolve;
      timer.run();
      await promise;
    },
  };
}

const FIRST_MS = ANNOUNCE_SPREAD_MS / 2;

test('a site tells where it is at a moment drawn from the spread, and about once an hour from then on', async (t) => {
  const { address, asked } = await coordinator(t, [REACHED]);
  const site = await kept(t, address);
  assert.deepEqual(site.waits(), [FIRST_MS, ADDRESS_LOOK_MS], 'the chance is one half');
  await site.after(FIRST_MS);
  const told = { path: '/moved', body: { instance, address: '127.0.0.1:8443' } };
  assert.deepEqual(
    asked.map(({ path, body }) => ({ path, body })),
    [told],
  );
  assert.deepEqual(site.waits(), [ADDRESS_LOOK_MS, ANNOUNCE_EVERY_MS]);
  assert.equal(asked[0]?.shown, new X509Certificate(site.site.cert).fingerprint256);
});

test('a site whose machine has another address tells so at the next look, and where none changed nothing', async (t) => {
  const { address, asked } = await coordinator(t, [REACHED]);
  let addresses = 'eth0 10.0.0.7';
  const site = await kept(t, address, { addresses: () => addresses });
  await site.after(FIRST_MS);
  await site.after(ADDRESS_LOOK_MS);
  assert.deepEqual(site.waits(), [ANNOUNCE_EVERY_MS, ADDRESS_LOOK_MS], 'nothing changed');
  addresses = 'eth0 10.0.0.8';
  await site.after(ADDRESS_LOOK_MS);
  assert.deepEqual(site.waits(), [0, ADDRESS_LOOK_MS], 'at once, not in an hour');
  await site.after(0);
  assert.deepEqual(
    asked.map(({ path }) => path),
    ['/moved', '/moved'],
  );
  await site.after(ADDRESS_LOOK_MS);
  assert.ok(!site.waits().includes(0), 'once');
});

test('an address that was named is told as it is, and one that the listener is bound to before the one seen', async (t) => {
  const { address, asked } = await coordinator(t, [REACHED]);
  const member = { site: 'garage', coordinator: address, pin, address: 'garage.example:9443' };
  const named = await kept(t, address, { member });
  await named.after(FIRST_MS);
  const bound = await kept(t, address, { bound: { host: 'fd00::7', port: 8443 } });
  await bound.after(FIRST_MS);
  assert.deepEqual(
    asked.map(({ body }) => (body as { address: string }).address),
    ['garage.example:9443', '[fd00::7]:8443'],
  );
});

for (const [when, daysLeft] of [
  ['in its last thirty days', CERTIFICATE_RENEW_DAYS - 1],
  ['a year after its end', -365],
] as const) {
  test(`a certificate is renewed ${when}, by the old one, and the new one is shown from then on`, async (t) => {
    const key = newKey();
    const next = await certify(fleet, { name: 'garage', unit: 'site', key });
    const authorityAgain = await authority('test authority', fleet.key);
    const given = { status: 200, body: { certificate: next.cert, authority: authorityAgain.cert } };
    const { address, asked } = await coordinator(t, [given, REACHED]);
    const site = await kept(t, address, { key, now: ENDS - daysLeft * DAY_MS });
    await site.after(FIRST_MS);
    const shown = (cert: string) => new X509Certificate(cert).fingerprint256;
    assert.deepEqual([site.renewals(), asked[0]?.shown], [1, shown(site.site.cert)]);
    assert.deepEqual(
      asked.map(({ path }) => path),
      ['/renew', '/moved'],
    );
    assert.deepEqual(
      [asked[1]?.shown, await readFile(site.files.certificate, 'utf8')],
      [shown(next.cert), next.cert],
    );
    assert.equal(await readFile(site.files.authority, 'utf8'), authorityAgain.cert);
  });
}

test('a certificate with more than thirty days left is not renewed', async (t) => {
  const { address, asked } = await coordinator(t, [REACHED]);
  const site = await kept(t, address, { now: ENDS - (CERTIFICATE_RENEW_DAYS + 1) * DAY_MS });
  await site.after(FIRST_MS);
  assert.deepEqual(
    asked.map(({ path }) => path),
    ['/moved'],
  );
});

test('a busy coordinator is told again after the time that it named and a random one that doubles', async (t) => {
  const { address, asked } = await coordinator(t, [BUSY, BUSY, REACHED]);
  const site = await kept(t, address);
  await site.after(FIRST_MS);
  const first = 2_000 + (MEMBERSHIP_RETRY_MS * 2) / 2;
  assert.deepEqual(site.waits(), [ADDRESS_LOOK_MS, first]);
  await site.after(first);
  const second = 2_000 + (MEMBERSHIP_RETRY_MS * 4) / 2;
  assert.deepEqual(site.waits(), [ADDRESS_LOOK_MS, second]);
  await site.after(second);
  assert.deepEqual(site.waits(), [ADDRESS_LOOK_MS, ANNOUNCE_EVERY_MS]);
  assert.equal(asked.length, 3);
});
