/**
 * The agent's listeners: plain HTTP on loopback, and TLS (HTTP/2 and 1.1 on one port) for coordinators. Both serve
 * the same routes: /pengine/*, /trpc, /healthz, and one page at /. Who asks is found out in
 * access/callers.ts. What goes wrong outside of a route is typed JSON too.
 */

import type { Http2SecureServer, Http2ServerRequest } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { asLogicError, LogicError } from '@fleet/shared/errors.ts';
import { REQUEST_BODY_BYTES, SESSION_IDLE_MS, TICKET_VALID_S } from '@fleet/shared/limits.ts';
import { NO_SCHEMAS } from '@fleet/shared/no-schemas.ts';
import { askedBy, PAGE_HEADERS, pageOf, postedCorrection } from '@fleet/shared/page/page.ts';
import { echoOf } from '@fleet/shared/semantic/translator.ts';
import type { Caller, Tokens } from '@fleet/shared/tokens.ts';
import { fastifyTRPCPlugin } from '@trpc/server/adapters/fastify';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Logger } from 'pino';
import { type CallerOf, type Credentials, loopbackCallers, tlsCallers } from './access/callers.ts';
import type { TlsFiles } from './config.ts';
import type { Address } from './config-address.ts';
import type { PengineDoor } from './pengine/door.ts';
import type { Watches } from './pengine/watch.ts';
import { askSite } from './query/pipeline.ts';
import { DRAINED_BYTES, takeQuestions } from './question-streams.ts';
import { refusalOf } from './refusal.ts';
import { alertsOf, type Context, router, type SiteRouter } from './router.ts';

export type { SiteRouter } from './router.ts';

export interface ServerParts {
  readonly door: PengineDoor;
  readonly watches: Watches;
  readonly context: Omit<Context, 'caller' | 'gone'>;
  readonly tokens: Tokens;
  /** The wall clock. */
  readonly now: () => number;
  readonly log: Logger;
}

/** A batch of tRPC calls is one path. */
const PATH_CHARACTERS = 2_000;
/** A request that has not arrived whole by then is dropped. */
const REQUEST_ARRIVES_MS = 30_000;

/** Loopback, plain HTTP/1.1. */
export function plainServer(parts: ServerParts): FastifyInstance {
  const app = fastify({
    bodyLimit: REQUEST_BODY_BYTES,
    requestTimeout: REQUEST_ARRIVES_MS,
    routerOptions: { maxParamLength: PATH_CHARACTERS },
    forceCloseConnections: true,
    schemaController: NO_SCHEMAS,
  });
  return withRoutes(app, parts, loopbackCallers(parts.tokens));
}

/** /healthz alone. */
export function healthServer(parts: ServerParts): FastifyInstance {
  const app = fastify({ schemaController: NO_SCHEMAS });
  addHealth(app, parts);
  addRefusals(app, parts);
  return app;
}

/** TLS with HTTP/2 and HTTP/1.1; who shows neither a coordinator's certificate nor a token is told `forbidden`. */
export function tlsServer(parts: ServerParts, files: TlsFiles): FastifyInstance {
  const app = fastify({
    http2: true,
    // Coordinators keep their sessions as long: what is quiet, a watch say, is not to cost a handshake.
    http2SessionTimeout: SESSION_IDLE_MS,
    https: {
      ...secure(files),
      allowHTTP1: true,
      requestCert: true,
      // Checked once a connection, a resumed one too, so that the refusal can say why.
      rejectUnauthorized: false,
    },
    bodyLimit: REQUEST_BODY_BYTES,
    routerOptions: { maxParamLength: PATH_CHARACTERS },
    forceCloseConnections: true,
    schemaController: NO_SCHEMAS,
  });
  const callerOf = tlsCallers(parts.tokens, parts.now);
  withRoutes(app as unknown as FastifyInstance, parts, callerOf);
  takeQuestions(app.server as unknown as Http2SecureServer, { ...parts, callerOf });
  return app as unknown as FastifyInstance;
}

function secure({ cert, key, ca }: TlsFiles) {
  return {
    cert,
    key,
    ca,
    minVersion: 'TLSv1.3' as const,
    sessionIdContext: 'logic-node',
    sessionTimeout: TICKET_VALID_S,
  };
}

/** Shows another certificate from now on. Tickets given before are worth nothing then: their key went with the old one. */
export function useCertificate(app: FastifyInstance, files: TlsFiles): void {
  (app.server as unknown as Http2SecureServer).setSecureContext(secure(files));
}

/** Listens, and gives the URL. Throws `bad_setup` when the address is taken. */
export async function listen(app: FastifyInstance, { host, port }: Address): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new LogicError('bad_setup', `cannot listen on ${host}:${port}: ${said}`, cause);
  }
}

function withRoutes(app: FastifyInstance, parts: ServerParts, callerOf: CallerOf): FastifyInstance {
  // Found out once a request: a token is hashed for it.
  const callers = new WeakMap<FastifyRequest, Caller>();
  const known = (request: FastifyRequest): Caller => callers.get(request) ?? callerOf(credentials(request));
  app.addHook('onRequest', async (request) => {
    endAborted(request);
    callers.set(request, callerOf(credentials(request)));
  });
  addRefusals(app, parts);
  addHealth(app, parts);
  app.get('/', (request, reply) => sendPage(parts, known(request), request, reply));
  app.register(async (scope) => addCorrections(scope, parts));
  app.register(async (scope) => addPengineRoutes(scope, parts, known));
  app.register(fastifyTRPCPlugin<SiteRouter>, {
    prefix: '/trpc',
    trpcOptions: {
      router,
      // A query can be longer than a URL may be: it may come as POST.
      allowMethodOverride: true,
      createContext: ({ req, res }): Context => ({
        ...parts.context,
        caller: known(req),
        gone: goneSignal(res),
      }),
      onError: ({ error }) => {
        if (error.code === 'INTERNAL_SERVER_ERROR')
          parts.log.error({ err: error.cause ?? error }, 'question failed');
      },
    },
  });
  return app;
}

