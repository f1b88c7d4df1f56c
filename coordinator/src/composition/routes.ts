/**
 * What a coordinator serves to Pengine clients and to coordinators above it, on loopback and over TLS alike:
 *
 *   /pengine/*                                the fleet as one site (door/door.ts)
 *   /pengine/create, accept: x-ndjson         a line for each site, its reply unchanged (relay.ts)
 *   GET /roster                               the sites and their keys, signed (roster.ts)
 */
import type { Http2ServerRequest } from 'node:http2';
import { Readable } from 'node:stream';
import { textOf } from '@fleet/shared/door/request.ts';
import { asLogicError, ERRORS, LogicError } from '@fleet/shared/errors.ts';
import type { Caller } from '@fleet/shared/tokens.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { DoorRequest, FleetDoor } from '../door/door.ts';
import type { Fleet } from '../query/pipeline.ts';
import { readRelay, relay } from './relay.ts';
import { type Self, signRoster, type WrittenRoster, writeRoster } from './roster.ts';
import type { CompositionStore } from './store.ts';

export interface CompositionRoutes {
  readonly fleet: Fleet;
  readonly door: FleetDoor;
  readonly self: Self;
  readonly store: Pick<CompositionStore, 'leaves' | 'uppers'>;
  readonly log: Logger;
}

/** Who asks; throws where nobody may. */
type WhoAsks = (request: FastifyRequest) => Caller;

const NDJSON = 'application/x-ndjson';

/** Adds the routes in a scope of their own: bodies stay bytes there. */
export function addCompositionRoutes(
  app: FastifyInstance,
  parts: CompositionRoutes,
  callerOf: WhoAsks,
): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    // The door tells its own errors in the protocol's way; these are of requests that did not get that far.
    scope.setErrorHandler((cause, _request, reply) => {
      const error = requestError(cause);
      if (error.code === 'internal') parts.log.error({ err: cause }, 'a request failed');
      const { code, message } = error;
      return reply.code(ERRORS[code].http).send({ event: 'error', id: '', code, data: message });
    });
    scope.addHook('onRequest', async (request) => {
      endAborted(request);
      callerOf(request);
    });
    const rosterNow = rosterOf(parts);
    scope.get('/roster', async (request, reply) => sendRoster(parts.self, rosterNow(), request, reply));
    scope.route({
      method: ['GET', 'POST', 'OPTIONS'],
      url: '/pengine/:action',
      handler: async (request, reply) => {
        const asked = doorRequest(request, reply, callerOf(request));
        const passedOn = asked.action === 'create' && (request.headers.accept ?? '').includes(NDJSON);
        if (passedOn) return sendLines(parts, asked, { request, reply, digest: rosterNow().digest });
        const { status, headers, body } = await parts.door.handle(asked);
        return reply.code(status).headers(headers).send(body);
      },
    });
  });
}

/** Written anew only when what it is made of changes. */
function rosterOf({ fleet, self, store }: CompositionRoutes): () => WrittenRoster {
  let from: readonly unknown[] = [];
  let written: WrittenRoster | null = null;
  return () => {
    const [sites, leaves] = [fleet.registry.list(), store.leaves()];
    if (written === null || from[0] !== sites || from[1] !== leaves)
      written = writeRoster(self, sites, leaves);
    from = [sites, leaves];
    return written;
  };
}

function sendRoster(
  self: Self,
  roster: WrittenRoster,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const nonce = headerOf(request, 'logic-nonce') ?? '';
  if (!/^([0-9a-f]{32})?$/.test(nonce))
    throw new LogicError('bad_request', 'logic-nonce has 32 lower-case hex digits.');
  return reply
    .headers({
      'cache-control': 'no-store',
      'logic-nonce': nonce,
      'logic-signature': signRoster(self, roster, nonce),
    })
    .type('application/json')
    .send(roster.body);
}

interface Lines {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly digest: string;
}

/** The reply has begun before the first site has answered: what goes wrong with one is a line. */
function sendLines(
  { fleet, door, self }: CompositionRoutes,
  asked: DoorRequest,
  { request, reply, digest }: Lines,
): FastifyReply {
  const { wish, keys } = door.readCreate(asked);
  const headers = {
    nonce: headerOf(request, 'logic-nonce') ?? '',
    path: headerOf(request, 'logic-way'),
    deadline: headerOf(request, 'logic-deadline-ms'),
  };
  const template = textOf(keys, 'template');
  if (template === null) throw new LogicError('bad_request', 'a question that is passed on has a template');
  const told = readRelay(headers, keys.get('sites'), self.id);
  const lines = relay(fleet, { ...told, wish, template, gone: asked.gone });
  return reply
    .headers({ 'cache-control': 'no-store', 'logic-roster': digest })
    .type(NDJSON)
    .send(Readable.from(lines, { objectMode: false }));
}

function doorRequest(request: FastifyRequest, reply: FastifyReply, by: Caller): DoorRequest {
  const at = request.url.indexOf('?');
  return {
    method: request.method,
    action: (request.params as { action: string }).action,
    query: new URLSearchParams(at < 0 ? '' : request.url.slice(at + 1)),
    contentType: request.headers['content-type'] ?? '',
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    by,
    gone: goneSignal(reply),
  };
}

/** A stream that its asker reset leaks unless it is destroyed (SHARP-EDGES 10). */
function endAborted(request: FastifyRequest): void {
  const { stream } = request.raw as unknown as Partial<Http2ServerRequest>;
  if (stream !== undefined && 'session' in stream) stream.once('aborted', () => stream.destroy());
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** Aborts when the asker goes away before the reply is sent. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

function requestError(cause: unknown): LogicError {
  if (cause instanceof LogicError) return cause;
  const status = cause instanceof Error && 'statusCode' in cause ? cause.statusCode : 500;
  if (status === 413) return new LogicError('too_large', 'The request is too large.', cause);
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new LogicError('bad_request', 'The request could not be read.', cause);
  return asLogicError(cause);
}
