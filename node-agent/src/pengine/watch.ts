/**
 * Standing questions of this site: each is answered again when the revision moves, and told when its answer changed (docs/protocol.md
 * section 8). What is told is always the whole answer, signed like a reply to one question, so that a lost event corrupts nothing.
 *
 * A look is the question without proofs; only a change is asked for with them. Looks of one watch never overlap, and it rests
 * WATCH_REST times as long as the engine worked for the last one: a burst of revisions becomes one look, a question that is dear is looked
 * at less often, and a quiet one at once. What a look waited for on a busy machine is no work of its own. While its reader does not read,
 * nothing is asked at all: when it reads on, it gets the newest state, and never a queue. A watch ends with its reader, and when that
 * reads nothing for WATCH_STALL_MS.
 */
import type { Writable } from 'node:stream';
import { Places } from '@fleet/shared/door/places.ts';
import { errorReply } from '@fleet/shared/door/reply.ts';
import { answerDigest, readStanding, type StandingQuestion } from '@fleet/shared/door/standing.ts';
import type { Vocabulary } from '@fleet/shared/door/vocabulary.ts';
import { asLogicError, LogicError } from '@fleet/shared/errors.ts';
import {
  CALLER_WATCHES,
  WATCH_ALIVE_MS,
  WATCH_REST,
  WATCH_REST_LEAST_MS,
  WATCH_RETRY_MS,
  WATCH_STALL_MS,
  WATCHES,
} from '@fleet/shared/limits.ts';
import { readStamp } from '@fleet/shared/reply.ts';
import { writeWatchEvent } from '@fleet/shared/watch-event.ts';
import type { Logger } from 'pino';
import type { EngineReply } from '../prolog/lane.ts';
import type { World } from '../world.ts';
import type { EngineRoom } from './engine-room.ts';
import { type Signer, Stamper } from './stamp.ts';

export interface WatchParts extends Signer {
  readonly room: EngineRoom;
  readonly vocabulary: Vocabulary;
  readonly revision: () => number;
  readonly world: World;
  readonly log: Logger;
}

export interface WatchRequest {
  readonly contentType: string;
  readonly body: Buffer;
  /** The asker's nonce, the same for every event. */
  readonly nonce: string;
  readonly caller: string;
}

/** Where events go: a response that has begun. */
export type Reader = Pick<Writable, 'write' | 'end' | 'once' | 'destroyed'>;