function credentials({ headers, raw }: FastifyRequest): Credentials {
  const { stream } = raw as unknown as Partial<Http2ServerRequest>;
  return { headers, connection: stream?.session ?? raw.socket, socket: () => raw.socket as TLSSocket };
}

function addHealth(app: FastifyInstance, { context }: ServerParts): void {
  app.get('/healthz', async (_request, reply) => {
    const status = context.status();
    return reply
      .code(status.engine === 'ready' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(status);
  });
}

/** Changes of alerts that the page shows. */
const PAGE_CHANGES = 20;

async function sendPage(
  { context, log }: ServerParts,
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { site } = context.parts;
  const face = { title: `Logic node ${site}`, label: `Ask ${site}`, command: 'logic-node ask' };
  const asker = { caller: caller.name, gone: goneSignal(reply) };
  const { status, body } = await pageOf(askedBy(queryOf(request.url), face), {
    translate: (text) => context.sentences.translate(text, asker),
    echo: (query) => echoOf(query, context.parts.manifest),
    ask: (query) => askSite({ query, prove: true }, asker, context.parts),
    alerts: () => alertsOf(context, PAGE_CHANGES),
    fault: (cause) => log.error({ err: cause }, 'a question failed'),
  });
  return reply.code(status).headers(PAGE_HEADERS).send(body);
}

/** An option that was chosen, a query that was edited: kept, then asked. A query that is refused is refused where it is asked. */
function addCorrections(app: FastifyInstance, { context }: ServerParts): void {
  const form = 'application/x-www-form-urlencoded';
  app.addContentTypeParser(form, { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.post('/correct', async (request, reply) => {
    const { correction, location } = postedCorrection(new URLSearchParams(String(request.body)));
    if (correction !== null) await context.sentences.correct(correction).catch(() => {});
    return reply.redirect(location, 303);
  });
}

/** The door takes bodies as bytes: what they are is for it to find out. */
function addPengineRoutes(
  app: FastifyInstance,
  { door, watches }: ServerParts,
  callerOf: (request: FastifyRequest) => Caller,
): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.route({
    method: ['GET', 'POST', 'OPTIONS'],
    url: '/pengine/:action',
    handler: async (request, reply) => {
      const answer = await door.handle({
        method: request.method,
        action: (request.params as { action: string }).action,
        query: queryOf(request.url),
        contentType: request.headers['content-type'] ?? '',
        body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
        nonce: headerText(request, 'logic-nonce'),
        caller: callerOf(request).name,
        gone: goneSignal(reply),
      });
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    },
  });
  app.post('/watch', (request, reply) => sendWatch(watches, callerOf(request).name, request, reply));
}

/** The whole answer at once, and again whenever it changed; refused like any other request. */
function sendWatch(
  watches: Watches,
  caller: string,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const begin = watches.open({
    contentType: request.headers['content-type'] ?? '',
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    nonce: headerText(request, 'logic-nonce'),
    caller,
  });
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  begin(reply.raw);
  return reply;
}

const NO_PARAMETERS = new URLSearchParams();

/** Most requests have none, and reading a whole URL costs more than looking. */
function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?');
  return at < 0 ? NO_PARAMETERS : new URLSearchParams(url.slice(at + 1));
}

function headerText(request: FastifyRequest, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}

/** Aborted when the connection or stream closes before the reply is written. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

/** A stream that its asker reset leaks unless it is destroyed (SHARP-EDGES 10). */
function endAborted(request: FastifyRequest): void {
  const raw = request.raw as unknown as Partial<Http2ServerRequest>;
  const stream = raw.stream;
  if (stream !== undefined && 'session' in stream) stream.once('aborted', () => stream.destroy());
}

function addRefusals(app: FastifyInstance, { log }: ServerParts): void {
  app.setNotFoundHandler((_request, reply) =>
    refuse(reply, new LogicError('not_found', 'There is nothing at this address.')),
  );
  app.setErrorHandler(async (cause, request, reply) => {
    const error = requestError(cause);
    if (error.code === 'internal') log.error({ err: cause }, 'request failed');
    if (error.code === 'too_large') await drain(request);
    return refuse(reply, error);
  });
}

function requestError(cause: unknown): LogicError {
  if (cause instanceof LogicError) return cause;
  const status = cause instanceof Error && 'statusCode' in cause ? cause.statusCode : 500;
  if (status === 413)
    return new LogicError('too_large', `A request has at most ${REQUEST_BODY_BYTES} bytes.`, cause);
  if (typeof status === 'number' && status >= 400 && status < 500 && cause instanceof Error) {
    return new LogicError('bad_request', cause.message, cause);
  }
  return asLogicError(cause);
}

function refuse(reply: FastifyReply, error: LogicError): FastifyReply {
  const { status, headers, body } = refusalOf(error);
  return reply.code(status).headers(headers).send(body);
}

/** Reads on what a sender is still sending, within reason, and drops it. */
function drain(request: FastifyRequest): Promise<void> {
  const { raw } = request;
  if (raw.readableEnded || raw.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let left = DRAINED_BYTES;
    raw.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) resolve();
    });
    raw.once('close', () => resolve());
    raw.once('end', () => resolve());
    raw.resume();
  });
}
