import assert from 'node:assert/strict';
import { webcrypto, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect, createServer } from 'node:tls';
import { pinOf } from '@fleet/shared/invitation.ts';
import {
  AUTHORITY_RENEW_DAYS,
  AUTHORITY_VALID_DAYS,
  CERTIFICATE_RENEW_DAYS,
  CERTIFICATE_VALID_DAYS,
} from '@fleet/shared/limits.ts';
import { newKey, signingRequest } from '@fleet/shared/signing-request.ts';
import * as x509 from '@peculiar/x509';
import { realWorld } from '../world.ts';
import { openAuthority } from './authority.ts';
import { enrol } from './enrol.ts';
import { openRegistry } from './registry.ts';

const DAY_MS = 86_400_000;
const dir = await mkdtemp(join(tmpdir(), 'enrol-'));
after(() => rm(dir, { recursive: true }));
const authority = await openAuthority(join(dir, 'ca'));
const registry = openRegistry(join(dir, 'fleet.sqlite'));
after(() => registry.close());
const refused = (code: string, about: RegExp) => ({ name: 'LogicError', code, message: about });

test('an enrolled site gets a certificate with its name and role, and the registry knows it', async () => {
  const request = await signingRequest('garage', newKey());
  const { certificate } = await enrol({
    authority,
    registry,
    site: 'garage',
    request,
    address: '127.0.0.1:8443',
  });
  const read = new X509Certificate(certificate);
  assert.equal(read.subject, 'CN=garage\nOU=site');
  assert.equal(read.subjectAltName, 'DNS:garage');
  assert.deepEqual(read.keyUsage, ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']);
  assert.equal(read.ca, false);
  assert.ok(read.verify(new X509Certificate(authority.certificate).publicKey));
  assert.equal(registry.get('garage')?.fingerprint, read.fingerprint256.replaceAll(':', '').toLowerCase());
  assert.equal(registry.get('garage')?.publicKey, read.publicKey.export({ type: 'spki', format: 'pem' }));
  assert.deepEqual(
    [registry.get('garage')?.serial, registry.get('garage')?.incarnation],
    [read.serialNumber.toLowerCase(), 1],
  );
});

test('the coordinator has its own certificate with its role, for asking only', () => {
  const own = new X509Certificate(authority.coordinator.certificate);
  assert.equal(own.subject, 'CN=coordinator\nOU=coordinator');
  assert.deepEqual(own.keyUsage, ['1.3.6.1.5.5.7.3.2']);
});

test('keys are readable by their owner only', async () => {
  assert.equal((await stat(join(dir, 'ca'))).mode & 0o777, 0o700);
  for (const file of await readdir(join(dir, 'ca'))) {
    assert.equal((await stat(join(dir, 'ca', file))).mode & 0o777, 0o600, file);
  }
});

test('opening the authority again gives the same one', async () => {
  const again = await openAuthority(join(dir, 'ca'));
  assert.equal(again.certificate, authority.certificate);
  assert.deepEqual(again.coordinator, authority.coordinator);
});

test('of two processes that make the authority at once, both end with the same one', async () => {
  const both = await Promise.all([openAuthority(join(dir, 'ca2')), openAuthority(join(dir, 'ca2'))]);
  assert.equal(both[0].certificate, both[1].certificate);
  assert.deepEqual(
    (await readdir(dir)).filter((name) => name.startsWith('.ca2')),
    [],
  );
});

test('the coordinator renews its certificate for the same key before it ends', async () => {
  const later = {
    ...realWorld,
    now: () => Date.now() + (CERTIFICATE_VALID_DAYS - CERTIFICATE_RENEW_DAYS + 1) * DAY_MS,
  };
  const renewed = await openAuthority(join(dir, 'ca'), later);
  assert.notEqual(renewed.coordinator.certificate, authority.coordinator.certificate);
  assert.equal(renewed.coordinator.key, authority.coordinator.key);
  assert.ok(
    new X509Certificate(renewed.coordinator.certificate).checkPrivateKey(
      (await import('node:crypto')).createPrivateKey(renewed.coordinator.key),
    ),
  );
});

test('the authority renews its own certificate for its key, two years before it ends; what it signed before and after holds under both', async () => {
  const place = join(dir, 'ca-of-years');
  let daysAgo = AUTHORITY_VALID_DAYS - AUTHORITY_RENEW_DAYS + 1;
  const world = { ...realWorld, now: () => Date.now() - daysAgo * DAY_MS };
  const aging = await openAuthority(place, world);
  const { certificate: first, pin } = aging;
  daysAgo = 2;
  await aging.renew();
  assert.equal(aging.certificate, first, 'a day more than two years are left');
  daysAgo = 0;
  const key = newKey();
  const request = await signingRequest('garage', key);
  const before = await aging.issue('garage', request);
  assert.equal(await aging.renew(), true);
  assert.notEqual(aging.certificate, first);
  const lasts = new X509Certificate(aging.certificate).validToDate.getTime() - Date.now();
  assert.equal(Math.round(lasts / DAY_MS), AUTHORITY_VALID_DAYS);
  assert.deepEqual(
    [aging.pin, pinOf(new X509Certificate(aging.certificate).publicKey)],
    [pin, pin],
    'sites pin the key',
  );
  assert.equal(await aging.renew(), false, 'once');
  const after = await aging.issue('garage', request);
  for (const { certificate: cert } of [before, after])
    for (const ca of [first, aging.certificate]) assert.equal(await believed({ key, cert }, ca), true);
  assert.equal((await openAuthority(place)).certificate, aging.certificate, 'it is on the disk');
});

/** Whether who knows that authority believes a server with this certificate, by a real handshake. */
async function believed(
  shown: { readonly key: string; readonly cert: string },
  ca: string,
): Promise<boolean> {
  const server = createServer({ ...shown, minVersion: 'TLSv1.3' }, (socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, ca, servername: 'garage', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { authorized } = socket;
  socket.destroy();
  server.close();
  return authorized;
}

test('serials differ and are positive', async () => {
  const request = await signingRequest('garage', newKey());
  const [one, two] = await Promise.all([
    authority.issue('garage', request),
    authority.issue('garage', request),
  ]);
  assert.notEqual(one.serial, two.serial);
  assert.match(one.serial, /^4[0-9a-f]{31}$/);
});

test('a request whose signature does not hold is refused', async () => {
  const request = await signingRequest('garage', newKey());
  const der = Buffer.from(request.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  const altered = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  await assert.rejects(authority.issue('garage', altered), refused('bad_request', /not signed/));
});

test('a request for another name, with another kind of key, or that is none, is refused', async () => {
  const request = await signingRequest('garage', newKey());
  await assert.rejects(
    authority.issue('cellar', request),
    refused('bad_request', /for garage, not for cellar/),
  );
  await assert.rejects(
    authority.issue('garage', 'nonsense'),
    refused('bad_request', /not a certificate signing request/),
  );
  await assert.rejects(authority.issue('garage', 'x'.repeat(100_000)), refused('bad_request', /too large/));
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, [
    'sign',
    'verify',
  ]);
  const other = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: ['garage'] }],
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-384' },
  });
  await assert.rejects(authority.issue('garage', other.toString('pem')), refused('bad_request', /P-256/));
});

