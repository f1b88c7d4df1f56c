/**
 * The agent's end of the lane (node-agent/prolog/lane.pl): a few connections, each with a thread of the engine behind
 * it that answers one question at a time, and one more for cancels. Questions wait here for a connection that is
 * free, and callers take turns (turns.ts). As with the bridge, a broken wire means that the engine ended: `engine_lost`.
 */
import { createConnection, type Socket } from 'node:net';
import { LogicError } from '@fleet/shared/errors.ts';
import { AGENT_REPLY_MS, CANCEL_MS, LANE_WORKERS, REPLY_BYTES } from '@fleet/shared/limits.ts';
import { Turns } from './turns.ts';

/** What a question got, by this way or by the stock server's. */
export interface EngineReply {
  readonly status: number;
  readonly contentType: string;
  /** The engine's stamp, where a question ran. */
  readonly now: number | null;
  readonly revision: number | null;
  readonly body: Buffer;
}

export interface LaneQuestion {
  readonly format: 'prolog' | 'json';
  /** The id that the reply names. */
  readonly pengine: string;
  /** Canonical text `lane(Ask,Template)`. */
  readonly text: string;
  /** Who asks: callers take turns. */
  readonly caller: string;
}

interface Waiting {
  readonly id: number;
  readonly caller: string;
  readonly frame: Buffer;
  readonly format: LaneQuestion['format'];
  readonly resolve: (reply: EngineReply) => void;
  readonly reject: (cause: LogicError) => void;
  /** Null while it waits for a connection. */
  on: Connection | null;
}

const CONTENT_TYPE = {
  json: 'application/json; charset=UTF-8',
  prolog: 'text/x-prolog; charset=UTF-8',
} as const;
const LENGTH_BYTES = 4;

export class Lane {
  readonly #connections: readonly Connection[];
  readonly #free: Connection[];
  readonly #cancels: Socket;
  readonly #turns = new Turns<Waiting>(LANE_WORKERS - 1);
  #last = 0;
  #lost: LogicError | null = null;
  readonly #whenLost: () => void;

  /** `lost` is told when a connection ends that was not closed from here. */
  constructor(path: string, lost: () => void = () => {}) {
    this.#whenLost = lost;
    const whenFree = (connection: Connection, answered: Waiting) => {
      this.#turns.done(answered);
      this.#free.push(connection);
      this.#dispatch();
    };
    this.#connections = Array.from(
      { length: LANE_WORKERS },
      () => new Connection(path, whenFree, () => this.#broke()),
    );
    this.#free = [...this.#connections];
    this.#cancels = createConnection(path).on('error', () => {});
  }

