/**
 * A coordinator for scripts: `import { connectFleet } from '@fleet/coordinator/client'` (docs/scripts.md). The calls are those of the
 * coordinator's tRPC router, with its types: `fleet.ask.query(..)`, `fleet.watch.subscribe(..)`. Three things are made easy: a token goes
 * with every call; an error is a `LogicError` with a code of docs/errors.md; a subscription is an async iteration, ended by leaving it.
 *
 * Nothing is tried twice. A query that was lost says so (`unreachable`), and a subscription whose connection ends throws: to ask again is
 * the script's decision, and what a new `watch` tells first is the whole.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import { SCRIPT_EVENTS_WAITING, SCRIPT_PING_MS } from '@fleet/shared/limits.ts';
import { createTRPCClient, createWSClient, httpLink, wsLink } from '@trpc/client';
import type { inferRouterOutputs } from '@trpc/server';
import { Agent, type Dispatcher, WebSocket } from 'undici';
import { fetchBy, toLogicError } from './client.ts';
import type { FleetRouter } from './router.ts';
import { Feed } from './views/feed.ts';

export { isErrorCode, LogicError } from '@fleet/shared/errors.ts';

export interface Connection {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** As `logic-fleet token` makes them; on loopback none is needed. */
  readonly token?: string | undefined;
  /** For `https:`: the fleet's `authority.pem`, as text, which is believed and nobody else; left out, whom this machine believes. */
  readonly ca?: string | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

type Client = ReturnType<typeof createTRPCClient<FleetRouter>>;
type Fleet = Client['fleet'];
type Yielded<T> = T extends AsyncIterable<infer E> ? E : T;

/** One procedure as a script calls it; what it gives is `O`. */
type Call<P, O> = P extends { query: (input: infer I, ...rest: never) => unknown }
  ? { query(...args: Args<I>): Promise<O> }
  : P extends { mutate: (input: infer I, ...rest: never) => unknown }
    ? { mutate(...args: Args<I>): Promise<O> }
    : P extends { subscribe: (input: infer I, ...rest: never) => unknown }
      ? { subscribe(...args: Args<I>): AsyncIterableIterator<Yielded<O>> }
      : never;
/** The input may be left out where it may be undefined. */
type Args<I> = undefined extends I ? [input?: I, options?: CallOptions] : [input: I, options?: CallOptions];
type Outputs = inferRouterOutputs<FleetRouter>['fleet'];

export type FleetCalls = { readonly [Name in keyof Fleet & keyof Outputs]: Call<Fleet[Name], Outputs[Name]> };

export interface FleetClient {
  /** The calls of the coordinator's router. They reject with a `LogicError`. */
  readonly fleet: FleetCalls;
}

export function connectFleet({ url, token, ca }: Connection): FleetClient {
  const dispatcher = ca === undefined ? undefined : new Agent({ connect: { ca } });
  const at = url.replace(/\/$/, '');
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  // POST: a query may be longer than a URL can be.
  const client = createTRPCClient<FleetRouter>({
    links: [
      httpLink({
        url: `${at}/trpc`,
        methodOverride: 'POST',
        headers,
        ...(dispatcher && { fetch: fetchBy(dispatcher) }),
      }),
    ],
  });
  const calls = new Proxy({} as Record<string, unknown>, {
    get: (_, name) =>
      typeof name === 'string' ? callsOf(client, name, { url: at, headers, dispatcher }) : undefined,
  });
  return { fleet: calls as unknown as FleetCalls };
}

interface Address {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher | undefined;
}

/** What tRPC's client has under a name, whatever kind of call it is. */
interface Untyped {
  query(input: unknown, options: CallOptions): Promise<unknown>;
  mutate(input: unknown, options: CallOptions): Promise<unknown>;
  subscribe(input: unknown, handlers: object): unknown;
}

function named(client: Client, name: string): Untyped {
  return (client.fleet as unknown as Record<string, Untyped>)[name] as Untyped;
}

function callsOf(client: Client, name: string, address: Address): Untyped {
  const called = async (call: Promise<unknown>) => {
    try {
      return await call;
    } catch (cause) {
      throw toLogicError(cause, address.url);
    }
  };
  return {
    query: (input, options = {}) => called(named(client, name).query(input, options)),
    mutate: (input, options = {}) => called(named(client, name).mutate(input, options)),
    subscribe: (input, options) => subscribe(name, input, address, options),
  };
}

/** One subscription over a WebSocket of its own, which ends with it. */
function subscribe(
  name: string,
  input: unknown,
  { url, ...by }: Address,
  { signal }: CallOptions = {},
): Feed<unknown> {
  const close = () => void socket.close().catch(() => {});
  const overrun = () => {
    close();
    throw new LogicError('too_large', `${SCRIPT_EVENTS_WAITING} events wait to be read`);
  };
  const feed = new Feed<unknown>({ most: SCRIPT_EVENTS_WAITING, overrun, left: close });
  const lost = (error: LogicError) => {
    feed.fail(error);
    close();
  };
  const gone = () =>
    lost(new LogicError('unreachable', `the connection to ${url} has ended, or was refused${hint(by)}`));
  const socket = createWSClient({
    url: `${url.replace(/^http/, 'ws')}/trpc`,
    WebSocket: socketWith(by, gone),
    // A coordinator whose machine is gone says nothing.
    keepAlive: { enabled: true, intervalMs: SCRIPT_PING_MS, pongTimeoutMs: SCRIPT_PING_MS },
  });
  const client = createTRPCClient<FleetRouter>({ links: [wsLink({ client: socket })] });
  named(client, name).subscribe(input, {
    onData: (event: unknown) => feed.push(event),
    onError: (cause: unknown) => lost(toLogicError(cause, url)),
    onComplete: () => {
      feed.end();
      close();
    },
  });
  signal?.addEventListener('abort', () => void feed.return(), { once: true });
  return feed;
}

type By = Omit<Address, 'url'>;

const hint = ({ headers }: By) => (headers.authorization === undefined ? '' : ': is the token right?');

/**
 * A WebSocket that says who it is when it is opened, which the one of browsers cannot; and that tells of its own end, since tRPC's client
 * does not for one that never opened, and goes on trying.
 */
function socketWith({ headers, dispatcher }: By, gone: () => void): typeof globalThis.WebSocket {
  class ScriptSocket extends WebSocket {
    constructor(url: string | URL) {
      super(url, { headers, ...(dispatcher && { dispatcher }) });
      for (const event of ['close', 'error'] as const) this.addEventListener(event, gone);
    }
  }
  return ScriptSocket as unknown as typeof globalThis.WebSocket;
}
