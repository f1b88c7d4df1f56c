/**
 * The coordinator's TLS listener. Sites come here to join (with an invitation), to renew and to say where they are (with their
 * certificate, expired or not: the handshake proves its key, the registry says whose it is); people and scripts
 * make their calls here with a token. There are no TLS tickets: each connection shows what it has.
 *
 * A thousand sites that come at once are taken a few at a time; the others are told when to come again (429, retry-after).
 */
import { constants } from 'node:crypto';
import type { Http2SecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { joinInput, movedInput } from '@fleet/shared/api/membership.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import {
  ANNOUNCEMENTS_WAITING,
  CERTIFICATE_LOOK_MS,
  MEMBERSHIP_AT_ONCE,
  MEMBERSHIP_BODY_BYTES,
  MEMBERSHIP_WAITING,
  PROBES_AT_ONCE,
  REQUEST_BODY_BYTES,
  TLS_CONNECTIONS,
} from '@fleet/shared/limits.ts';
import { NO_SCHEMAS } from '@fleet/shared/no-schemas.ts';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import pLimit, { type LimitFunction } from 'p-limit';
import type { z } from 'zod';
import { onceARequest, tokenCallers } from './access.ts';
import { callersAbove } from './composition/callers.ts';
import { addCompositionRoutes } from './composition/routes.ts';
import { formatHostPort, type HostPort, isUnspecified } from './config.ts';
import { addRefusals, addTrpc, listen, type ServerParts, trpcSockets } from './server.ts';
import { fingerprintOf } from './sites/authority.ts';
import { type Joining, join } from './sites/enrol.ts';
import { moved, type Renewing, renew } from './sites/renew.ts';

export interface TlsServer {
  /** host:port at which others reach it. */
  readonly address: string;
  close(): Promise<void>;
}

export interface TlsServerParts extends ServerParts {
  readonly joining: Joining;
  readonly renewing: Renewing;
  /** Told of a site whose certificate is another one now. */
  readonly joined: (site: string) => void;
}

export interface TlsAddress {
  readonly listen: HostPort;
  /** Where others reach it, where that is another address. */
  readonly public?: HostPort | undefined;
}

export async function serveTls(parts: TlsServerParts, at: TlsAddress): Promise<TlsServer> {
  const hosts = [...new Set([at.listen.host, ...(at.public ? [at.public.host] : [])])].filter(
    (host) => !isUnspecified(host),
  );
  const { authority } = parts.joining;
  const secure = async () => {
    const own = await authority.listener(hosts);
    return {
      // With the authority's own certificate, so that who holds its pin can check the rest.
      cert: `${own.certificate}\n${authority.certificate}`,
      key: own.key,
      ca: authority.certificate,
      minVersion: 'TLSv1.3' as const,
      secureOptions: constants.SSL_OP_NO_TICKET,
    };
  };
  const app = fastify({
    http2: true,
    https: { ...(await secure()), allowHTTP1: true, requestCert: true, rejectUnauthorized: false },
    bodyLimit: REQUEST_BODY_BYTES,
    forceCloseConnections: true,
    schemaController: NO_SCHEMAS,
  }) as unknown as FastifyInstance;
  const server = app.server as unknown as Http2SecureServer;
  server.maxConnections = TLS_CONNECTIONS;
  addRefusals(app, parts.log);
  addMembershipRoutes(app, parts);
  const { composed } = parts;
  if (composed !== undefined) addCompositionRoutes(app, composed, callersAbove(parts.tokens, composed.store));
  const callerOf = onceARequest(tokenCallers(parts.tokens));
  app.addHook('onRequest', async (request) => {
    if (request.url.startsWith('/trpc')) callerOf(request.raw);
  });
  await addTrpc(app, parts, callerOf);
  const look = async () => {
    await authority.renew();
    server.setSecureContext(await secure());
  };
  const failed = (cause: unknown) => parts.log.error({ err: cause }, 'certificates could not be renewed');
  const { world } = parts.renewing;
  let callOff = () => {};
  const lookLater = () => {
    callOff = world.after(CERTIFICATE_LOOK_MS, () => {
      lookLater();
      look().catch(failed);
    });
  };
  lookLater();
  await listen(app, at.listen);
  const sockets = trpcSockets(server, parts, { scheme: 'https', callerOf });
  const { port } = app.server.address() as AddressInfo;
  return {
    address: formatHostPort(at.public ?? { ...at.listen, port }),
    close: () => {
      callOff();
      sockets.close();
      return app.close();
    },
  };
}

function addMembershipRoutes(app: FastifyInstance, { joining, renewing, joined, log }: TlsServerParts): void {
  const signing = openTurns(MEMBERSHIP_AT_ONCE, MEMBERSHIP_WAITING);
  const looking = openTurns(PROBES_AT_ONCE, ANNOUNCEMENTS_WAITING);
  const options = { bodyLimit: MEMBERSHIP_BODY_BYTES };
  app.get('/healthz', async () => ({ ok: true }));
  app.post('/join', options, async (request) => {
    const input = read(joinInput, request);
    const { site, ...membership } = await signing(() => join(joining, input));
    log.info({ site }, 'joined');
    joined(site);
    return membership;
  });
  app.post('/renew', options, async (request) => {
    const fingerprint = shown(request);
    return signing(() => renew(renewing, fingerprint));
  });
  app.post('/moved', options, async (request, reply) => {
    const [fingerprint, input] = [shown(request), read(movedInput, request)];
    return looking(() => moved(renewing, fingerprint, { ...input, gone: goneSignal(reply) }));
  });
}

type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/** A few at a time, and not many waiting. */
function openTurns(atOnce: number, waiting: number): Turns {
  const limit: LimitFunction = pLimit(atOnce);
  return (work) => {
    if (limit.pendingCount >= waiting)
      throw new LogicError('busy', 'many sites are here at once: come again after the time in retry-after');
    return limit(work);
  };
}

function read<T>(shape: z.ZodType<T>, { body }: FastifyRequest): T {
  const found = shape.safeParse(body);
  if (found.success) return found.data;
  const said = found.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new LogicError('bad_request', said.join('; '));
}

/** The fingerprint of the certificate whose key this connection has proved. */
function shown(request: FastifyRequest): string {
  const { fingerprint256 } = (request.raw.socket as TLSSocket).getPeerCertificate();
  if (fingerprint256 !== undefined) return fingerprintOf(fingerprint256);
  throw new LogicError(
    'unauthorized',
    'show the certificate of your site: a new one comes with an invitation',
  );
}

function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