test('a name that is no DNS label, or an address that is none, is refused', async () => {
  const request = await signingRequest('garage', newKey());
  await assert.rejects(
    enrol({ authority, registry, site: '../x', request, address: 'h:1' }),
    refused('bad_request', /not a site name/),
  );
  await assert.rejects(
    enrol({ authority, registry, site: 'garage', request, address: 'nowhere' }),
    refused('bad_request', /not an address/),
  );
});

test('two sites may not share a key', async () => {
  const key = newKey();
  const request = await signingRequest('attic', key);
  await enrol({ authority, registry, site: 'attic', request, address: '127.0.0.1:1' });
  const copy = await signingRequest('shed', key);
  await assert.rejects(
    enrol({ authority, registry, site: 'shed', request: copy, address: '127.0.0.1:2' }),
    refused('bad_request', /attic has this key already/),
  );
  assert.equal(registry.get('shed'), undefined);
});

test('enrolling a site again replaces its certificate and address and keeps one row', async () => {
  const request = await signingRequest('attic', newKey());
  const before = registry.get('attic');
  await enrol({ authority, registry, site: 'attic', request, address: '[::1]:9', labels: { zone: 'roof' } });
  const now = registry.list().filter((site) => site.name === 'attic');
  assert.equal(now.length, 1);
  assert.equal(now[0]?.address, '[::1]:9');
  assert.deepEqual(now[0]?.labels, { zone: 'roof' });
  assert.notEqual(now[0]?.fingerprint, before?.fingerprint);
});

test('the registry outlives its process and lists sites by name', () => {
  const again = openRegistry(join(dir, 'fleet.sqlite'));
  assert.deepEqual(
    again.list().map((site) => site.name),
    ['attic', 'garage'],
  );
  again.setAddress('garage', '127.0.0.1:9443');
  assert.equal(
    registry.get('garage')?.address,
    '127.0.0.1:9443',
    'a change by one process is seen by the other',
  );
  assert.throws(() => again.setAddress('nobody', 'h:1'), refused('unknown_site', /nobody/));
  again.close();
});
