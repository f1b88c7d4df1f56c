/** Closed-loop load over HTTP/1.1 by autocannon, as scripts and pages make it. A question refused, as `busy` say, is not answered. */
import autocannon from 'autocannon';

export interface Measured {
  /** Replies with a 2xx status. */
  readonly perSecond: number;
  readonly p99Ms: number;
  /** Replies with another status. */
  readonly refused: number;
}

interface Load {
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteLoad extends Load {
  /** JSON of a POST; null for a GET. */
  readonly body: string | null;
}

export interface RoutesLoad extends Load {
  /** Told of each reply: which path it was of, and how long it took. */
  readonly each?: (path: number, ms: number) => void;
}

/** Seconds that one request may take. */
const PATIENCE_SECONDS = 20;

/** One request again and again. Throws where one failed on the wire. */
export function measureRoute(url: URL, { body, ...load }: RouteLoad): Promise<Measured> {
  return measure(url, load, [
    {
      method: body === null ? 'GET' : 'POST',
      path: url.pathname + url.search,
      ...(body !== null && { body }),
    },
  ]);
}

/** GETs of these paths, each connection one after another. Throws where one failed on the wire. */
export function measureRoutes(
  url: URL,
  paths: readonly string[],
  { each, ...load }: RoutesLoad,
): Promise<Measured> {
  return measure(
    url,
    load,
    paths.map((path, at) => {
      // A context is one connection's, and so is the time in it.
      const setupRequest = (request: autocannon.Request, context: { began?: number }) => {
        context.began = performance.now();
        return request;
      };
      const onResponse = (_status: number, _body: string, { began = 0 }: { began?: number }) =>
        each?.(at, performance.now() - began);
      return { method: 'GET', path, ...(each && { setupRequest, onResponse }) };
    }),
  );
}

async function measure(
  url: URL,
  { connections, seconds, headers = {} }: Load,
  requests: readonly autocannon.Request[],
): Promise<Measured> {
  const result = await autocannon({
    url: url.href,
    headers: { 'content-type': 'application/json', ...headers },
    connections,
    duration: seconds,
    timeout: PATIENCE_SECONDS,
    requests,
  });
  const { latency, errors, non2xx } = result;
  if (errors > 0) throw new Error(`${errors} requests to ${url.href} failed`);
  return {
    perSecond: (result.requests.total - non2xx) / seconds,
    p99Ms: latency.p99,
    refused: non2xx,
  };
}
