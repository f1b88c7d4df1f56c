/**
 * One HTTP/2 session to each site, opened by the first question that needs it and kept.
 *
 * The coordinator shows its certificate and believes the other side only if its certificate comes
 * from the fleet's authority, bears the site's name (whatever the address is), and is the very one
 * in the registry. A TLS session is resumed with the ticket that came in a session whose certificate was checked: Node shows no
 * certificate then (docs/decisions), so what counts is the certificate that the ticket came with, held against the registry of
 * now. When a site's address or certificate changes, the next question gets a new session; so it does when the old one
 * is lost, or stayed silent past a deadline, since a peer that vanished without a word looks the same.
 */
import type { SecureContext, TLSSocket } from 'node:tls';
import { checkServerIdentity, connect, createSecureContext } from 'node:tls';
import { LogicError } from '@fleet/shared/errors.ts';
import { SESSION_IDLE_MS } from '@fleet/shared/limits.ts';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { parseHostPort } from '../config.ts';
import { realWorld, type World } from '../world.ts';
import { type Authority, fingerprintOf } from './authority.ts';
import { exchange, opened, type Post, type Request, type Whole } from './exchange.ts';
import type { Site } from './registry.ts';
import { refuseUnlessActive } from './renew.ts';
import { openStockSessions } from './stock.ts';
import { Turns } from './turns.ts';

export interface Session {
  /**
   * Sends the request on a stream of its own. Rejects with LogicError `unreachable` where no session could be opened, `bad_reply` where
   * the reply is too large, and with the signal's reason.
   */
  post(post: Post): Promise<Whole>;
  /** The same for a reply that is read as it comes. */
  open(request: Request): Promise<Dispatcher.ResponseData>;
  /** Whether a TLS connection has been made and checked. */
  readonly connected: boolean;
  /** Questions on it may end; new ones get another session. */
  retire(): void;
}

export interface Sessions {
  to(site: Site): Session;
  /** Ends the site's session now, with whatever is under way on it, and forgets its ticket. */
  end(name: string): void;
  /** Ends every session now, with whatever is under way on it. */
  close(): Promise<void>;
}

export interface SessionsOptions {
  readonly world?: World;
  /** Told when a handshake shows a certificate of the fleet that is not the registered one. */
  readonly shown?: (site: Site, fingerprint: string) => void;
}

/** What the sessions share. */
interface Wire extends Required<SessionsOptions> {
  /** What the coordinator shows: another one once its certificate was renewed. */
  context(): SecureContext;
  readonly tickets: Map<string, Ticket>;
  /** Bounds how many handshakes are under way at the same moment. */
  readonly turns: Turns;
}

interface Ticket {
  readonly session: Buffer;
  /** Of the certificate that was checked when it came. */
  readonly fingerprint: string;
}

export function openSessions(
  authority: Authority,
  { world = realWorld, shown = () => {} }: SessionsOptions = {},
): Sessions {
  const tickets = new Map<string, Ticket>();
  const wire: Wire = {
    world,
    shown,
    tickets,
    context: contextOf(authority, () => tickets.clear()),
    turns: new Turns(world),
  };
  const sessions = new Map<string, SiteSession>();
  const stock = openStockSessions();
  return {
    to: (site) => {
      if (site.status !== 'active') return noSession(site);
      if (site.kind === 'stock') return stock.to(site);
      const known = sessions.get(site.name);
      if (known?.serves(site)) return known;
      known?.retire();
      const session = new SiteSession(site, wire);
      sessions.set(site.name, session);
      return session;
    },
    end: (name) => {
      tickets.delete(name);
      const session = sessions.get(name);
      sessions.delete(name);
      void session?.destroy();
    },
    close: async () => {
      await Promise.all([stock.close(), ...[...sessions.values()].map((session) => session.destroy())]);
      sessions.clear();
    },
  };
}

function contextOf(authority: Authority, renewed: () => void): () => SecureContext {
  let made = '';
  let context: SecureContext | null = null;
  return () => {
    const { certificate: ca, coordinator } = authority;
    if (context !== null && made === ca + coordinator.certificate) return context;
    if (context !== null) renewed();
    made = ca + coordinator.certificate;
    context = createSecureContext({
      ca,
      cert: coordinator.certificate,
      key: coordinator.key,
      minVersion: 'TLSv1.3',
    });
    return context;
  };
}

/** To a site that is not to be asked. */
function noSession(site: Site): Session {
  const refuse = async () => {
    refuseUnlessActive(site);
    throw new LogicError('internal', `${site.name} is active, and has no session`);
  };
  return {
    connected: false,
    retire: () => {},
    post: refuse,
    open: refuse,
  };
}

class SiteSession implements Session {
  readonly #site: Site;
  readonly #client: Client;
  #socket: TLSSocket | null = null;
  #retired = false;
  /** Questions without a response yet. */
  #waiting = 0;
  connected = false;

