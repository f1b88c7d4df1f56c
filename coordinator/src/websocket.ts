/**
 * The same router over WebSocket, at ws://HOST/trpc and wss://HOST/trpc on the coordinator's own listeners: for subscriptions (fleet.stream, fleet.watch)
 * of clients without EventSource, and for queries longer than a URL. `ws` is loaded by the first client that upgrades.
 *
 * A browser opens a WebSocket to anywhere, whatever page it shows, and says only from where: so the Origin, where there is one, must be
 * the Host that is asked; `guard` has found that to be loopback, or has seen a token, which a browser cannot send. A client that does not
 * read is waited for by what sends (`drained`), and one that still does not is ended: nothing is kept for it without bound.
 */
import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import {
  WEBSOCKET_BACKLOG_BYTES,
  WEBSOCKET_CLIENTS,
  WEBSOCKET_MESSAGE_BYTES,
  WEBSOCKET_PING_MS,
} from '@fleet/shared/limits.ts';
import type { AnyTRPCRouter } from '@trpc/server';
import { applyWSSHandler, type CreateWSSContextFnOptions } from '@trpc/server/adapters/ws';
import type { WebSocket, WebSocketServer } from 'ws';

export interface WebSocketParts<Router extends AnyTRPCRouter, Context> {
  readonly router: Router;
  /** Of the pages of this server. */
  readonly scheme: 'http' | 'https';
  /** Throws where this request may not come in. */
  readonly guard: (request: IncomingMessage) => void;
  readonly context: (request: IncomingMessage, drained: () => Promise<void>) => Context;
  readonly failed: (cause: unknown, path: string | undefined) => void;
}

export interface WebSockets {
  /** Ends every connection. */
  close(): void;
}

/** Lets clients of `server` upgrade: one of HTTP/1.1, or one of HTTP/2 that allows it. */
export function serveWebSockets<Router extends AnyTRPCRouter, Context>(
  server: EventEmitter,
  parts: WebSocketParts<Router, Context>,
): WebSockets {
  let opened: Promise<WebSocketServer> | null = null;
  let closed = false;
  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    try {
      checkUpgrade(request, parts);
    } catch {
      return refuse(socket, '403 Forbidden');
    }
    opened ??= openServer(parts);
    const wss = await opened;
    if (closed || socket.destroyed) return void socket.destroy();
    if (wss.clients.size >= WEBSOCKET_CLIENTS) return refuse(socket, '503 Service Unavailable');
    wss.handleUpgrade(request, socket, head, (client) => wss.emit('connection', client, request));
  };
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgrade(request, socket, head).catch((cause: unknown) => {
      parts.failed(cause, undefined);
      socket.destroy();
    });
  };
  server.on('upgrade', onUpgrade);
  return {
    close: () => {
      closed = true;
      server.off('upgrade', onUpgrade);
      void opened?.then((wss) => {
        for (const client of wss.clients) client.terminate();
        wss.close();
      });
    },
  };
}

async function openServer<Router extends AnyTRPCRouter, Context>({
  router,
  context,
  failed,
}: WebSocketParts<Router, Context>): Promise<WebSocketServer> {
  const { WebSocketServer: Opened } = await import('ws');
  const wss = new Opened({ noServer: true, maxPayload: WEBSOCKET_MESSAGE_BYTES });
  applyWSSHandler({
    wss,
    router,
    createContext: ({ req, res }: CreateWSSContextFnOptions) => context(req, () => drained(res)),
    keepAlive: { enabled: true, pingMs: WEBSOCKET_PING_MS },
    onError: ({ error, path }: { error: { code: string; cause?: unknown }; path?: string | undefined }) => {
      if (error.code === 'INTERNAL_SERVER_ERROR') failed(error.cause ?? error, path);
    },
  } as Parameters<typeof applyWSSHandler>[0]);
  return wss;
}

function checkUpgrade(
  request: IncomingMessage,
  { guard, scheme }: Pick<WebSocketParts<AnyTRPCRouter, unknown>, 'guard' | 'scheme'>,
): void {
  guard(request);
  const { host, origin } = request.headers;
  if (!/^\/trpc(\?|$)/.test(request.url ?? '')) throw new Error('no such path');
  if (origin !== undefined && origin !== `${scheme}://${host}`) throw new Error('another origin');
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

/** Looks again this often while a client is behind. */
const BEHIND_LOOK_MS = 20;
const BEHIND_LOOKS = 1_500;

/** Resolves when the client has read most of what it was sent; a client that does not within 30 s is ended. */
async function drained(client: WebSocket): Promise<void> {
  for (let looks = 0; client.bufferedAmount > WEBSOCKET_BACKLOG_BYTES; looks += 1) {
    if (looks === BEHIND_LOOKS) return client.terminate();
    await delay(BEHIND_LOOK_MS, undefined, { ref: false });
  }
}
