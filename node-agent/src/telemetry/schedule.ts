/**
 * Runs one job at a fixed pace with one timer. A pass that takes longer than its turn delays the next one, two
 * never overlap, and turns that were missed are not made up for. A pass past its timeout is told so through its
 * signal and counts as failed at once; if it does not react, the next still waits for it to end, so that
 * a job that hangs costs one job and never a pile of them. After failures the waits double, with jitter.
 *
 * Waiting goes by the clock that nobody sets: a step of the wall clock moves no turn.
 */
import { backoff } from '@fleet/shared/backoff.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { COLLECT_STOP_MS } from '@fleet/shared/limits.ts';
import type { World } from '../world.ts';

export interface ScheduleOptions {
  readonly everyMs: number;
  /** A pass that has not ended by then has failed with `source_timeout`. Left out: it may take for ever. */
  readonly timeoutMs?: number;
  /** The longest wait after failures in a row. Left out: failures change no wait. */
  readonly longestWaitMs?: number;
  /** One pass; rejects or throws when it failed. Aborted when its time is over and when the schedule stops. */
  readonly job: (signal: AbortSignal) => Promise<void> | void;
  /** Told once how each pass ended, `null` for well; not told of a pass that was called off by `stop`. */
  readonly ended?: (failure: Failure | null) => void;
  readonly world: World;
}

/** Why a pass failed. */
export interface Failure {
  readonly cause: unknown;
}

export class Schedule {
  readonly #options: ScheduleOptions;
  #callOff: () => void = () => {};
  #pass = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #stopped = true;
  #failures = 0;
  /** On the elapsed clock; null while a pass is under way and when stopped. */
  #dueMs: number | null = null;

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** ms until the next pass begins; null while one is under way, and when stopped. */
  get dueInMs(): number | null {
    return this.#dueMs === null ? null : Math.max(0, this.#dueMs - this.#options.world.elapsed());
  }

  /** Begins the first pass now; resolves when that pass has ended, well or not, or its time is over. */
  start(): Promise<void> {
    this.#stopped = false;
    return this.#turn();
  }

  /** No further pass; resolves when the one under way has ended, or does not react to being called off. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#dueMs = null;
    this.#callOff();
    this.#pass.abort(new LogicError('cancelled', 'The schedule was stopped.'));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const callOff = this.#options.world.after(COLLECT_STOP_MS, resolve);
    await Promise.race([this.#running, late]);
    callOff();
  }

  async #turn(): Promise<void> {
    const { world, job, timeoutMs } = this.#options;
    const began = world.elapsed();
    const pass = new AbortController();
    this.#pass = pass;
    this.#dueMs = null;
    const timeOver = () =>
      pass.abort(new LogicError('source_timeout', `The pass had not ended after ${timeoutMs} ms.`));
    const callOff = timeoutMs === undefined ? () => {} : world.after(timeoutMs, timeOver);
    const aborted = new Promise<Failure>((resolve) => {
      pass.signal.addEventListener('abort', () => resolve({ cause: pass.signal.reason }), { once: true });
    });
    const work = attempt(() => job(pass.signal));
    this.#running = work;
    const failure = await Promise.race([work, aborted]);
    callOff();
    if (!this.#stopped) {
      this.#failures = failure === null ? 0 : this.#failures + 1;
      this.#options.ended?.(failure);
    }
    void work.then(() => this.#wait(began));
  }

  #wait(began: number): void {
    if (this.#stopped) return;
    const { world, everyMs, longestWaitMs } = this.#options;
    const paceMs =
      longestWaitMs === undefined
        ? everyMs
        : backoff({ everyMs, longestWaitMs, failures: this.#failures, random: world.random() });
    const waitMs = Math.max(0, began + paceMs - world.elapsed());
    this.#dueMs = world.elapsed() + waitMs;
    this.#callOff = world.after(waitMs, () => void this.#turn());
  }
}

/** How the job ended; a job that throws before its first await has rejected like any other. */
async function attempt(job: () => Promise<void> | void): Promise<Failure | null> {
  try {
    await job();
    return null;
  } catch (cause) {
    return { cause };
  }
}
