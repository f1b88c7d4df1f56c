/**
 * The agent's end of the lane (node-agent/prolog/lane.pl): one connection, questions pipelined on it, replies in
 * whatever order they are done. As with the bridge, a broken wire means that the engine ended: `engine_lost`.
 */
import { createConnection, type Socket } from 'node:net';
import { LogicError } from '@fleet/shared/errors.ts';
import { AGENT_REPLY_MS, CANCEL_MS, REPLY_BYTES } from '@fleet/shared/limits.ts';
import type { EngineReply } from './bridge.ts';

export interface LaneQuestion {
  readonly format: 'prolog' | 'json';
  /** The id that the reply names. */
  readonly pengine: string;
  /** Canonical text `lane(Ask,Template)`. */
  readonly text: string;
}

interface Waiting {
  readonly resolve: (reply: EngineReply) => void;
  readonly reject: (cause: LogicError) => void;
  readonly format: LaneQuestion['format'];
  /** Called off when the reply comes. */
  timer: NodeJS.Timeout;
}

const CONTENT_TYPE = {
  json: 'application/json; charset=UTF-8',
  prolog: 'text/x-prolog; charset=UTF-8',
} as const;
const LENGTH_BYTES = 4;

export class Lane {
  readonly #socket: Socket;
  readonly #waiting = new Map<string, Waiting>();
  #last = 0;
  #read: Buffer = Buffer.alloc(0);
  #lost: LogicError | null = null;

  constructor(path: string) {
    this.#socket = createConnection(path);
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#end());
  }

  /**
   * Asks. When `gone` aborts, the question is cancelled in the engine. Throws `engine_lost`, `cancelled`, and
   * `time_limit` where no reply came in time, or none within a second of the cancel: its thread hangs.
   */
  ask({ format, pengine, text }: LaneQuestion, gone: AbortSignal): Promise<EngineReply> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    this.#last += 1;
    const id = String(this.#last);
    this.#send(`ask ${id} ${format} ${pengine}\n${ascii(text)}`);
    const { promise, resolve, reject } = Promise.withResolvers<EngineReply>();
    const timer = this.#abandonAfter(id, AGENT_REPLY_MS);
    this.#waiting.set(id, { resolve, reject, format, timer });
    const cancel = () => this.#cancel(id);
    if (gone.aborted) cancel();
    else gone.addEventListener('abort', cancel, { once: true });
    return promise.finally(() => gone.removeEventListener('abort', cancel));
  }

  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  #cancel(id: string): void {
    const one = this.#waiting.get(id);
    if (one === undefined) return;
    this.#send(`cancel ${id}`);
    clearTimeout(one.timer);
    one.timer = this.#abandonAfter(id, CANCEL_MS);
  }

  #abandonAfter(id: string, ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      const one = this.#waiting.get(id);
      this.#waiting.delete(id);
      one?.reject(new LogicError('time_limit', 'The engine did not reply in time.'));
    }, ms);
  }

  #send(payload: string): void {
    const frame = Buffer.allocUnsafe(LENGTH_BYTES + payload.length);
    frame.writeUInt32BE(payload.length, 0);
    frame.write(payload, LENGTH_BYTES, 'latin1');
    this.#socket.write(frame);
  }

  #take(chunk: Buffer): void {
    this.#read = this.#read.length === 0 ? chunk : Buffer.concat([this.#read, chunk]);
    let at = 0;
    while (this.#read.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + this.#read.readUInt32BE(at);
      if (end - at > REPLY_BYTES) return void this.#socket.destroy();
      if (this.#read.length < end) break;
      this.#reply(this.#read.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
    this.#read = this.#read.subarray(at);
  }

  #reply(payload: Buffer): void {
    const end = payload.indexOf(10);
    const [id = '', now = '', revision = ''] = payload.toString('latin1', 0, end).split(' ');
    const one = this.#waiting.get(id);
    if (one === undefined) return; // abandoned before
    this.#waiting.delete(id);
    clearTimeout(one.timer);
    one.resolve({
      status: 200,
      contentType: CONTENT_TYPE[one.format],
      now: numberOr(now),
      revision: numberOr(revision),
      body: payload.subarray(end + 1),
    });
  }

  #end(): void {
    if (this.#lost !== null) return;
    this.#lost = new LogicError('engine_lost', 'The engine ended before it answered.');
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(this.#lost);
    }
    this.#waiting.clear();
  }
}

/** Canonical text has characters beyond ASCII in quoted atoms only: escaped, a byte is a character on both ends. */
function ascii(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (char) => `\\x${(char.codePointAt(0) ?? 0).toString(16)}\\`);
}

function numberOr(text: string): number | null {
  return text === '-' ? null : Number(text);
}
