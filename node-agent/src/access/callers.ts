/**
 * Who asks, and what they may do. On TLS: a certificate with the coordinator's role, or a token. On loopback: a token,
 * or nobody in particular, who may do everything that a shell on this machine may; but no page of a browser may borrow
 * that, so the Host must be a loopback name (DNS rebinding) and a request from another origin is refused.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { LogicError } from '@fleet/shared/errors.ts';
import { type Caller, type Tokens, tokenCaller } from '@fleet/shared/tokens.ts';

/** What a request shows of who sent it. */
export interface Credentials {
  readonly headers: IncomingHttpHeaders;
  /** What lives as long as the connection: over HTTP/2 each request has a socket object of its own. */
  readonly connection: object;
  readonly socket: () => TLSSocket;
}

/** Pengines belong to the caller, and its name is the source of what it observes. Throws `forbidden`, `unauthorized`. */
export type CallerOf = (credentials: Credentials) => Caller;

/** The organizational unit of a certificate that may ask. */
const COORDINATOR = 'coordinator';
const LOOPBACK: Caller = { name: 'loopback', role: 'admin' };
const LOOPBACK_HOST = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?$/;

export function loopbackCallers(tokens: Tokens): CallerOf {
  return ({ headers }) => {
    const { host = '', origin } = headers;
    if (!LOOPBACK_HOST.test(host))
      throw new LogicError('forbidden', 'This address is served by its loopback name only.');
    if (origin !== undefined && origin !== `http://${host}`)
      throw new LogicError('forbidden', 'Pages of other origins may not ask.');
    return tokenCaller(headers.authorization, tokens) ?? LOOPBACK;
  };
}

export function tlsCallers(tokens: Tokens, now: () => number): CallerOf {
  // One certificate a connection: reading it out of OpenSSL costs more than the rest of a request's checks.
  const known = new WeakMap<object, Caller>();
  return ({ headers, connection, socket }) => {
    const withToken = tokenCaller(headers.authorization, tokens);
    if (withToken !== null) return withToken;
    const before = known.get(connection);
    if (before !== undefined) return before;
    const caller = coordinator(socket(), now());
    known.set(connection, caller);
    return caller;
  };
}

/**
 * A coordinator asks; what a site is told by an operator comes from a token. On a resumed connection the certificate is the one of
 * the session that the ticket is from: it may have ended since.
 */
function coordinator(socket: TLSSocket, now: number): Caller {
  const certificate = socket.getPeerCertificate();
  if (!socket.authorized || certificate.fingerprint256 === undefined) {
    throw new LogicError('forbidden', "Show a certificate that this site's authority issued, or a token.");
  }
  const units: string | readonly string[] | undefined = certificate.subject?.OU;
  if (units === undefined || ![units].flat().includes(COORDINATOR)) {
    throw new LogicError('forbidden', "This certificate does not have the coordinator's role.");
  }
  if (Date.parse(certificate.valid_to) <= now)
    throw new LogicError(
      'forbidden',
      "The coordinator's certificate has ended since this session was begun.",
    );
  return { name: certificate.fingerprint256, role: 'viewer' };
}
