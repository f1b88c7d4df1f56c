/** Joining from the site's side, against real TLS servers: some are the coordinator that invited, most are not. */
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join as joinPath } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pinOf, writeInvitation } from '@fleet/shared/invitation.ts';
import { authority, type Certified, certify } from '../testing/certificates.ts';
import { atEnd, temporaryFolder } from '../testing/folder.ts';
import { tellCoordinator } from './coordinator.ts';
import { finishJoin, joiningFiles, memberFiles, readMember } from './files.ts';
import { join } from './join.ts';

const fleet = await authority();
const own = await certify(fleet, { name: 'coordinator', unit: 'coordinator' });
const pin = pinOf(new X509Certificate(fleet.cert).publicKey);
const world = { now: () => Date.now(), random: () => 0 };

interface Serving {
  readonly address: string;
  /** Bodies that came. */
  readonly bodies: string[];
  readonly server: Server;
}
type Reply = { readonly status: number; readonly body: object; readonly retryAfter?: string };

/** What listens there shows `shown`, and answers each request with the next of `replies`. */
async function serving(
  t: TestContext,
  shown: Certified,
  by: Certified,
  replies: Reply[] = [],
): Promise<Serving> {
  const bodies: string[] = [];
  const server = createServer(
    { key: shown.key, cert: `${shown.cert}\n${by.cert}` },
    async (request, reply) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      bodies.push(text);
      const { status, body, retryAfter } =
        replies.length > 1 ? (replies.shift() as Reply) : (replies[0] ?? REFUSED);
      reply.writeHead(status, retryAfter ? { 'retry-after': retryAfter } : {}).end(JSON.stringify(body));
    },
  );
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, bodies, server };
}

const REFUSED: Reply = { status: 403, body: { error: { code: 'bad_invitation', message: 'used' } } };
const given = async (): Promise<Reply> => {
  const { cert } = await certify(fleet, { name: 'garage', unit: 'site' });
  return { status: 200, body: { certificate: cert, authority: fleet.cert } };
};

const inviting = (coordinator: string, more: object = {}) =>
  writeInvitation({
    site: 'garage',
    coordinator,
    pin,
    secret: 's'.repeat(43),
    expires: Date.now() + 60_000,
    labels: {},
    ...more,
  });

test('to anybody but a coordinator of the fleet that invited, not a byte is sent', async (t) => {
  const strangers = await authority();
  const others: readonly (readonly [string, Certified, Certified])[] = [
    ['another fleet', await certify(strangers, { name: 'coordinator', unit: 'coordinator' }), strangers],
    [
      'another fleet that shows our authority',
      await certify(strangers, { name: 'coordinator', unit: 'coordinator' }),
      fleet,
    ],
    [
      'a site of the fleet that is named coordinator',
      await certify(fleet, { name: 'coordinator', unit: 'site' }),
      fleet,
    ],
    ['another name', await certify(fleet, { name: 'garage', unit: 'coordinator' }), fleet],
  ];
  for (const [who, shown, by] of others) {
    const { address, bodies } = await serving(t, shown, by, [await given()]);
    const data = await temporaryFolder(t);
    const joining = join({ invitation: inviting(address), data, address: null, world });
    await assert.rejects(joining, { code: 'wrong_fleet' }, who);
    assert.deepEqual(bodies, [], who);
    assert.equal(existsSync(memberFiles(data).certificate), false);
  }
});

