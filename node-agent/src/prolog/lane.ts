/**
 * The agent's end of the lane (node-agent/prolog/lane.pl): a few connections, each with a thread of the engine behind
 * it that answers one question after the other, and one more for cancels. Questions wait here for a connection, and callers take
 * turns (turns.ts). As with the bridge, a broken wire means that the engine ended: `engine_lost`.
 *
 * A question has a connection for itself, unless it is known to be quick: then a few are sent to one connection at once, in one
 * write, and their replies come in one. Under load a system call and a thread's waking cost as much as a quick question; and
 * whoever stands behind a quick question waits a few milliseconds at most.
 */
import { createConnection, type Socket } from 'node:net';
import { LogicError } from '@fleet/shared/errors.ts';
import {
  AGENT_REPLY_MS,
  CANCEL_MS,
  KNOWN_CREATES,
  LANE_QUICK_AT_ONCE,
  LANE_QUICK_MICROS,
  LANE_WORKERS,
  REPLY_BYTES,
} from '@fleet/shared/limits.ts';
import { Turns } from './turns.ts';

/** What a question got, by this way or by the stock server's. */
export interface EngineReply {
  readonly status: number;
  readonly contentType: string;
  /** The engine's stamp, where a question ran. */
  readonly now: number | null;
  readonly revision: number | null;
  /** CPU time that the question took, where the engine says. */
  readonly micros: number | null;
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
  /** In an engine of many sites: which of them is asked. */
  readonly site?: string;
}

interface Waiting {
  readonly id: number;
  readonly caller: string;
  /** Its share of a connection, in places of a quick question. */
  readonly share: number;
  readonly question: LaneQuestion;
  readonly resolve: (reply: EngineReply) => void;
  readonly reject: (cause: LogicError) => void;
  /** Null while it waits for a connection. */
  on: Connection | null;
  patience: NodeJS.Timeout | undefined;
}

const CONTENT_TYPE = {
  json: 'application/json; charset=UTF-8',
  prolog: 'text/x-prolog; charset=UTF-8',
} as const;

export class Lane {
  readonly #connections: readonly Connection[];
  readonly #forQuick: readonly Connection[];
  readonly #cancels: Socket;
  readonly #turns = new Turns<Waiting>((LANE_WORKERS - 1) * LANE_QUICK_AT_ONCE);
  /** Texts of questions that took little the last time, the least lately asked first. */
  readonly #quick = new Set<string>();
  /** Asked since questions were last given to connections. */
  #fresh: Waiting[] = [];
  #dispatching = false;
  #last = 0;
  #lost: LogicError | null = null;
  readonly #whenLost: () => void;

  /** `lost` is told when a connection ends that was not closed from here. */
  constructor(path: string, lost: () => void = () => {}) {
    this.#whenLost = lost;
    const heard = {
      answered: (one: Waiting, micros: number) => this.#answered(one, micros),
      broke: () => this.#broke(),
    };
    this.#connections = Array.from({ length: LANE_WORKERS }, () => new Connection(path, heard));
    this.#forQuick = this.#connections.slice(0, -1);
    this.#cancels = createConnection(path).on('error', () => {});
  }