  constructor(site: Site, wire: Wire) {
    this.#site = site;
    this.#client = new Client(`https://${site.address}`, {
      connect: (_options, callback) => this.#connectInTurn(wire, callback),
      allowH2: true,
      keepAliveTimeout: SESSION_IDLE_MS,
      keepAliveMaxTimeout: SESSION_IDLE_MS,
      headersTimeout: 0, // the deadline of the question is the only one
      bodyTimeout: 0,
    });
  }

  serves(site: Site): boolean {
    return (
      !this.#retired && site.address === this.#site.address && site.fingerprint === this.#site.fingerprint
    );
  }

  post(post: Post): Promise<Whole> {
    return this.#counted(() => exchange(this.#client, post));
  }

  open(request: Request): Promise<Dispatcher.ResponseData> {
    return this.#counted(() => opened(this.#client, { method: 'POST', ...request }));
  }

  async #counted<T>(ask: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    try {
      return await ask();
    } finally {
      this.#waiting -= 1;
      this.#endIfDone();
    }
  }

  retire(): void {
    this.#retired = true;
    this.#endIfDone();
  }

  /** Nobody waits for a retired session any more: replies that are being read may end, a handshake may not. */
  #endIfDone(): void {
    if (!this.#retired || this.#waiting > 0 || this.#client.closed || this.#client.destroyed) return;
    if (this.connected) void this.#client.close().then(() => this.#socket?.destroy());
    else void this.destroy();
  }

  async destroy(): Promise<void> {
    this.#retired = true;
    // The client first: it takes the end of a socket that it still counts on for a fault of its own.
    const destroyed = this.#client.destroyed ? null : this.#client.destroy();
    this.#socket?.destroy();
    await destroyed;
  }

  #connectInTurn(wire: Wire, callback: buildConnector.Callback): void {
    wire.turns.take((over) => {
      if (this.#client.destroyed) {
        over(false);
        return callback(new LogicError('unreachable', 'the session was ended'), null);
      }
      this.#connect(wire, (...result) => {
        over(result[0] === null);
        callback(...result);
      });
    });
  }

  /** Opens one TLS connection; undici calls this again when the connection was lost. */
  #connect(wire: Wire, callback: buildConnector.Callback): void {
    const site = this.#site;
    const context = wire.context();
    const ticket = wire.tickets.get(site.name);
    const resumable = ticket !== undefined && isRegistered(site, ticket.fingerprint);
    let shown = '';
    const socket = connect({
      ...parseHostPort(site.address),
      secureContext: context,
      servername: site.subject,
      ALPNProtocols: ['h2'],
      ...(resumable && { session: ticket.session }),
      // Not called where the session is resumed.
      checkServerIdentity: (name, peer) => {
        shown = fingerprintOf(peer.fingerprint256);
        return checkServerIdentity(name, peer) ?? checkPin(site, shown, wire);
      },
    });
    this.#socket = socket;
    socket.setNoDelay(true).setKeepAlive(true, SESSION_IDLE_MS / 10);
    let waiting = true;
    const settle = (error: Error | null) => {
      if (!waiting) return;
      waiting = false;
      if (error) callback(error, null);
      else callback(null, socket);
    };
    const refuse = (why: string) => {
      settle(new LogicError('unreachable', why));
      socket.destroy();
    };
    socket.once('close', () => {
      this.connected = false;
      settle(new LogicError('unreachable', `${site.address} ended the connection before it was open`));
    });
    socket.on('session', (session: Buffer) => {
      if (this.connected) wire.tickets.set(site.name, { session, fingerprint: shown });
    });
    socket.on('error', (cause) => settle(notReached(site, cause)));
    socket.once('secureConnect', () => {
      if (socket.isSessionReused()) {
        shown = ticket?.fingerprint ?? '';
        const expired = site.validUntil <= wire.world.now();
        if (!isRegistered(site, shown) || expired) {
          wire.tickets.delete(site.name);
          return refuse(
            `the session of ${site.name} can no longer be resumed: its certificate is no longer good`,
          );
        }
      }
      this.connected = socket.alpnProtocol === 'h2';
      if (this.connected) return settle(null);
      refuse(`what answers at ${site.address} does not speak HTTP/2`);
    });
  }
}

/** The certificate that the site has, or the one that it was given last and has not been seen with. */
function isRegistered(site: Site, fingerprint: string): boolean {
  return fingerprint !== '' && (fingerprint === site.fingerprint || fingerprint === site.nextFingerprint);
}

function checkPin(site: Site, fingerprint: string, { shown }: Wire): Error | undefined {
  if (isRegistered(site, fingerprint)) return undefined;
  shown(site, fingerprint);
  return new LogicError(
    'unreachable',
    `what answers at ${site.address} has a certificate of ${site.name} that is not the registered one`,
  );
}

/** Why no session came about, in words that name the address. Node's own text stays in `detail`. */
function notReached(site: Site, cause: NodeJS.ErrnoException): LogicError {
  if (cause instanceof LogicError) return cause;
  const code = cause.code ?? '';
  const why =
    code === 'ECONNREFUSED'
      ? 'nothing listens at'
      : code === 'ERR_TLS_CERT_ALTNAME_INVALID'
        ? `another site's certificate is shown at`
        : /CERT|SIGNATURE|ISSUER/.test(code)
          ? `no certificate of this fleet is shown at`
          : `no session could be opened to`;
  return new LogicError('unreachable', `${why} ${site.address}${code ? ` (${code})` : ''}`, cause);
}
