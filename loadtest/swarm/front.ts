/**
 * What stands before one agent's TLS listener where a load test wants things to go wrong: a TCP listener of its own that
 * passes connections on as they come. While the site is faulty it does not, or it speaks HTTP/2 with the site's certificate
 * itself, asks the site's own door, and alters what that said. Sessions from before a change are ended, or left to hang.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { createSecureServer, constants as http2, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '@fleet/node-agent/agent.ts';
import type { DoorReply } from '@fleet/shared/door/reply.ts';
import { z } from 'zod';
import type { Fault } from './fault.ts';
import { changedFact, otherKey, replayed } from './lies.ts';

export interface FrontParts {
  readonly agent: Agent;
  /** Of the agent's own listener. */
  readonly port: number;
  /** PEM, all. */
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
  /** Makes the site's revision move, so that a reply from before is of an earlier one. */
  readonly moveOn: () => Promise<void>;
}

const question = z.object({ ask: z.string() });
const LISTENER = '127.0.0.1';
const GARBAGE_BYTES = 4_096;
const ENDLESS_CHUNK = Buffer.alloc(64 * 1024, 'x');

export class Front {
  readonly #parts: FrontParts;
  readonly #key: KeyObject;
  readonly #server: Server;
  /** Speaks for the site while it is faulty. */
  readonly #speaker: ReturnType<typeof createSecureServer>;
  readonly #sockets = new Set<Socket>();
  #port = 0;
  #fault: Fault | null = null;
  #earlier: DoorReply | null = null;

  constructor(parts: FrontParts) {
    this.#parts = parts;
    this.#key = createPrivateKey(parts.key);
    const { key, cert, ca } = parts;
    this.#server = createServer((socket) => this.#take(socket));
    this.#speaker = createSecureServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true });
    this.#speaker.on('sessionError', () => {});
    this.#speaker.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      void this.#answer(stream, String(headers['logic-nonce'] ?? '')).catch(() => stream.destroy());
    });
  }

  /** Listens; gives host:port. */
  async open(): Promise<string> {
    await this.#listen();
    return `${LISTENER}:${this.#port}`;
  }

  /** From now on the site has this fault, or none. `body` is the question that it will be asked. */
  async set(fault: Fault | null, body: string): Promise<void> {
    if (fault === null && this.#fault === null) return;
    this.#fault = fault;
    if (fault?.kind === 'stale') {
      this.#earlier = await this.#ask(Buffer.from(body), '0'.repeat(32));
      await this.#parts.moveOn();
    }
    if (fault?.kind === 'frozen') {
      for (const socket of this.#sockets) socket.unpipe().pause();
      return;
    }
    for (const socket of this.#sockets) socket.destroy();
    if (fault?.kind === 'dead') await this.#close();
    else await this.#listen();
  }

  #listen(): Promise<void> {
    if (this.#server.listening) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, LISTENER, () => {
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  #close(): Promise<void> {
    return new Promise((resolve) => void this.#server.close(() => resolve()));
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket)).on('error', () => {});
    const kind = this.#fault?.kind;
    if (kind === undefined) this.#passOn(socket);
    else if (kind === 'hole' || kind === 'frozen') socket.pause();
    else this.#speaker.emit('connection', socket);
  }

  #passOn(socket: Socket): void {
    const inner = connect(this.#parts.port, LISTENER);
    inner.on('error', () => socket.destroy()).once('close', () => socket.destroy());
    socket.once('close', () => inner.destroy());
    socket.setNoDelay(true).pipe(inner.setNoDelay(true)).pipe(socket);
  }

  /** One question, by the agent's own door. */
  #ask(body: Buffer, nonce: string): Promise<DoorReply> {
    return this.#parts.agent.door.handle({
      method: 'POST',
      action: 'create',
      query: new URLSearchParams(),
      contentType: 'application/json',
      body,
      nonce,
      caller: 'coordinator',
      gone: new AbortController().signal,
    });
  }

  async #answer(stream: ServerHttp2Stream, nonce: string): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const reply = await this.#ask(body, nonce);
    const fault = this.#fault;
    if (fault === null || stream.destroyed) return void stream.destroy();
    const { ask } = question.parse(JSON.parse(body.toString()));
    const told = { ask, nonce, reply };
    switch (fault.kind) {
      case 'slow':
        await sleep(fault.delayMs);
        return send(stream, reply);
      case 'proof':
        return send(stream, changedFact(told, this.#key));
      case 'key':
        return send(stream, otherKey(told));
      case 'stale':
        return send(stream, replayed(this.#earlier ?? reply, nonce));
      case 'garbage':
        return send(stream, { ...reply, body: Buffer.alloc(GARBAGE_BYTES, 0xfe) });
      case 'endless':
        return endless(stream, reply);
      case 'goaway':
        half(stream, reply);
        stream.session?.goaway(http2.NGHTTP2_INTERNAL_ERROR);
        return void stream.session?.destroy();
      case 'reset':
        half(stream, reply);
        return stream.close(http2.NGHTTP2_INTERNAL_ERROR);
      default:
        stream.destroy();
    }
  }
}

function send(stream: ServerHttp2Stream, { status, headers, body }: DoorReply): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': status, ...headers });
  stream.end(body);
}

function half(stream: ServerHttp2Stream, { status, headers, body }: DoorReply): void {
  stream.respond({ ':status': status, ...headers });
  stream.write(body.subarray(0, body.length / 2));
}

/** As fast as it is taken, until nobody takes it. */
function endless(stream: ServerHttp2Stream, { status, headers, body }: DoorReply): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': status, ...headers });
  stream.write(body);
  const more = () => {
    while (!stream.destroyed && stream.write(ENDLESS_CHUNK));
  };
  stream.on('drain', more);
  more();
}
