/** Joining and renewing against a real registry and authority; the clock is the test's. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { after, test } from 'node:test';
import { readInvitation } from '@fleet/shared/invitation.ts';
import { CERTIFICATE_RENEW_DAYS, CERTIFICATE_VALID_DAYS } from '@fleet/shared/limits.ts';
import { newKey, signingRequest } from '@fleet/shared/signing-request.ts';
import { realWorld } from '../world.ts';
import { fingerprintOf, openAuthority } from './authority.ts';
import { type Clones, openClones } from './clones.ts';
import { join } from './enrol.ts';
import { openInvitations } from './invitations.ts';
import { openMembers } from './members.ts';
import { openRegistry } from './registry.ts';
import { moved, renew } from './renew.ts';
import { openSessions } from './sessions.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const dir = await mkdtemp(joinPath(tmpdir(), 'join-'));
let shiftMs = 0;
const world = { ...realWorld, now: () => Date.now() + shiftMs };
const authority = await openAuthority(joinPath(dir, 'ca'), world);
const registry = openRegistry(joinPath(dir, 'fleet.sqlite'));
const invitations = openInvitations(registry);
const sessions = openSessions(authority, { world });
const quarantined: string[] = [];
const clones: Clones = openClones({
  registry,
  world,
  probe: async () => null,
  quarantined: ({ name }) => quarantined.push(name),
});
const address = () => '127.0.0.1:8443';
const members = openMembers({ authority, registry, invitations, sessions, world, address });
const joining = { authority, registry, invitations, world };
const renewing = { authority, registry, clones, world };
after(async () => {
  clones.close();
  await sessions.close();
  registry.close();
  await rm(dir, { recursive: true });
});

const invite = (name: string, labels = {}) =>
  readInvitation(members.invite({ name, labels, validForMs: HOUR_MS }, 'test').invitation);
const fingerprint = (certificate: string) => fingerprintOf(new X509Certificate(certificate).fingerprint256);

async function joined(name: string) {
  const key = newKey();
  const { secret } = invite(name);
  const { certificate } = await join(joining, { secret, request: await signingRequest(name, key) });
  return { key, certificate, fingerprint: fingerprint(certificate) };
}

test('an invitation holds pin, secret, address, expiry and labels; the secret is kept as a hash alone', async () => {
  const invitation = invite('garage', { zone: 'roof' });
  const { site, coordinator, pin, secret, expires, labels } = invitation;
  assert.deepEqual(
    [site, coordinator, pin, labels],
    ['garage', '127.0.0.1:8443', authority.pin, { zone: 'roof' }],
  );
  assert.ok(Math.abs(expires - Date.now() - HOUR_MS) < 5_000);
  assert.equal(Buffer.from(secret, 'base64url').length, 32);
  for (const file of (await readdir(dir)).filter((name) => name.startsWith('fleet.sqlite')))
    assert.ok(!(await readFile(joinPath(dir, file))).includes(secret), file);
});

test('a join gives a certificate for the key that asked, with the labels of the invitation, and uses it up', async () => {
  const { secret } = invite('garage', { zone: 'roof' });
  const key = newKey();
  const request = await signingRequest('garage', key);
  const given = await join(joining, { secret, request });
  const row = registry.get('garage');
  assert.deepEqual([row?.status, row?.incarnation, row?.labels], ['active', 1, { zone: 'roof' }]);
  assert.equal(row?.fingerprint, fingerprint(given.certificate));
  assert.equal(given.authority, authority.certificate);
  assert.deepEqual(
    members.invited().map(({ site }) => site),
    [],
  );
  // The reply was lost: the same key is answered the same, and nothing more is issued.
  assert.deepEqual(await join(joining, { secret, request: await signingRequest('garage', key) }), given);
  assert.equal(registry.get('garage')?.incarnation, 1);
  const other = await signingRequest('garage', newKey());
  await assert.rejects(join(joining, { secret, request: other }), {
    code: 'bad_invitation',
    message: /was used on .* by another machine/,
  });
});

test('of two machines that use one invitation at the same moment, one joins', async () => {
  const { secret } = invite('twin');
  const requests = await Promise.all([signingRequest('twin', newKey()), signingRequest('twin', newKey())]);
  const both = await Promise.allSettled(requests.map((request) => join(joining, { secret, request })));
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.equal(registry.get('twin')?.incarnation, 1);
});

test('an invitation that is unknown, expired or replaced by a newer one is refused', async () => {
  const request = await signingRequest('shed', newKey());
  const refused = (secret: string, message: RegExp) =>
    assert.rejects(join(joining, { secret, request }), { code: 'bad_invitation', message });
  await refused('made up', /not known/);
  const [older, newer] = [invite('shed'), invite('shed')];
  await refused(older.secret, /not known/);
  shiftMs = HOUR_MS + 1;
  await refused(newer.secret, /expired on/);
  shiftMs = 0;
  await join(joining, { secret: newer.secret, request });
});

test('who does not hold the key, or asks for another name, uses nothing up', async () => {
  const { secret } = invite('attic');
  const request = await signingRequest('attic', newKey());
  const der = Buffer.from(request.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  const altered = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  await assert.rejects(join(joining, { secret, request: altered }), {
    code: 'bad_request',
    message: /not signed/,
  });
  const foreign = await signingRequest('garage', newKey());
  await assert.rejects(join(joining, { secret, request: foreign }), {
    code: 'bad_request',
    message: /for garage/,
  });
  await join(joining, { secret, request });
});

test('what cannot be recorded uses nothing up: the secret goes with the certificate or not at all', async () => {
  const { key } = await joined('porch');
  const { secret } = invite('cellar');
  const taken = await signingRequest('cellar', key);
  await assert.rejects(join(joining, { secret, request: taken }), { message: /porch has this key already/ });
  assert.equal(registry.get('cellar'), undefined);
  await join(joining, { secret, request: await signingRequest('cellar', newKey()) });
});

test('a certificate is renewed when it is due, for the same key, and lost replies change nothing', async (t) => {
  const site = await joined('mill');
  t.after(() => {
    shiftMs = 0;
  });
  const early = await renew(renewing, site.fingerprint);
  assert.equal(early.certificate, site.certificate, 'not due yet');
  shiftMs = (CERTIFICATE_VALID_DAYS - CERTIFICATE_RENEW_DAYS + 1) * DAY_MS;
  const renewed = await renew(renewing, site.fingerprint);
  assert.notEqual(renewed.certificate, site.certificate);
  assert.equal(
    new X509Certificate(renewed.certificate).publicKey.export({ type: 'spki', format: 'pem' }),
    new X509Certificate(site.certificate).publicKey.export({ type: 'spki', format: 'pem' }),
  );
  assert.deepEqual(await renew(renewing, site.fingerprint), renewed, 'the reply was lost, so it asks again');
  assert.equal(registry.get('mill')?.incarnation, 1);
  const gone = new AbortController().signal;
  const told = { address: '127.0.0.1:9', instance: crypto.randomUUID(), gone };
  await moved(renewing, fingerprint(renewed.certificate), told);
  assert.equal(registry.get('mill')?.incarnation, 2, 'it was seen with the new one');
  assert.equal(registry.get('mill')?.address, '127.0.0.1:9');
});

test('renewals at the same moment give one certificate', async (t) => {
  const site = await joined('ferry');
  t.after(() => {
    shiftMs = 0;
  });
  shiftMs = CERTIFICATE_VALID_DAYS * DAY_MS;
  const all = await Promise.all(Array.from({ length: 5 }, () => renew(renewing, site.fingerprint)));
  assert.equal(new Set(all.map(({ certificate }) => certificate)).size, 1);
});

test('a certificate that ended a year ago is renewed for the same key', async (t) => {
  const site = await joined('cabin');
  t.after(() => {
    shiftMs = 0;
  });
  shiftMs = (CERTIFICATE_VALID_DAYS + 365) * DAY_MS;
  const { certificate } = await renew(renewing, site.fingerprint);
  assert.ok(new X509Certificate(certificate).validToDate.getTime() > world.now());
});

test('an older certificate with the same key is a clone: the site is quarantined until it joins with another key', async (t) => {
  const site = await joined('barn');
  t.after(() => {
    shiftMs = 0;
  });
  shiftMs = CERTIFICATE_VALID_DAYS * DAY_MS;
  const { certificate } = await renew(renewing, site.fingerprint);
  await renew(renewing, fingerprint(certificate)); // seen with it
  await assert.rejects(renew(renewing, site.fingerprint), {
    code: 'cloned',
    message: /incarnation 1 .* at 2/,
  });
  assert.deepEqual([registry.get('barn')?.status, quarantined.at(-1)], ['quarantined', 'barn']);
  await assert.rejects(renew(renewing, fingerprint(certificate)), { code: 'quarantined' });
  const { secret } = invite('barn');
  const request = await signingRequest('barn', site.key);
  await assert.rejects(join(joining, { secret, request }), {
    code: 'cloned',
    message: /join with a new one/,
  });
  await join(joining, { secret, request: await signingRequest('barn', newKey()) });
  const { status, incarnation } = registry.get('barn') ?? {};
  assert.deepEqual([status, incarnation], ['active', 3]);
  await assert.rejects(renew(renewing, fingerprint(certificate)), {
    code: 'revoked',
    message: /joined again/,
  });
  assert.equal(registry.get('barn')?.status, 'active', 'a key that is no longer its own tells nothing');
});

test('a revoked site gets nothing, and an invitation takes it back', async () => {
  const site = await joined('pier');
  members.revoke('pier', 'sold');
  await assert.rejects(renew(renewing, site.fingerprint), { code: 'revoked', message: /sold/ });
  await joined('pier');
  assert.equal(registry.get('pier')?.status, 'active');
  await assert.rejects(renew(renewing, 'f'.repeat(64)), { code: 'forbidden' });
});

test('labels are set and taken away, and kept within bounds', () => {
  assert.deepEqual(members.label('pier', { set: { zone: 'sea', rack: '3' }, remove: [] }), {
    zone: 'sea',
    rack: '3',
  });
  assert.deepEqual(members.label('pier', { set: {}, remove: ['zone'] }), { rack: '3' });
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`l${i}`, 'x']));
  assert.throws(() => members.label('pier', { set: many, remove: [] }), {
    code: 'bad_request',
    message: /at most/,
  });
  assert.throws(() => members.label('nobody', { set: {}, remove: [] }), { code: 'unknown_site' });
});
