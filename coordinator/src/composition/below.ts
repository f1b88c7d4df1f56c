/**
 * HTTP/2 sessions to the coordinators below. We show the certificate that the lower coordinator's authority issued for our key, and
 * believe the other side only if its certificate is of that authority and has the very key that was introduced to us: certificates
 * are renewed, the key stays. TLS sessions are not resumed: there are few, and resumption would skip that check.
 */
import { X509Certificate } from 'node:crypto';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { LogicError } from '@fleet/shared/errors.ts';
import { SESSION_IDLE_MS } from '@fleet/shared/limits.ts';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { parseHostPort } from '../config.ts';
import { opened } from '../sites/exchange.ts';
import type { Site } from '../sites/registry.ts';
import type { CompositionStore, Membership } from './store.ts';

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** What of a coordinator's row is needed to reach it. */
export type Coordinator = Pick<Site, 'name' | 'address' | 'publicKey'>;

export interface Below {
  /** Asks a coordinator of the registry. Rejects with LogicError `unreachable` where no session could be opened. */
  ask(coordinator: Coordinator, request: Request): Promise<Dispatcher.ResponseData>;
  /** Who asks it next gets a new session: this one was silent past a deadline, and a peer that vanished without a word looks the same. */
  retire(coordinator: Coordinator): void;
  close(): Promise<void>;
}

/** `key` is this coordinator's, PEM. */
export function openBelow(store: Pick<CompositionStore, 'membership'>, key: string): Below {
  const sessions = new Map<string, BelowSession>();
  const to = (coordinator: Coordinator): BelowSession => {
    const membership = store.membership(coordinator.name);
    if (membership === undefined)
      throw new LogicError('unreachable', `nothing is known here of how to ask ${coordinator.name}`);
    const known = sessions.get(coordinator.name);
    if (known?.serves(coordinator, membership)) return known;
    void known?.destroy();
    const session = new BelowSession(coordinator, membership, key);
    sessions.set(coordinator.name, session);
    return session;
  };
  return {
    ask: async (coordinator, request) => to(coordinator).ask(request),
    retire: ({ name }) => {
      sessions.get(name)?.retire();
      sessions.delete(name);
    },
    close: async () => {
      await Promise.all([...sessions.values()].map((session) => session.destroy()));
      sessions.clear();
    },
  };
}

class BelowSession {
  readonly #coordinator: Coordinator;
  readonly #membership: Membership;
  readonly #client: Client;
  #socket: TLSSocket | null = null;

  constructor(coordinator: Coordinator, membership: Membership, key: string) {
    this.#coordinator = coordinator;
    this.#membership = membership;
    this.#client = new Client(`https://${coordinator.address}`, {
      connect: (_options, callback) => this.#connect(key, callback),
      allowH2: true,
      keepAliveTimeout: SESSION_IDLE_MS,
      keepAliveMaxTimeout: SESSION_IDLE_MS,
      headersTimeout: 0, // the deadline of the question is the only one
      bodyTimeout: 0,
    });
  }

  serves(coordinator: Coordinator, { certificate, authority }: Membership): boolean {
    return (
      !this.#client.destroyed &&
      coordinator.address === this.#coordinator.address &&
      coordinator.publicKey === this.#coordinator.publicKey &&
      certificate === this.#membership.certificate &&
      authority === this.#membership.authority
    );
  }

  ask(request: Request): Promise<Dispatcher.ResponseData> {
    return opened(this.#client, request);
  }

  /** What is under way on it may end. */
  retire(): void {
    if (this.#client.closed || this.#client.destroyed) return;
    void this.#client.close().then(() => this.#socket?.destroy());
  }

  async destroy(): Promise<void> {
    this.#socket?.destroy();
    if (!this.#client.destroyed) await this.#client.destroy();
  }

  #connect(key: string, callback: buildConnector.Callback): void {
    const { authority, certificate } = this.#membership;
    const socket = connect({
      ...parseHostPort(this.#coordinator.address),
      ...{ ca: authority, cert: certificate, key, minVersion: 'TLSv1.3', ALPNProtocols: ['h2'] },
      servername: 'coordinator',
      checkServerIdentity: (_name, peer) => checkKey(this.#coordinator, peer),
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
    socket.on('error', (cause) => settle(notReached(this.#coordinator, cause)));
    socket.once('secureConnect', () => {
      if (socket.alpnProtocol === 'h2') return settle(null);
      settle(
        new LogicError('unreachable', `what answers at ${this.#coordinator.address} does not speak HTTP/2`),
      );
      socket.destroy();
    });
  }
}

function checkKey({ name, address, publicKey }: Coordinator, peer: PeerCertificate): Error | undefined {
  const shown = new X509Certificate(peer.raw).publicKey.export({ type: 'spki', format: 'pem' });
  if (shown === publicKey) return undefined;
  return new LogicError(
    'unreachable',
    `what answers at ${address} is not the coordinator that was introduced as ${name}`,
  );
}

function notReached({ address }: Coordinator, cause: NodeJS.ErrnoException): LogicError {
  if (cause instanceof LogicError) return cause;
  const why = cause.code === 'ECONNREFUSED' ? 'nothing listens at' : 'no session could be opened to';
  return new LogicError('unreachable', `${why} ${address}${cause.code ? ` (${cause.code})` : ''}`, cause);
}
