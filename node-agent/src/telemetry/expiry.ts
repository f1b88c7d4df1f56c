/**
 * Expiry is a transaction too: at the instant a fact goes stale the revision moves, with an empty batch, so that alerts
 * and live views notice silence.
 *
 * One timer. `#next` is a lower bound of the next end of validity, lowered by every batch; when it comes, the engine says
 * whether a fact did go stale (most were replaced in time) and when to look next. The wall clock may be set meanwhile, so
 * the timer never sleeps longer than `CLOCK_LOOK_MS`. When the clock was set forward, what is stale by it is noticed
 * then. When it was set back, every fact observed since would hold for as much longer: their times are moved by the same step,
 * as one batch, with source and order as they were. Steps below CLOCK_SKEW_MS are what checkers tolerate anyway.
 */
import { asLogicError } from '@fleet/shared/errors.ts';
import { CLOCK_LOOK_MS, CLOCK_SKEW_MS, FOREVER } from '@fleet/shared/limits.ts';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { SiteEngine } from '../prolog/engine.ts';
import type { World } from '../world.ts';
import type { Intake } from './intake.ts';
import type { JournalRow } from './journal.ts';
import type { StateSync } from './sync.ts';

export interface ExpiryParts {
  readonly engine: SiteEngine;
  readonly sync: StateSync;
  readonly intake: Intake;
  readonly world: World;
  readonly log: Logger;
}

const expiryReply = z.object({ stale: z.boolean(), next: z.number().nullable() });
const futureReply = z.object({
  rows: z.array(
    z.object({ fact: z.string(), source: z.string(), observedAt: z.number(), validUntil: z.number() }),
  ),
});

export class Expiry {
  readonly #parts: ExpiryParts;
  #next = Number.POSITIVE_INFINITY;
  /** Up to this time every fact that went stale has been noticed. */
  #noticed = 0;
  #clock = { now: 0, elapsed: 0 };
  #callOff: () => void = () => {};
  #looking: Promise<void> = Promise.resolve();
  #stopped = true;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
  }

  /** Begins to look; what went stale after `since` (the last commit before the start) is noticed at once. */
  start(since: number): void {
    const { now, elapsed } = this.#readClock();
    this.#noticed = Math.min(since, now);
    this.#next = this.#noticed;
    // A clock that is behind the last commit was set back while nobody looked: by as much at least.
    this.#clock = { now: Math.max(since, now), elapsed };
    this.#stopped = false;
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#callOff();
    await this.#looking;
  }

  /** Told of every batch that is journaled. */
  told(rows: readonly JournalRow[]): void {
    let next = this.#next;
    for (const { validUntil, removed } of rows) if (!removed && validUntil < next) next = validUntil;
    if (next === this.#next) return;
    this.#next = next;
    if (!this.#stopped) this.#arm();
  }

  #arm(): void {
    this.#callOff();
    const waitMs = Math.min(Math.max(0, this.#next + 1 - this.#parts.world.now()), CLOCK_LOOK_MS);
    this.#callOff = this.#parts.world.after(waitMs, () => {
      this.#looking = this.#look().finally(() => {
        if (!this.#stopped) this.#arm();
      });
    });
  }

  async #look(): Promise<void> {
    try {
      await this.#lookAtClock();
      if (this.#parts.world.now() > this.#next) await this.#lookAtFacts();
    } catch (cause) {
      const { code } = asLogicError(cause);
      if (code !== 'not_ready' && code !== 'engine_lost')
        this.#parts.log.error({ err: cause }, 'looking for stale facts');
      // Not at once again: the next look is that of the clock.
      this.#next = this.#parts.world.now() + CLOCK_LOOK_MS / 2;
    }
  }

  async #lookAtFacts(): Promise<void> {
    const { engine, sync, intake, world } = this.#parts;
    await sync.settled();
    const now = world.now();
    // Batches from here on lower the bound again.
    this.#next = Number.POSITIVE_INFINITY;
    const reply = await engine.bridge().control(`/expiry?from=${this.#noticed}&to=${now}`);
    const { stale, next } = expiryReply.parse(reply);
    this.#next = Math.min(this.#next, next ?? Number.POSITIVE_INFINITY);
    this.#noticed = now;
    if (stale) await intake.take([]);
  }

  async #lookAtClock(): Promise<void> {
    const { engine, sync, intake, world, log } = this.#parts;
    const was = this.#clock;
    const is = this.#readClock();
    const stepMs = Math.round(is.now - was.now - (is.elapsed - was.elapsed));
    if (stepMs > -CLOCK_SKEW_MS) {
      this.#clock = is;
      return;
    }
    await sync.settled();
    const reply = await engine.bridge().control(`/observed-after?time=${world.now()}`);
    const rows = futureReply.parse(reply).rows.map((row) => moved(row, stepMs));
    log.warn({ stepMs, facts: rows.length }, 'the clock was set back: facts move with it');
    if (rows.length > 0) await intake.take(rows);
    this.#clock = is;
    this.#noticed = Math.min(this.#noticed, is.now);
    this.#next = is.now;
  }

  #readClock(): { now: number; elapsed: number } {
    const { world } = this.#parts;
    return { now: world.now(), elapsed: world.elapsed() };
  }
}

function moved(row: JournalRow, stepMs: number): JournalRow {
  const validUntil = row.validUntil === FOREVER ? FOREVER : Math.max(0, row.validUntil + stepMs);
  return { ...row, observedAt: Math.max(0, row.observedAt + stepMs), validUntil };
}
