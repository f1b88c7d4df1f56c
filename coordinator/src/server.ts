/**
 * The coordinator's HTTP side, on loopback: tRPC under /trpc, one page at /, /healthz.
 *
 * Only this machine can connect, but a browser on this machine can be made to: so the Host header
 * must name loopback (a rebound DNS name does not), and a call to /trpc that a browser marks as
 * coming from another site is refused. Every error leaves in one shape, with a code of our table.
 */
import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asLogicError, ERRORS, LogicError } from '@fleet/shared/errors.ts';
import { MEMBERSHIP_RETRY_AFTER_S, REQUEST_BODY_BYTES } from '@fleet/shared/limits.ts';
import { NO_SCHEMAS } from '@fleet/shared/no-schemas.ts';
import { askedBy, PAGE_HEADERS, pageOf, postedCorrection } from '@fleet/shared/page/page.ts';
import { echoOf } from '@fleet/shared/semantic/translator.ts';
import type { Caller, Tokens } from '@fleet/shared/tokens.ts';
import { type FastifyTRPCPluginOptions, fastifyTRPCPlugin } from '@trpc/server/adapters/fastify';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import type { Logger } from 'pino';
import { type CallerOf, loopbackCallers, onceARequest } from './access.ts';
import { addCompositionRoutes, type CompositionRoutes } from './composition/routes.ts';
import { formatHostPort, type HostPort, isLoopback, parseHostPort } from './config.ts';
import { addLiveReplies } from './live-replies.ts';
import type { LiveAnswers } from './query/live.ts';
import { askFleetTelling, type Fleet } from './query/pipeline.ts';
import type { FleetSentences } from './query/translate.ts';
import { type FleetRouter, router } from './router.ts';
import type { Members } from './sites/members.ts';
import type { FleetAlerts } from './views/alerts.ts';
import type { Views } from './views/watch.ts';
import { serveWebSockets, type WebSockets } from './websocket.ts';

export interface Server {
  readonly url: string;
  close(): Promise<void>;
}

export interface ServerParts {
  readonly fleet: Fleet;
  readonly views: Views;
  readonly alerts: FleetAlerts;
  readonly live: LiveAnswers;
  readonly sentences: FleetSentences;
  readonly members: Members;
  readonly tokens: Tokens;
  readonly log: Logger;
  /** What Pengine clients and coordinators above are served, where it is. */
  readonly composed?: CompositionRoutes;
}

/** Serves until closed. Port 0 takes a free one; `url` names the one taken. @throws LogicError `bad_setup` where the address is taken */
export async function serve(parts: ServerParts, address: HostPort): Promise<Server> {
  const { fleet, tokens, log } = parts;
  const app = fastify({
    bodyLimit: REQUEST_BODY_BYTES,
    forceCloseConnections: true,
    schemaController: NO_SCHEMAS,
  });
  const callerOf = onceARequest(loopbackCallers(tokens));
  app.addHook('onRequest', async (request) => {
    guard(request.raw);
    callerOf(request.raw);
  });
  addRefusals(app, log);
  app.get('/healthz', async () => ({ ok: true, sites: fleet.registry.list().length }));
  app.get('/', (request, reply) => sendPage(parts, callerOf(request.raw), request, reply));
  await app.register(async (scope) => addCorrections(scope, parts, callerOf));
  if (parts.composed !== undefined)
    addCompositionRoutes(app, parts.composed, (request) => callerOf(request.raw));
  await addTrpc(app, parts, callerOf);
  await listen(app, address);
  const sockets = trpcSockets(app.server, parts, {
    scheme: 'http',
    callerOf: (request) => {
      guard(request);
      return callerOf(request);
    },
  });
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://${formatHostPort({ ...address, port })}`,
    close: () => {
      sockets.close();
      return app.close();
    },
  };
}

/** Every error in one shape. */
export function addRefusals(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error: FastifyError, request, reply) =>
    sendError(request, reply, toLogicError(error), log),
  );
  app.setNotFoundHandler((request, reply) =>
    sendError(
      request,
      reply,
      new LogicError('not_found', `nothing is at ${request.method} ${request.url.slice(0, 200)}`),
      log,
    ),
  );
}

export async function listen(
  app: { listen(address: HostPort): Promise<string> },
  address: HostPort,
): Promise<void> {
  try {
    await app.listen(address);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new LogicError('bad_setup', `cannot listen on ${formatHostPort(address)}: ${said}`, cause);
  }
}

/** The router under /trpc, after whoever may not call it is refused. */
export async function addTrpc(app: FastifyInstance, parts: ServerParts, callerOf: CallerOf): Promise<void> {
  addLiveReplies(app, parts, callerOf);
  await app.register(fastifyTRPCPlugin, trpcPlugin(parts, callerOf));
}

