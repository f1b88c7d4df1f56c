/**
 * A request of this site to its coordinator. Before a byte of it is sent, the other side has proved that it is a coordinator of the
 * fleet whose authority is pinned: the chain that it shows ends in a certificate whose public key has the pin, and
 * holds, and its role is the coordinator's. The pin is of the key, so that the authority's certificate may be renewed, and may even
 * have ended while this site was off.
 */
import { X509Certificate } from 'node:crypto';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls';
import { isErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { pinOf } from '@fleet/shared/invitation.ts';
import { MEMBERSHIP_BODY_BYTES, MEMBERSHIP_TIMEOUT_MS } from '@fleet/shared/limits.ts';
import { readAddress } from '../config-address.ts';

/** The name and the organizational unit on its certificate. */
const COORDINATOR = 'coordinator';

export interface Coordinator {
  /** host:port */
  readonly address: string;
  readonly pin: string;
  /** PEM of the authority's certificate as it is known here. */
  readonly authority?: string | undefined;
}

export interface Identity {
  /** PEM, both. */
  readonly certificate: string;
  readonly key: string;
}

export interface Sent {
  readonly path: '/join' | '/renew' | '/moved';
  /** Made once the connection is there: `local` is this machine's address on it. */
  readonly body: (local: string) => object;
  readonly identity?: Identity | undefined;
}

/** When to come again, where the coordinator said so. */
export class ComeAgain extends LogicError {
  readonly afterMs: number;

  constructor(message: string, afterMs: number) {
    super('busy', message);
    this.afterMs = afterMs;
  }
}

/** The reply's JSON. Throws LogicError: `wrong_fleet`, `unreachable`, `busy`, and what the coordinator said. */
export async function tellCoordinator(to: Coordinator, { path, body, identity }: Sent): Promise<unknown> {
  const socket = await openTo(to, identity);
  try {
    const text = JSON.stringify(body(plainHost(socket.localAddress ?? '')));
    return await exchange(socket, to, path, text);
  } finally {
    socket.destroy();
  }
}

/** With the authority as it is known; where that does not hold (any more), with the one shown, if it has the pin. */
async function openTo(to: Coordinator, identity: Identity | undefined): Promise<TLSSocket> {
  if (to.authority !== undefined && pinOf(new X509Certificate(to.authority).publicKey) === to.pin) {
    try {
      return await open(to, { ...options(identity), ca: to.authority });
    } catch (cause) {
      if (!(cause instanceof LogicError) || cause.code !== 'wrong_fleet') throw cause;
    }
  }
  return open(to, { ...options(identity), ca: await pinnedAuthority(to) });
}

function options(identity: Identity | undefined): ConnectionOptions {
  return {
    minVersion: 'TLSv1.3',
    servername: COORDINATOR,
    checkServerIdentity: (name, peer) => checkServerIdentity(name, peer) ?? checkRole(peer),
    ...(identity && { cert: identity.certificate, key: identity.key }),
  };
}

/** Sites have certificates of the same authority: one that is named like a coordinator is none. */
function checkRole({ subject }: PeerCertificate): Error | undefined {
  const units: string | readonly string[] | undefined = subject.OU;
  if (units !== undefined && [units].flat().includes(COORDINATOR)) return undefined;
  return new LogicError('wrong_fleet', 'what answers there has no certificate of a coordinator');
}

/** The authority's certificate (PEM) that the other side shows, which must have the pin. Nothing is sent on this connection. */
async function pinnedAuthority(to: Coordinator): Promise<string> {
  const socket = await open(to, {
    minVersion: 'TLSv1.3',
    servername: COORDINATOR,
    rejectUnauthorized: false,
  });
  try {
    for (const raw of chainOf(socket)) {
      const certificate = new X509Certificate(raw);
      if (pinOf(certificate.publicKey) === to.pin) return certificate.toString();
    }
  } finally {
    socket.destroy();
  }
  throw new LogicError(
    'wrong_fleet',
    `what answers at ${to.address} is not of the fleet that this invitation or certificate is of`,
  );
}

function chainOf(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let one = socket.getPeerCertificate(true);
  while (one?.raw !== undefined && !chain.some((raw) => raw.equals(one.raw))) {
    chain.push(one.raw);
    one = one.issuerCertificate;
  }
  return chain;
}

function open({ address }: Coordinator, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...readAddress(address, 'the address of the coordinator'), ...options });
    socket.setTimeout(MEMBERSHIP_TIMEOUT_MS, () =>
      socket.destroy(unreachable(address, 'it does not answer')),
    );
    socket.once('secureConnect', () => {
      socket.off('error', fail);
      socket.on('error', () => {});
      resolve(socket);
    });
    const fail = (cause: NodeJS.ErrnoException) => reject(notOpened(address, cause));
    socket.once('error', fail);
    socket.once('close', () => reject(unreachable(address, 'it ended the connection')));
  });
}

function notOpened(address: string, cause: NodeJS.ErrnoException): LogicError {
  if (cause instanceof LogicError) return cause;
  const code = cause.code ?? '';
  if (code === 'ECONNREFUSED') return unreachable(address, 'nothing listens there', cause);
  if (/CERT|SIGNATURE|ISSUER|ALTNAME/.test(code))
    return new LogicError(
      'wrong_fleet',
      `what answers at ${address} shows no certificate of this fleet (${code})`,
      cause,
    );
  return unreachable(address, code || cause.message, cause);
}

function unreachable(address: string, why: string, cause?: unknown): LogicError {
  return new LogicError('unreachable', `no coordinator at ${address}: ${why}`, cause);
}

/** One request on this connection, which is not used again. */
function exchange(socket: Socket, { address }: Coordinator, path: string, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => reject(unreachable(address, why, cause));
    const sent = request({
      method: 'POST',
      path,
      createConnection: () => socket,
      headers: { host: address, 'content-type': 'application/json', connection: 'close' },
      signal: AbortSignal.timeout(MEMBERSHIP_TIMEOUT_MS),
    });
    sent.once('error', (cause) => fail('the connection ended before the reply did', cause));
    sent.once('response', (reply) => {
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MEMBERSHIP_BODY_BYTES) reply.destroy(new Error('the reply is too long'));
      });
      reply.once('error', (cause) => fail('the connection ended before the reply did', cause));
      reply.once('end', () => {
        try {
          resolve(read(reply.statusCode ?? 0, text, reply.headers['retry-after']));
        } catch (cause) {
          reject(cause);
        }
      });
    });
    sent.end(body);
  });
}

function read(status: number, text: string, retryAfter: string | undefined): unknown {
  const said = parse(text);
  if (status === 200) return said;
  const { code = '', message = '' } = ((said as { error?: unknown } | null)?.error ?? {}) as Record<
    string,
    string
  >;
  if (status === 429)
    throw new ComeAgain(message || 'the coordinator is busy', Number(retryAfter ?? 1) * 1_000);
  if (isErrorCode(code)) throw new LogicError(code, message);
  throw new LogicError('bad_reply', `what answers there is no coordinator (status ${status})`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LogicError('bad_reply', 'what answers there is no coordinator', cause);
  }
}

/** `::ffff:10.0.0.1` is 10.0.0.1. */
function plainHost(address: string): string {
  return address.replace(/^::ffff:(?=\d)/, '');
}