  /**
   * Asks. When `gone` aborts, the question is cancelled in the engine. Throws `engine_lost`, `busy`, `cancelled` (before it ran), and
   * `time_limit` where no reply came in time, or none within a second of the cancel: its thread hangs.
   */
  ask(question: LaneQuestion, gone: AbortSignal): Promise<EngineReply> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    this.#last += 1;
    const { promise, resolve, reject } = Promise.withResolvers<EngineReply>();
    const share = this.#quick.has(question.text) ? 1 : LANE_QUICK_AT_ONCE;
    const { caller } = question;
    const one: Waiting = {
      id: this.#last,
      caller,
      share,
      question,
      resolve,
      reject,
      on: null,
      patience: undefined,
    };
    this.#turns.add(one);
    this.#fresh.push(one);
    this.#dispatchSoon();
    const cancel = () => this.#cancel(one);
    if (gone.aborted) cancel();
    else gone.addEventListener('abort', cancel, { once: true });
    return promise.finally(() => {
      clearTimeout(one.patience);
      gone.removeEventListener('abort', cancel);
    });
  }

  /** Questions without a reply, asked or waiting for a connection. */
  get underWay(): number {
    return this.#connections.reduce((sum, { asked }) => sum + asked, this.#turns.size);
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

  /** Once all that came in this turn of the event loop has been read: what goes to one connection is one write. */
  #dispatchSoon(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    setImmediate(() => {
      this.#dispatching = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    const fits = ({ share }: Waiting) => this.#roomFor(share) !== null;
    for (let one = this.#turns.next(fits); one !== null; one = this.#turns.next(fits))
      this.#roomFor(one.share)?.take(one);
    for (const connection of this.#connections) connection.flush();
    for (const one of this.#fresh) if (one.on === null) this.#limitPatience(one);
    this.#fresh = [];
  }

  /**
   * Of the connections that have room, the one with least: fewer threads are woken for the same questions. The last one is never
   * given quick ones, so that a question that needs one for itself gets it sometime.
   */
  #roomFor(share: number): Connection | null {
    let found: Connection | null = null;
    for (const connection of share < LANE_QUICK_AT_ONCE ? this.#forQuick : this.#connections)
      if (connection.room >= share && (found === null || connection.room < found.room)) found = connection;
    return found;
  }

  #answered(one: Waiting, micros: number): void {
    const { text } = one.question;
    this.#quick.delete(text);
    if (micros <= LANE_QUICK_MICROS) this.#quick.add(text);
    if (this.#quick.size > KNOWN_CREATES) this.#quick.delete(this.#quick.keys().next().value ?? '');
    this.#turns.done(one);
    if (this.#turns.size > 0) this.#dispatchSoon();
  }

  /** A question that is not even begun by then is told to come back. */
  #limitPatience(one: Waiting): void {
    one.patience = setTimeout(() => {
      if (this.#turns.remove(one)) one.reject(new LogicError('busy', 'Too many questions at once.'));
    }, AGENT_REPLY_MS);
  }

  #cancel(one: Waiting): void {
    if (one.on !== null) {
      this.#cancels.write(framed(`cancel ${one.id}`));
      one.on.abandonSoon(one);
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

interface Heard {
  /** A question was answered; how long it took the engine, infinity where it does not say. */
  answered(one: Waiting, micros: number): void;
  /** The engine ended, or does not keep to the protocol. */
  broke(): void;
}

/** One thread of the engine. A question that it never answers keeps it: the supervisor decides what becomes of the engine. */
class Connection {
  readonly #socket: Socket;
  readonly #heard: Heard;
  /** In the order in which they are answered. */
  readonly #asked: Waiting[] = [];
  #room = LANE_QUICK_AT_ONCE;
  /** Frames that are not sent yet. */
  #frames = '';
  /** Runs for the first of `#asked`: its own time begins when those before it are answered. */
  readonly #timer: NodeJS.Timeout;
  /** What has come of a reply that is not whole yet. */
  #rest: Buffer[] = [];
  #restBytes = 0;

  constructor(path: string, heard: Heard) {
    this.#heard = heard;
    this.#timer = setTimeout(() => this.#abandon(this.#asked[0]), AGENT_REPLY_MS);
    this.#socket = createConnection(path);
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => heard.broke());
  }

  /** Places that are left; a question that is not known to be quick takes all. */
  get room(): number {
    return this.#room;
  }

  get asked(): number {
    return this.#asked.length;
  }

  /** Takes one that has room; it is sent with the next `flush`. */
  take(one: Waiting): void {
    const { format, pengine, text, site } = one.question;
    const place = site === undefined ? '' : ` ${site}`;
    one.on = this;
    this.#room -= one.share;
    this.#frames += frame(`ask ${one.id} ${format} ${pengine}${place}\n${ascii(text)}`);
    if (this.#asked.push(one) === 1) this.#timer.refresh();
  }

  flush(): void {
    if (this.#frames === '') return;
    this.#socket.write(this.#frames, 'latin1');
    this.#frames = '';
  }

  /** For a cancelled one: what still has no reply a while after its cancel hangs. */
  abandonSoon(one: Waiting): void {
    if (one.on === this) setTimeout(() => this.#abandon(one), CANCEL_MS).unref();
  }

  end(lost: LogicError): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
    for (const { reject } of this.#asked.splice(0)) reject(lost);
  }

  #abandon(one: Waiting | undefined): void {
    one?.reject(new LogicError('time_limit', 'The engine did not reply in time.'));
  }

  /** A reply ends with a NUL. */
  #read(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, from)) {
      this.#answered(this.#whole(chunk.subarray(from, end)));
      from = end + 1;
    }
    if (from === chunk.length) return;
    this.#rest.push(from === 0 ? chunk : chunk.subarray(from));
    this.#restBytes += chunk.length - from;
    if (this.#restBytes > REPLY_BYTES) this.#socket.destroy();
  }

  #whole(end: Buffer): Buffer {
    if (this.#rest.length === 0) return end;
    const reply = Buffer.concat([...this.#rest, end]);
    this.#rest = [];
    this.#restBytes = 0;
    return reply;
  }

  #answered(reply: Buffer): void {
    const one = this.#asked.shift();
    const end = reply.indexOf(10);
    const [id, now = '', revision = '', took = ''] = reply.toString('latin1', 0, end).split(' ');
    if (one === undefined || id !== String(one.id)) return void this.#socket.destroy();
    this.#room += one.share;
    if (this.#asked.length > 0) this.#timer.refresh();
    one.on = null;
    const micros = numberOr(took);
    one.resolve({
      status: 200,
      contentType: CONTENT_TYPE[one.question.format],
      now: numberOr(now),
      revision: numberOr(revision),
      micros,
      body: reply.subarray(end + 1),
    });
    this.#heard.answered(one, micros ?? Number.POSITIVE_INFINITY);
  }
}

/** Latin-1 text, for the socket. */
function frame(payload: string): string {
  const { length } = payload;
  return (
    String.fromCharCode(length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255) + payload
  );
}

function framed(payload: string): Buffer {
  return Buffer.from(frame(payload), 'latin1');
}

/** Canonical text has characters beyond ASCII in quoted atoms only: escaped, a byte is a character on both ends. */
function ascii(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (char) => `\\x${(char.codePointAt(0) ?? 0).toString(16)}\\`);
}

function numberOr(text: string): number | null {
  return text === '-' ? null : Number(text);
}