test('the key is made on the site and does not leave it', async (t) => {
  const { address, bodies } = await serving(t, own, fleet, [await given()]);
  const data = await temporaryFolder(t);
  const member = await join({ invitation: inviting(address), data, address: '10.0.0.1:8443', world });
  assert.deepEqual(member, { site: 'garage', coordinator: address, pin, address: '10.0.0.1:8443' });
  const files = memberFiles(data);
  const key = createPrivateKey(await readFile(files.key));
  assert.equal(key.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.equal((await stat(files.key)).mode & 0o777, 0o600);
  const { secret, request, ...rest } = JSON.parse(bodies[0] ?? '') as Record<string, string>;
  assert.deepEqual([secret, rest], ['s'.repeat(43), {}]);
  assert.match(request ?? '', /^-----BEGIN CERTIFICATE REQUEST-----/);
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const sent = Buffer.from((request ?? '').replace(/-----[^-]+-----|\s/g, ''), 'base64');
  assert.equal(sent.includes(der.subarray(36, 68)), false, 'the private half');
  assert.ok(sent.includes(createPublicKey(key).export({ type: 'spki', format: 'der' })));
  assert.deepEqual(readMember(data), member);
  assert.deepEqual(await readdir(joinPath(data, 'tls')), [
    'authority.pem',
    'certificate.pem',
    'key.pem',
    'membership.json',
    'request.pem',
  ]);
});

test('a try whose reply was lost is repeated with the same request; a new invitation gets a new key', async (t) => {
  const { address, bodies, server } = await serving(t, own, fleet, [await given()]);
  const data = await temporaryFolder(t);
  server.once('request', (request) => request.socket.destroy());
  const again: string[] = [];
  const options = { data, address: null, world, again: ({ message }: Error) => again.push(message) };
  await join({ invitation: inviting(address), ...options });
  assert.match(again[0] ?? '', /ended before the reply did/);
  const requests = bodies.map((body) => (JSON.parse(body) as { request: string }).request);
  assert.equal(new Set(requests).size, 1);
  await join({ invitation: inviting(address, { secret: 't'.repeat(43) }), ...options });
  const last = (JSON.parse(bodies.at(-1) ?? '') as { request: string }).request;
  assert.equal(requests.includes(last), false);
});

test('a busy coordinator is asked again after the time that it named, and a refusal is told at once', async (t) => {
  const busy: Reply = { status: 429, body: { error: { code: 'busy', message: 'many' } }, retryAfter: '1' };
  const { address, bodies } = await serving(t, own, fleet, [busy, await given()]);
  const waits: number[] = [];
  const options = { data: await temporaryFolder(t), address: null, world };
  await join({ ...options, invitation: inviting(address), again: (_, afterMs) => waits.push(afterMs) });
  assert.deepEqual([waits, bodies.length], [[1_000], 2]);
  const refusing = await serving(t, own, fleet);
  await assert.rejects(join({ ...options, invitation: inviting(refusing.address) }), {
    code: 'bad_invitation',
  });
  assert.equal(refusing.bodies.length, 1);
});

test('what cannot work is told at once: expired, mistyped, nothing there', async (t) => {
  const options = { data: await temporaryFolder(t), address: null, world };
  const refused = (invitation: string, expected: object) =>
    assert.rejects(join({ ...options, invitation }), expected);
  await refused(inviting('127.0.0.1:1', { expires: Date.now() - 1 }), {
    code: 'bad_invitation',
    message: /expired/,
  });
  await refused('logic-invite-1.e30', { code: 'bad_invitation' });
  await refused(inviting('127.0.0.1:1'), { code: 'unreachable', message: /nothing listens there/ });
});

test('an authority that renewed its certificate is believed by its key, one with another key is not', async (t) => {
  const renewed = await authority('test authority', fleet.key);
  assert.notEqual(renewed.cert, fleet.cert);
  const { address } = await serving(t, own, renewed, [{ status: 200, body: { reached: true } }]);
  const told = { path: '/moved', body: () => ({}) } as const;
  assert.deepEqual(await tellCoordinator({ address, pin, authority: fleet.cert }, told), { reached: true });
  assert.deepEqual(await tellCoordinator({ address, pin }, told), { reached: true });
  const other = { address, pin: 'f'.repeat(64), authority: fleet.cert };
  await assert.rejects(tellCoordinator(other, told), { code: 'wrong_fleet' });
});

test('a join that was cut off between its files is finished by who looks next', async (t) => {
  const { address } = await serving(t, own, fleet, [await given()]);
  const data = await temporaryFolder(t);
  await join({ invitation: inviting(address), data, address: null, world });
  const whole = Object.fromEntries(
    await Promise.all(
      Object.entries(memberFiles(data)).map(async ([name, file]) => [name, await readFile(file, 'utf8')]),
    ),
  );
  const names = ['key', 'request', 'authority', 'member', 'certificate'] as const;
  for (let moved = 0; moved < names.length; moved += 1) {
    const [from, to] = [joiningFiles(data), memberFiles(data)];
    for (const name of names.slice(moved)) await rename(to[name], from[name]);
    finishJoin(data);
    for (const name of names) assert.equal(await readFile(to[name], 'utf8'), whole[name], `${moved} ${name}`);
    assert.equal(existsSync(joinPath(data, 'tls', 'joining')), false);
  }
});
