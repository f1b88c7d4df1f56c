/** Connections that are resumed with a ticket: who asks is found out from the certificate of the session that the ticket is from. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { Tokens } from '@fleet/shared/tokens.ts';
import { authority, type Certified, certify } from '../testing/certificates.ts';
import { realWorld } from '../world.ts';
import { tlsCallers } from './callers.ts';

const fleet = await authority();
const site = await certify(fleet, { name: 'garage', unit: 'site' });
let now = Date.now();
const callerOf = tlsCallers(new Tokens('/nowhere', realWorld), () => now);
const server = createServer(
  {
    ...site,
    ca: fleet.cert,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    sessionIdContext: 'logic-node',
  },
  (socket) => {
    socket.on('error', () => {});
    socket.end(`${socket.isSessionReused() ? 'resumed' : 'new'} ${seen(socket)}`);
  },
);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => server.close());

function seen(socket: TLSSocket): string {
  try {
    return callerOf({ headers: {}, connection: socket, socket: () => socket }).role;
  } catch (cause) {
    return (cause as { code: string; message: string }).message;
  }
}

interface Visit {
  readonly said: string;
  readonly ticket: Buffer;
}

function visit(who: Partial<Certified>, session?: Buffer): Promise<Visit> {
  const { port } = server.address() as AddressInfo;
  const options: ConnectionOptions = {
    host: '127.0.0.1',
    port,
    ca: fleet.cert,
    servername: 'garage',
    ...who,
  };
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, ...(session && { session }) });
    let said = '';
    let ticket = Buffer.alloc(0);
    socket.on('session', (one: Buffer) => {
      ticket = Buffer.from(one);
    });
    socket.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    socket.once('error', reject).once('close', () => resolve({ said, ticket }));
  });
}

test("a coordinator's resumed connection is a coordinator's, until its certificate ends", async () => {
  const coordinator = await certify(fleet, { name: 'coordinator', unit: 'coordinator' });
  const first = await visit(coordinator);
  assert.equal(first.said, 'new viewer');
  const second = await visit(coordinator, first.ticket);
  assert.equal(second.said, 'resumed viewer');
  now = Date.parse('2050-01-01');
  assert.match(
    (await visit(coordinator, first.ticket)).said,
    /^resumed The coordinator's certificate has ended/,
  );
  now = Date.now();
});

test('a connection without a certificate, or with the role of a site, gains nothing by being resumed', async () => {
  const other = await certify(fleet, { name: 'shop', unit: 'site' });
  for (const [who, why] of [
    [{}, 'Show a certificate'],
    [other, "This certificate does not have the coordinator's role"],
    [await certify(await authority(), { name: 'coordinator', unit: 'coordinator' }), 'Show a certificate'],
  ] as const) {
    const first = await visit(who);
    assert.ok(first.said.startsWith(`new ${why}`), first.said);
    const second = await visit(who, first.ticket);
    assert.ok(second.said.startsWith(`resumed ${why}`), second.said);
  }
});
