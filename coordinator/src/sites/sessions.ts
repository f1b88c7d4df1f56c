/**
 * One HTTP/2 session to each site, opened by the first question that needs it and kept.
 *
 * The coordinator shows its certificate and believes the other side only if its certificate comes
 * from the fleet's authority, bears the site's name (whatever the address is), and is the very one
 * in the registry. TLS sessions are not resumed: resumption would skip these checks. When a site's
 * address or certificate changes, the next question gets a new session; so it does when the old one
 * is lost, or stayed silent past a deadline, since a peer that vanished without a word looks the same.
 */
import type { PeerCertificate, SecureContext, TLSSocket } from 'node:tls';
import { checkServerIdentity, connect, createSecureContext } from 'node:tls';
import { LogicError } from '@fleet/shared/errors.ts';
import { SESSION_IDLE_MS } from '@fleet/shared/limits.ts';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { parseHostPort } from '../config.ts';
import { type Authority, fingerprintOf } from './authority.ts';
import type { Site } from './registry.ts';
import { openStockSessions } from './stock.ts';

export interface Post {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

export interface Session {
  /** Sends the request on a stream of its own. Rejects with LogicError `unreachable` where no session could be opened. */
  post(post: Post): Promise<Dispatcher.ResponseData>;
  /** Whether a TLS connection has been made and checked. */
  readonly connected: boolean;
  /** Questions on it may end; new ones get another session. */
  retire(): void;
}

export interface Sessions {
  to(site: Site): Session;
  /** Ends every session now, with whatever is under way on it. */
  close(): Promise<void>;
}

export function openSessions(authority: Authority): Sessions {
  const context = createSecureContext({
    ca: authority.certificate,
    cert: authority.coordinator.certificate,
    key: authority.coordinator.key,
    minVersion: 'TLSv1.3',
  });
  const sessions = new Map<string, SiteSession>();
  const stock = openStockSessions();
  return {
    to: (site) => {
      if (site.kind === 'stock') return stock.to(site);
      const known = sessions.get(site.name);
      if (known?.serves(site)) return known;
      known?.retire();
      const session = new SiteSession(site, context);
      sessions.set(site.name, session);
      return session;
    },
    close: async () => {
      await Promise.all([stock.close(), ...[...sessions.values()].map((session) => session.destroy())]);
      sessions.clear();
    },
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

  constructor(site: Site, context: SecureContext) {
    this.#site = site;
    this.#client = new Client(`https://${site.address}`, {
      connect: (_options, callback) => this.#connect(context, callback),
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

  /** undici notices a signal only once a request is on a stream, so a handshake that hangs is waited for here. */
  async post({ path, headers, body, signal }: Post): Promise<Dispatcher.ResponseData> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#waiting += 1;
    try {
      return await Promise.race([
        this.#client.request({ method: 'POST', path, headers, body, signal }),
        aborted,
      ]);
    } finally {
      signal.removeEventListener('abort', abort);
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
    this.#socket?.destroy();
    if (!this.#client.destroyed) await this.#client.destroy();
  }

  /** Opens one TLS connection; undici calls this again when the connection was lost. */
  #connect(context: SecureContext, callback: buildConnector.Callback): void {
    const socket = connect({
      ...parseHostPort(this.#site.address),
      secureContext: context,
      servername: this.#site.name,
      ALPNProtocols: ['h2'],
      checkServerIdentity: (name, peer) => checkServerIdentity(name, peer) ?? checkPin(this.#site, peer),
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
    socket.once('close', () => {
      this.connected = false;
    });
    socket.on('error', (cause) => settle(notReached(this.#site, cause)));
    socket.once('secureConnect', () => {
      this.connected = socket.alpnProtocol === 'h2';
      if (this.connected) return settle(null);
      settle(new LogicError('unreachable', `what answers at ${this.#site.address} does not speak HTTP/2`));
      socket.destroy();
    });
  }
}

function checkPin(site: Site, peer: PeerCertificate): Error | undefined {
  if (fingerprintOf(peer.fingerprint256) === site.fingerprint) return undefined;
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