/** The router for clients of `server` that want a WebSocket; `callerOf` throws for who may not call it. */
export function trpcSockets(
  server: EventEmitter,
  { fleet, members, views, live, alerts, sentences, log }: ServerParts,
  { scheme, callerOf }: { readonly scheme: 'http' | 'https'; readonly callerOf: UpgradeCaller },
): WebSockets {
  return serveWebSockets(server, {
    router,
    scheme,
    guard: callerOf,
    context: (request, drained) => ({
      ...{ fleet, members, views, live, alerts, sentences, drained },
      caller: callerOf(request),
    }),
    failed: (cause, path) => log.error({ err: cause, path }, 'a call failed'),
  });
}

type UpgradeCaller = (request: IncomingMessage) => Caller;

function trpcPlugin(
  { fleet, members, views, live, alerts, sentences, log }: ServerParts,
  callerOf: CallerOf,
): FastifyTRPCPluginOptions<FleetRouter> & { prefix: string } {
  return {
    prefix: '/trpc',
    trpcOptions: {
      router,
      allowMethodOverride: true, // a query too long for a URL is sent by POST
      createContext: ({ req }) => ({
        ...{ fleet, members, views, live, alerts, sentences },
        caller: callerOf(req.raw),
      }),
      onError: ({ error, path }) => {
        if (error.code === 'INTERNAL_SERVER_ERROR')
          log.error({ err: error.cause ?? error, path }, 'a call failed');
      },
    },
  };
}

function guard(request: IncomingMessage): void {
  if (!isLoopbackHost(request.headers.host))
    throw new LogicError('forbidden', 'the Host header does not name this machine');
  if (
    /^\/(trpc|pengine|roster|correct)/.test(request.url ?? '') &&
    request.headers['sec-fetch-site'] === 'cross-site'
  ) {
    throw new LogicError('forbidden', 'calls from pages of other sites are refused');
  }
}

function isLoopbackHost(host: string | undefined): boolean {
  try {
    return host !== undefined && isLoopback(parseHostPort(/:\d+$/.test(host) ? host : `${host}:80`).host);
  } catch {
    return false;
  }
}

const FACE = { title: 'Logic fleet', label: 'Ask every site', command: 'logic-fleet ask' };

async function sendPage(
  { fleet, sentences, log }: ServerParts,
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const gone = goneSignal(reply);
  const parameters = new URLSearchParams(request.url.split('?').slice(1).join('?'));
  const { status, body } = await pageOf(askedBy(parameters, FACE), {
    translate: (text) => sentences.translate({ text }, { caller: caller.name, gone }),
    echo: (query) => echoOf(query, fleet.manifest),
    ask: (query) => askFleetTelling(fleet, { query }, { cancel: gone, by: caller }),
    fault: (cause) => log.error({ err: cause }, 'a question failed'),
  });
  return reply.code(status).headers(PAGE_HEADERS).send(body);
}

/** An option that was chosen, a query that was edited: kept, then asked. A query that is refused is refused where it is asked. */
function addCorrections(app: FastifyInstance, { sentences }: ServerParts, callerOf: CallerOf): void {
  const form = 'application/x-www-form-urlencoded';
  app.addContentTypeParser(form, { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.post('/correct', async (request, reply) => {
    const { correction, location } = postedCorrection(new URLSearchParams(String(request.body)));
    const speaker = { caller: callerOf(request.raw).name, gone: goneSignal(reply) };
    if (correction !== null) await sentences.correct(correction, speaker).catch(() => {});
    return reply.redirect(location, 303);
  });
}

/** Aborts when the asker goes away before the reply is sent. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

/** What fastify itself refuses, as a code of our table. */
function toLogicError(error: FastifyError): LogicError {
  if (error instanceof LogicError) return error;
  if (error.statusCode === 413)
    return new LogicError('too_large', `the request is larger than ${REQUEST_BODY_BYTES} bytes`, error);
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new LogicError('bad_request', 'the request could not be read', error);
  return asLogicError(error);
}

function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  error: LogicError,
  log: Logger,
): FastifyReply {
  if (error.code === 'internal') log.error({ err: error.detail ?? error }, 'a request failed');
  const { http, advice } = ERRORS[error.code];
  const plain = { code: error.code, message: error.message, advice };
  if (error.code === 'busy') reply.header('retry-after', String(MEMBERSHIP_RETRY_AFTER_S));
  return reply.status(http).send({ error: request.url.startsWith('/trpc') ? asTrpc(error) : plain });
}

/** The same error as a tRPC client expects it, for requests that never reached the router. */
function asTrpc({ code, message }: LogicError): object {
  const { http, trpc, advice } = ERRORS[code];
  return {
    message,
    code: TRPC_ERROR_CODES_BY_KEY[trpc],
    data: { code: trpc, httpStatus: http, logic: { code, advice } },
  };
}
