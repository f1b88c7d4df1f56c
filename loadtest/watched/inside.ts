/**
 * Loaded into a coordinator with `--import`: counts, without changing what happens, what only the process itself can see. A GET at the
 * Unix socket that WATCHED_SOCKET names gives what was seen since the last one (`Seen`).
 *
 * `tls.connect` and `http2.createSecureServer` are wrapped before anything of the coordinator is loaded. Handshakes with sites that
 * offer HTTP/2 are its sessions, the others its looks at a site (probe.ts).
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import http2 from 'node:http2';
import { syncBuiltinESMExports } from 'node:module';
import type { Socket } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import tls, { type TLSSocket } from 'node:tls';
import { isMainThread } from 'node:worker_threads';

export interface Handshakes {
  /** Under way at once. */
  most: number;
  done: number;
  /** Of those, by a ticket. */
  resumed: number;
  /** Connections that came about and are there now. */
  open: number;
}

/** A request at the TLS listener that was answered. */
export interface Asked {
  readonly path: string;
  readonly status: number;
  /** Of the certificate that was shown. */
  readonly who: string;
  /** When it came; milliseconds since 1970 UTC. */
  readonly at: number;
}

export interface Seen {
  /** The longest that the event loop was away, ms. */
  readonly loopMs: number;
  readonly sessions: Handshakes;
  readonly looks: Handshakes;
  /** At the TLS listener. */
  readonly listener: Handshakes;
  readonly asked: readonly Asked[];
}

interface Told {
  cameAbout(resumed: boolean): void;
  ended(): void;
}

/** Counts handshakes from their first packet to their end, however they end. */
class Counted {
  #now = 0;
  #open = 0;
  #seen = { most: 0, done: 0, resumed: 0 };

  /** Returns what is to be told when it came about, by a ticket or not, and when the connection has ended. */
  begin(): Told {
    this.#now += 1;
    this.#seen.most = Math.max(this.#seen.most, this.#now);
    let at: 'handshake' | 'open' | 'ended' = 'handshake';
    return {
      cameAbout: (resumed) => {
        if (at !== 'handshake') return;
        at = 'open';
        this.#now -= 1;
        this.#open += 1;
        this.#seen.done += 1;
        if (resumed) this.#seen.resumed += 1;
      },
      ended: () => {
        if (at === 'handshake') this.#now -= 1;
        if (at === 'open') this.#open -= 1;
        at = 'ended';
      },
    };
  }

  take(): Handshakes {
    const seen = { ...this.#seen, open: this.#open };
    this.#seen = { most: this.#now, done: 0, resumed: 0 };
    return seen;
  }
}

// Threads of the coordinator load this too; only the one that answers is watched.
if (isMainThread) watch(process.env.WATCHED_SOCKET ?? '');

function watch(path: string): void {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const [sessions, looks, listener] = [new Counted(), new Counted(), new Counted()];
  let asked: Asked[] = [];
  watchConnections(sessions, looks);
  watchListener(listener, (one) => asked.push(one));
  syncBuiltinESMExports();
  const server = createServer((_request, reply) => {
    const seen: Seen = {
      loopMs: delay.max / 1e6,
      sessions: sessions.take(),
      looks: looks.take(),
      listener: listener.take(),
      asked,
    };
    asked = [];
    delay.reset();
    reply.end(JSON.stringify(seen));
  });
  server.listen(path).unref();
}

function watchConnections(sessions: Counted, looks: Counted): void {
  const { connect } = tls;
  const watched = (...given: Parameters<typeof connect>): TLSSocket => {
    const [options] = given as unknown as [{ ALPNProtocols?: readonly string[] }];
    const { cameAbout, ended } = (options.ALPNProtocols?.includes('h2') ? sessions : looks).begin();
    const socket = connect(...given);
    socket.once('secureConnect', () => cameAbout(socket.isSessionReused())).once('close', ended);
    return socket;
  };
  tls.connect = watched as typeof connect;
}

function watchListener(listener: Counted, told: (one: Asked) => void): void {
  const { createSecureServer } = http2;
  const watched = (...given: Parameters<typeof createSecureServer>) => {
    const server = createSecureServer(...given);
    const underWay = new Map<string, Told>();
    server.on('connection', (socket: Socket) => {
      const key = keyOf(socket);
      const told = listener.begin();
      underWay.set(key, told);
      socket.once('close', () => {
        told.ended();
        if (underWay.get(key) === told) underWay.delete(key);
      });
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      underWay.get(keyOf(socket))?.cameAbout(socket.isSessionReused());
    });
    server.on('request', (request: IncomingMessage, reply: ServerResponse) => {
      const at = Date.now();
      const { fingerprint256: who = '' } = (request.socket as TLSSocket).getPeerCertificate();
      reply.once('finish', () => told({ path: request.url ?? '', status: reply.statusCode, who, at }));
    });
    return server;
  };
  http2.createSecureServer = watched as typeof createSecureServer;
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