  /**
   * Asks. When `gone` aborts, the question is cancelled in the engine. Throws `engine_lost`, `busy`, `cancelled` (before it ran), and
   * `time_limit` where no reply came in time, or none within a second of the cancel: its thread hangs.
   */
  ask({ format, pengine, text, caller }: LaneQuestion, gone: AbortSignal): Promise<EngineReply> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    this.#last += 1;
    const id = this.#last;
    const frame = framed(`ask ${id} ${format} ${pengine}\n${ascii(text)}`);
    const { promise, resolve, reject } = Promise.withResolvers<EngineReply>();
    const one: Waiting = { id, caller, frame, format, resolve, reject, on: null };
    this.#turns.add(one);
    this.#dispatch();
    const patience = one.on === null ? this.#patience(one) : undefined;
    const cancel = () => this.#cancel(one);
    if (gone.aborted) cancel();
    else gone.addEventListener('abort', cancel, { once: true });
    return promise.finally(() => {
      clearTimeout(patience);
      gone.removeEventListener('abort', cancel);
    });
  }

  /** Questions without a reply, asked or waiting for a connection. */
  get underWay(): number {
    return this.#turns.size + this.#connections.length - this.#free.length;
  }

  /** Ends the pengine that a create with this tag makes, or has made. */
  drop(tag: string): void {
    this.#cancels.write(framed(`drop ${tag}`));
  }

  /** The create with this tag has been answered. */
  forget(tag: string): void {
    this.#cancels.write(framed(`forget ${tag}`));
  }

  close(): void {
    this.#end();
  }

  #dispatch(): void {
    for (let connection = this.#free.pop(); connection !== undefined; connection = this.#free.pop()) {
      const one = this.#turns.next();
      if (one === null) return void this.#free.push(connection);
      connection.ask(one);
    }
  }

  /** A question that is not even begun by then is told to come back. */
  #patience(one: Waiting): NodeJS.Timeout {
    return setTimeout(() => {
      if (this.#turns.remove(one)) one.reject(new LogicError('busy', 'Too many questions at once.'));
    }, AGENT_REPLY_MS);
  }

  #cancel(one: Waiting): void {
    if (one.on !== null) {
      this.#cancels.write(framed(`cancel ${one.id}`));
      one.on.abandonAfter(one, CANCEL_MS);
    } else if (this.#turns.remove(one)) {
      one.reject(new LogicError('cancelled', 'Nobody waits for the answer.'));
    }
  }

  #broke(): void {
    if (this.#lost !== null) return;
    this.#end();
    this.#whenLost();
  }

  #end(): void {
    if (this.#lost !== null) return;
    this.#lost = new LogicError('engine_lost', 'The engine ended before it answered.');
    this.#cancels.destroy();
    for (const connection of this.#connections) connection.end(this.#lost);
    for (const { reject } of this.#turns.clear()) reject(this.#lost);
  }
}

/** One thread of the engine. A question that it never answers keeps it: the supervisor decides what becomes of the engine. */
class Connection {
  readonly #socket: Socket;
  readonly #whenFree: (connection: Connection, answered: Waiting) => void;
  #asked: Waiting | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** What has come of a reply, and its bytes. */
  #read: Buffer[] = [];
  #bytes = 0;

  constructor(
    path: string,
    whenFree: (connection: Connection, answered: Waiting) => void,
    whenLost: () => void,
  ) {
    this.#whenFree = whenFree;
    this.#socket = createConnection(path);
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', () => {});
    this.#socket.on('close', whenLost);
  }

  ask(one: Waiting): void {
    this.#asked = one;
    one.on = this;
    this.#socket.write(one.frame);
    this.abandonAfter(one, AGENT_REPLY_MS);
  }

  abandonAfter(one: Waiting, ms: number): void {
    if (this.#asked !== one) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      one.reject(new LogicError('time_limit', 'The engine did not reply in time.'));
    }, ms);
  }

  end(lost: LogicError): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
    this.#asked?.reject(lost);
    this.#asked = null;
  }

  /** A reply ends with a NUL, and the next question is asked after that: nothing follows it in a chunk. */
  #take(chunk: Buffer): void {
    this.#read.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > REPLY_BYTES) return void this.#socket.destroy();
    if (chunk.at(-1) !== 0) return;
    const reply = this.#read.length === 1 ? chunk : Buffer.concat(this.#read, this.#bytes);
    this.#read = [];
    this.#bytes = 0;
    this.#answered(reply.subarray(0, -1));
  }

  #answered(payload: Buffer): void {
    const one = this.#asked;
    clearTimeout(this.#timer);
    this.#asked = null;
    const end = payload.indexOf(10);
    const [id, now = '', revision = ''] = payload.toString('latin1', 0, end).split(' ');
    if (one === null || id !== String(one.id)) return void this.#socket.destroy();
    one.resolve({
      status: 200,
      contentType: CONTENT_TYPE[one.format],
      now: numberOr(now),
      revision: numberOr(revision),
      body: payload.subarray(end + 1),
    });
    this.#whenFree(this, one);
  }
}

function framed(payload: string): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.write(payload, LENGTH_BYTES, 'latin1');
  return frame;
}

/** Canonical text has characters beyond ASCII in quoted atoms only: escaped, a byte is a character on both ends. */
function ascii(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (char) => `\\x${(char.codePointAt(0) ?? 0).toString(16)}\\`);
}

function numberOr(text: string): number | null {
  return text === '-' ? null : Number(text);
}