export class Watches {
  readonly #parts: WatchParts;
  readonly #places = new Places({ what: 'watches', all: WATCHES, each: CALLER_WATCHES });
  readonly #stamper: Stamper;
  readonly #open = new Set<Watch>();
  #stopped = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#stamper = new Stamper(parts);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Admits a watch; it begins when it is given its reader. Throws `busy`, `not_ready`, and as `readStanding`. */
  open(request: WatchRequest): (reader: Reader) => void {
    if (this.#stopped) throw new LogicError('not_ready', 'The site is stopping.');
    if (!/^[0-9a-f]{32}$/.test(request.nonce))
      throw new LogicError('bad_request', 'logic-nonce has 32 lower-case hex digits.');
    const question = readStanding(request.contentType, request.body, this.#parts.vocabulary);
    const leave = this.#places.enter(request.caller);
    return (reader) => {
      const ended = () => {
        this.#open.delete(watch);
        leave();
      };
      const watch = new Watch({
        ...this.#parts,
        ...request,
        stamper: this.#stamper,
        question,
        reader,
        ended,
      });
      this.#open.add(watch);
      watch.begin();
    };
  }

  /** Told of each revision that Prolog holds. */
  after(): void {
    for (const watch of this.#open) watch.look();
  }

  stop(): void {
    this.#stopped = true;
    for (const watch of [...this.#open]) watch.end();
  }
}

interface OneWatch extends WatchParts, WatchRequest {
  readonly stamper: Stamper;
  readonly question: StandingQuestion;
  readonly reader: Reader;
  readonly ended: () => void;
}

class Watch {
  readonly #parts: OneWatch;
  readonly #gone = new AbortController();
  /** The id in every event: replies with the same rows are then the same text. */
  readonly #id: string;
  /** Of the answer that was told last; null before the first, and where it is not known what exactly was told. */
  #told: string | null = null;
  /** CPU time of the engine for this look, milliseconds; null where it did not say: then what passed counts. */
  #workedMs: number | null = 0;
  #busy = false;
  #wanted = false;
  #blocked = false;
  #callOffRest: () => void = () => {};
  #callOffAlive: () => void = () => {};

  constructor(parts: OneWatch) {
    this.#parts = parts;
    this.#id = parts.world.uuid();
  }

  begin(): void {
    const { reader } = this.#parts;
    reader.once('close', () => this.end());
    if (reader.destroyed) return void this.end();
    this.look();
    this.#armAlive();
  }

  /** The answer may have changed. */
  look(): void {
    this.#wanted = true;
    if (this.#busy || this.#blocked || this.#gone.signal.aborted) return;
    this.#busy = true;
    this.#wanted = false;
    void this.#lookOnce().then((restMs) => {
      if (this.#gone.signal.aborted) return;
      this.#callOffRest = this.#parts.world.after(restMs, () => {
        this.#busy = false;
        if (this.#wanted) this.look();
      });
    });
  }

  end(): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort();
    this.#callOffRest();
    this.#callOffAlive();
    const { reader, ended } = this.#parts;
    if (!reader.destroyed) reader.end();
    ended();
  }

  /** Returns how long to rest. */
  async #lookOnce(): Promise<number> {
    const { world, log } = this.#parts;
    const began = world.elapsed();
    this.#workedMs = 0;
    try {
      await this.#tellIfChanged();
    } catch (cause) {
      if (this.#gone.signal.aborted) return 0;
      this.#workedMs = null;
      const error = asLogicError(cause);
      if (error.code === 'internal') log.error({ err: cause }, 'a watch failed');
      if (error.code === 'busy') {
        this.#wanted = true;
        return WATCH_RETRY_MS * (1 + world.random());
      }
      // What an engine that is restarted could not say, its next revision asks again.
      await this.#tellError(error);
    }
    const restMs = (this.#workedMs ?? world.elapsed() - began) * WATCH_REST;
    return Math.max(restMs, WATCH_REST_LEAST_MS);
  }

  async #tellIfChanged(): Promise<void> {
    const { question } = this.#parts;
    const rows = await this.#ask(question.rows);
    const digest = answerDigest(rows.body);
    if (digest === this.#told) return;
    if (question.whole === question.rows) return this.#tell(rows, digest);
    const whole = await this.#ask(question.whole);
    // A revision in between: which rows these are, the next look has to find out.
    if (whole.revision !== rows.revision) this.#wanted = true;
    await this.#tell(whole, whole.revision === rows.revision ? digest : null);
  }

  async #ask(text: string): Promise<EngineReply> {
    const { room, caller } = this.#parts;
    const asker = { caller, gone: this.#gone.signal };
    const reply = await room.ask({ format: 'prolog', pengine: this.#id, text, caller }, asker);
    const { micros } = reply;
    this.#workedMs = this.#workedMs === null || micros === null ? null : this.#workedMs + micros / 1000;
    return reply;
  }

  async #tellError(error: LogicError): Promise<void> {
    const { body } = errorReply('prolog', this.#id, error);
    const digest = answerDigest(body);
    if (digest !== this.#told) await this.#tell({ now: null, revision: null, body }, digest);
  }

  async #tell(
    { now, revision, body }: Pick<EngineReply, 'now' | 'revision' | 'body'>,
    digest: string | null,
  ): Promise<void> {
    const { question, nonce, world, revision: held, stamper } = this.#parts;
    const said = { ask: question.ask, nonce, now: now ?? world.now(), revision: revision ?? held(), body };
    const stamp = readStamp(await stamper.headers(said));
    if (this.#gone.signal.aborted) return;
    this.#told = digest;
    this.#write(writeWatchEvent({ stamp, body: body.toString() }));
  }

  #write(line: string): void {
    const { reader } = this.#parts;
    this.#armAlive();
    if (reader.write(line)) return;
    this.#blocked = true;
    reader.once('drain', () => {
      this.#blocked = false;
      this.#armAlive();
      if (this.#wanted) this.look();
    });
  }

  /** A blank line when nothing was written for long; the end of a reader that has read nothing for longer. */
  #armAlive(): void {
    this.#callOffAlive();
    const { world } = this.#parts;
    this.#callOffAlive = this.#blocked
      ? world.after(WATCH_STALL_MS, () => this.end())
      : world.after(WATCH_ALIVE_MS, () => this.#write('\n'));
  }
}
