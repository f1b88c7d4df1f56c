/**
 * The collectors of a site, each on a schedule of its own: one that hangs or fails costs its own facts, which go
 * stale by themselves, and no other's time. What a pass saw is one batch, one revision. A change of state is
 * logged once: when a collector begins to fail, fails for another reason, misses a part, or is well again.
 */
import { asLogicError, type ErrorCode } from '@fleet/shared/errors.ts';
import { COLLECT_FIRST_MS, COLLECT_LONGEST_WAIT_MS } from '@fleet/shared/limits.ts';
import type { Collector } from './observation.ts';
import { observe, type TelemetryParts } from './pipeline.ts';
import { type Failure, Schedule } from './schedule.ts';
import { TemperatureTrends } from './trend.ts';

export interface CollectorPlan {
  readonly collector: Collector;
  readonly everyMs: number;
  readonly timeoutMs: number;
}

/** How a collector is, for `site.info`. Times in ms since 1970. */
export interface CollectorState {
  readonly source: string;
  /** `partly`: the last pass saw some of what it looked for; `waiting`: no pass has ended yet. */
  readonly state: 'waiting' | 'ok' | 'partly' | 'failing';
  readonly everyMs: number;
  readonly lastSuccessAt: number | null;
  /** Facts of the last pass that succeeded. */
  readonly facts: number;
  /** What the last pass met; null when it met nothing. */
  readonly lastError: { readonly code: ErrorCode; readonly message: string; readonly at: number } | null;
  /** Null while a pass is under way. */
  readonly nextRunAt: number | null;
}

export class Collectors {
  readonly #runs: readonly Run[];
  readonly #parts: TelemetryParts;

  constructor(plans: readonly CollectorPlan[], parts: TelemetryParts) {
    this.#parts = parts;
    const trends = new TemperatureTrends();
    this.#runs = plans.map((plan) => new Run(plan, trends, parts));
  }

  /** Starts all; resolves when each has had its first pass, or after COLLECT_FIRST_MS without those that have not. */
  async start(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const callOff = this.#parts.world.after(COLLECT_FIRST_MS, resolve);
    await Promise.race([Promise.all(this.#runs.map((run) => run.start())), late]);
    callOff();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#runs.map((run) => run.stop()));
  }

  states(): CollectorState[] {
    return this.#runs.map((run) => run.state());
  }
}

type Ended = Pick<CollectorState, 'state' | 'lastSuccessAt' | 'facts' | 'lastError'>;

/** One collector on its schedule. */
class Run {
  readonly #plan: CollectorPlan;
  readonly #trends: TemperatureTrends;
  readonly #parts: TelemetryParts;
  readonly #schedule: Schedule;
  #ended: Ended = { state: 'waiting', lastSuccessAt: null, facts: 0, lastError: null };
  /** Of the pass under way: what it could not read, and how many facts it gave. */
  #missed: unknown = null;
  #facts = 0;

  constructor(plan: CollectorPlan, trends: TemperatureTrends, parts: TelemetryParts) {
    this.#plan = plan;
    this.#trends = trends;
    this.#parts = parts;
    this.#schedule = new Schedule({
      everyMs: plan.everyMs,
      timeoutMs: plan.timeoutMs,
      longestWaitMs: COLLECT_LONGEST_WAIT_MS,
      job: (signal) => this.#collect(signal),
      ended: (failure) => this.#end(failure),
      world: parts.world,
    });
  }

  start(): Promise<void> {
    return this.#schedule.start();
  }

  stop(): Promise<void> {
    return this.#schedule.stop();
  }

  state(): CollectorState {
    const { dueInMs } = this.#schedule;
    return {
      source: this.#plan.collector.source,
      everyMs: this.#plan.everyMs,
      ...this.#ended,
      nextRunAt: dueInMs === null ? null : Math.round(this.#parts.world.now() + dueInMs),
    };
  }

  async #collect(signal: AbortSignal): Promise<void> {
    this.#missed = null;
    const missed: Error[] = [];
    const pass = { signal, missed: (what: Error) => void missed.push(what) };
    const seen = await this.#plan.collector.collect(this.#parts.world.now(), pass);
    // A pass whose time is over has failed already; what it saw is older than it says.
    if (signal.aborted) return;
    const batch = [...seen, ...this.#trends.after(seen)];
    if (batch.length > 0) await observe(batch, this.#parts);
    this.#facts = batch.length;
    this.#missed = missed[0] ?? null;
  }

  #end(failure: Failure | null): void {
    const { world, log } = this.#parts;
    const { source } = this.#plan.collector;
    const at = world.now();
    const before = this.#ended;
    const cause = failure === null ? this.#missed : failure.cause;
    const error = cause === null ? null : asLogicError(cause);
    const state = failure !== null ? 'failing' : error === null ? 'ok' : 'partly';
    this.#ended = {
      state,
      lastSuccessAt: failure === null ? at : before.lastSuccessAt,
      facts: failure === null ? this.#facts : before.facts,
      lastError: error === null ? null : { code: error.code, message: error.message, at },
    };
    if (state === before.state && error?.code === before.lastError?.code) return;
    if (error === null) {
      if (before.state !== 'waiting') log.info({ source }, 'collector is well again');
      return;
    }
    // Only what may be shown to anyone: a cause could hold what was sent.
    const said = error.code === 'internal' && cause instanceof Error ? cause.message : error.message;
    log.warn({ source, code: error.code, said }, `collector: ${state}`);
  }
}
