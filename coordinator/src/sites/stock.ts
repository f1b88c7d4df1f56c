/**
 * Sites without an agent: a stock Pengine server (`library(pengines)` of SWI-Prolog) that offers the predicates of the catalogue.
 * It has no key of this fleet. It is asked over HTTP/1.1, by HTTPS with the system's authorities, or in plain text where that
 * stays on this machine or the operator said that it may not.
 */
import { siteName } from '@fleet/shared/api/ask.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { FOREVER, STOCK_CONNECTIONS, STOCK_IDLE_MS } from '@fleet/shared/limits.ts';
import { buildConnector, Pool } from 'undici';
import { isLoopback } from '../config.ts';
import { realWorld, type World } from '../world.ts';
import { exchange, type Post, type Whole } from './exchange.ts';
import type { Enrolled, Registry, Site } from './registry.ts';
import type { Session } from './sessions.ts';

export interface StockEnrolment {
  readonly registry: Pick<Registry, 'enrol' | 'get'>;
  readonly site: string;
  readonly url: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Plain HTTP to another machine: whoever is on the way reads the question and writes the answer. */
  readonly insecurePlain?: boolean;
  readonly world?: World;
}

/** @throws LogicError `bad_request` for a name or URL that does not hold, or a name that a site of another kind has */
export function enrolStock({
  registry,
  site,
  url,
  labels = {},
  insecurePlain = false,
  world = realWorld,
}: StockEnrolment): Site {
  const name = siteName.safeParse(site);
  if (!name.success)
    throw new LogicError('bad_request', `not a site name: ${site} (a DNS label: a-z, 0-9 and -)`);
  const before = registry.get(name.data);
  if (before !== undefined && before.kind !== 'stock')
    throw new LogicError('bad_request', `${name.data} is enrolled already, and is no stock server`);
  const row: Enrolled = {
    name: name.data,
    kind: 'stock',
    address: readUrl(url, insecurePlain),
    fingerprint: '',
    serial: '',
    publicKey: '',
    enrolledAt: world.now(),
    validUntil: FOREVER,
    labels,
  };
  return registry.enrol(row);
}

/** The URL in front of `/pengine/create`, without a final slash. */
function readUrl(text: string, insecurePlain: boolean): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new LogicError('bad_request', `not a URL: ${text} (write http://host:port or https://host:port)`);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new LogicError(
      'bad_request',
      'the URL of a stock server has a host, a port and a path, and nothing else',
    );
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol === 'http:' && !isLoopback(host) && !insecurePlain) {
    const why = 'anyone on the way could read the question and write the answer';
    throw new LogicError(
      'bad_request',
      `${url.host} is another machine, and http is plain text: ${why}. Use https, or say --insecure-plain`,
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

export interface StockSessions {
  to(site: Site): Session;
  close(): Promise<void>;
}

export function openStockSessions(): StockSessions {
  const sessions = new Map<string, StockSession>();
  return {
    to: (site) => {
      const known = sessions.get(site.name);
      if (known?.serves(site)) return known;
      known?.retire();
      const session = new StockSession(site.address);
      sessions.set(site.name, session);
      return session;
    },
    close: async () => {
      await Promise.all([...sessions.values()].map((session) => session.destroy()));
      sessions.clear();
    },
  };
}

/** A few connections to one server, kept between questions. */
class StockSession implements Session {
  readonly #address: string;
  readonly #pool: Pool;
  readonly #prefix: string;
  #retired = false;

  constructor(address: string) {
    const { origin, pathname } = new URL(address);
    this.#address = address;
    this.#prefix = pathname === '/' ? '' : pathname;
    const connector = buildConnector({});
    this.#pool = new Pool(origin, {
      connections: STOCK_CONNECTIONS,
      connect: (options, callback) =>
        connector(options, (cause, socket) => {
          if (cause) callback(notReached(address, cause), null);
          else callback(null, socket);
        }),
      keepAliveTimeout: STOCK_IDLE_MS,
      keepAliveMaxTimeout: STOCK_IDLE_MS,
      headersTimeout: 0, // the deadline of the question is the only one
      bodyTimeout: 0,
    });
  }

  get connected(): boolean {
    return (this.#pool.stats.connected ?? 0) > 0;
  }

  serves(site: Site): boolean {
    return !this.#retired && site.address === this.#address;
  }

  post(post: Post): Promise<Whole> {
    return exchange(this.#pool, { ...post, path: `${this.#prefix}${post.path}` });
  }

  async open(): Promise<never> {
    throw new LogicError('not_found', 'A stock Pengine server has nothing that is read as it comes.');
  }

  retire(): void {
    this.#retired = true;
    void this.#pool.close().catch(() => undefined);
  }

  destroy(): Promise<void> {
    return this.#pool.destroyed ? Promise.resolve() : this.#pool.destroy();
  }
}

function notReached(address: string, cause: Error): LogicError {
  const code = (cause as NodeJS.ErrnoException).code;
  return new LogicError(
    'unreachable',
    `no connection could be made to ${address}${code ? ` (${code})` : ''}`,
    cause,
  );
}
