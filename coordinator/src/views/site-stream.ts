/**
 * The stream of one standing question from one site: opened, read, checked event by event, and opened again when it is lost, with
 * waits that double and jitter. While an event is checked nothing more is read, so a coordinator that is behind makes its sites wait,
 * and these then tell their newest state.
 *
 * No timer runs for a stream that is open: whether it has been silent for too long is asked by `look`, for all streams by one timer.
 */
import { backoff } from '@fleet/shared/backoff.ts';
import { asLogicError, ERRORS, LogicError } from '@fleet/shared/errors.ts';
import {
  REFUSAL_BYTES,
  VIEW_HELD_BYTES,
  VIEW_OPENING_MS,
  VIEW_OPENING_SLOT_MS,
  VIEW_RETRY_LONGEST_MS,
  VIEW_RETRY_MS,
  WATCH_EVENT_BYTES,
  WATCH_SILENCE_MS,
} from '@fleet/shared/limits.ts';
import type { Question } from '@fleet/shared/pengine.ts';
import { Lines, readWatchEvent, stampLines } from '@fleet/shared/watch-event.ts';
import type { LimitFunction } from 'p-limit';
import type { Dispatcher } from 'undici';
import { readAtMost } from '../composition/lines.ts';
import { inSlot, lost, type Reply } from '../query/fanout.ts';
import { readRefusal } from '../query/refusal.ts';
import type { Site } from '../sites/registry.ts';
import type { Session, Sessions } from '../sites/sessions.ts';
import type { World } from '../world.ts';

export interface StreamParts {
  readonly sessions: Sessions;
  readonly world: World;
  /** Bounds how many streams are being opened at the same moment, over all views. */
  readonly opening: LimitFunction;
  /** Bytes of lines that have not ended, over all streams. */
  readonly held: { bytes: number };
}

export interface SiteStreamParts extends StreamParts {
  readonly site: Site;
  readonly question: Question;
  /** Takes what came, or what became of the stream; the next is not read before this resolves. */
  readonly tell: (reply: Reply) => Promise<void>;
}

export class SiteStream {
  readonly #parts: SiteStreamParts;
  readonly #ended = new AbortController();
  #attempt = new AbortController();
  #session: Session | null = null;
  /** On the elapsed clock. */
  #heardAt = 0;
  #state: 'opening' | 'open' | 'waiting' = 'waiting';
  #failures = 0;
  #callOff: () => void = () => {};

  constructor(parts: SiteStreamParts) {
    this.#parts = parts;
  }

  get site(): Site {
    return this.#parts.site;
  }

  begin(): void {
    void this.#run();
  }

  /** Nothing is told any more. */
  end(): void {
    this.#ended.abort();
    this.#attempt.abort();
    this.#callOff();
  }

  /** Gives up what has been silent for too long. */
  look(): void {
    const silentMs = this.#parts.world.elapsed() - this.#heardAt;
    const opening = this.#state === 'opening' && silentMs > VIEW_OPENING_MS;
    if (!opening && !(this.#state === 'open' && silentMs > WATCH_SILENCE_MS)) return;
    const { address } = this.#parts.site;
    this.#attempt.abort(
      opening
        ? new LogicError('deadline', `${address} did not begin to tell within ${VIEW_OPENING_MS} ms`)
        : new LogicError('unreachable', `${address} has been silent for too long`),
    );
    // A peer that vanished without a word: whoever asks it next gets a new session.
    this.#session?.retire();
  }

  async #run(): Promise<void> {
    const { world } = this.#parts;
    while (!this.#ended.signal.aborted) {
      const failure = await this.#listen();
      if (this.#ended.signal.aborted) return;
      this.#failures += 1;
      this.#state = 'waiting';
      await this.#tellLost(failure);
      const waitMs = backoff({
        everyMs: VIEW_RETRY_MS,
        longestWaitMs: VIEW_RETRY_LONGEST_MS,
        failures: this.#failures,
        random: world.random(),
      });
      await new Promise<void>((resolve) => {
        const timer = world.after(waitMs, resolve);
        this.#callOff = () => {
          timer();
          resolve();
        };
      });
    }
  }

  /** Resolves with why the stream is over. */
  async #listen(): Promise<LogicError> {
    const { site, world, opening } = this.#parts;
    this.#attempt = new AbortController();
    const { signal } = this.#attempt;
    const nonce = world.randomHex(16);
    try {
      const response = await inSlot(opening, () => this.#open(nonce, signal), VIEW_OPENING_SLOT_MS);
      this.#state = 'open';
      await this.#read(response, nonce);
      return new LogicError('unreachable', `${site.address} ended the watch`);
    } catch (cause) {
      if (signal.aborted) return asLogicError(signal.reason);
      const error = lost(cause, site);
      return error.code === 'reply_lost' ? new LogicError('unreachable', error.message, cause) : error;
    }
  }

  async #open(nonce: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { sessions, site, question, world } = this.#parts;
    this.#state = 'opening';
    this.#heardAt = world.elapsed();
    signal.throwIfAborted();
    this.#session = sessions.to(site);
    const headers = { 'content-type': 'application/json', 'logic-nonce': nonce };
    const response = await this.#session.open({ path: '/watch', headers, body: question.body, signal });
    if (response.statusCode === 200) return response;
    throw readRefusal(response.statusCode, (await readAtMost(response.body, REFUSAL_BYTES)).toString());
  }

  async #read({ body }: Dispatcher.ResponseData, nonce: string): Promise<void> {
    const { world, held } = this.#parts;
    const lines = new Lines(WATCH_EVENT_BYTES);
    let counted = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        this.#heardAt = world.elapsed();
        for (const line of lines.take(chunk)) if (line !== '') await this.#took(line, nonce);
        held.bytes += lines.held - counted;
        counted = lines.held;
        if (held.bytes > VIEW_HELD_BYTES)
          throw new LogicError('bad_reply', 'sites tell more at once than the coordinator can hold');
      }
    } finally {
      held.bytes -= counted;
    }
  }

  async #took(line: string, nonce: string): Promise<void> {
    const { site, world, tell } = this.#parts;
    const { stamp, body } = readWatchEvent(line);
    const now = world.now();
    await tell({
      kind: 'body',
      site,
      ms: 0,
      nonce,
      headers: stampLines(stamp),
      body: Buffer.from(body),
      // When the site made it is not known: it is never taken for one that came late.
      start: 0,
      askedAt: now,
      receivedAt: now,
    });
    this.#failures = 0;
    // The time that checking took is not the site's silence.
    this.#heardAt = world.elapsed();
  }

  async #tellLost(error: LogicError): Promise<void> {
    const { site, tell } = this.#parts;
    await tell({ kind: 'none', site, ms: 0, outcome: ERRORS[error.code].outcome, error });
  }
}
