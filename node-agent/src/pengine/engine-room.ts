/**
 * The way from the door to the engine: a bounded number of requests that may hold one of its threads, and what
 * needs none (pings, aborts, destroys). A request without a reply in time is reported to the supervisor.
 */
import { asLogicError, LogicError } from '@fleet/shared/errors.ts';
import { LANE_QUESTIONS, QUESTIONS_AT_ONCE } from '@fleet/shared/limits.ts';
import type { EngineReply, PengineRequest } from '../prolog/bridge.ts';
import type { Engine } from '../prolog/engine.ts';
import type { LaneQuestion } from '../prolog/lane.ts';

export class EngineRoom {
  readonly #engine: Engine;
  #running = 0;
  #asking = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Requests that hold a thread of the engine now. */
  get running(): number {
    return this.#running;
  }

  /** Questions on the lane. */
  get asking(): number {
    return this.#asking;
  }

  /** Runs a request that may hold a thread. Throws `busy`, `not_ready`, and as `Bridge.pengine`. */
  async run(request: PengineRequest): Promise<EngineReply> {
    const bridge = this.#engine.bridge();
    if (this.#running >= QUESTIONS_AT_ONCE) throw busy('questions');
    this.#running += 1;
    try {
      const reply = await bridge.pengine(request);
      this.#engine.report('answered');
      return reply;
    } catch (cause) {
      if (asLogicError(cause).code === 'time_limit') this.#engine.report('abandoned');
      throw cause;
    } finally {
      this.#running -= 1;
    }
  }

  /** Asks on the lane. Throws `busy`, `not_ready`, `cancelled`, and as `Lane.ask`. */
  async ask(question: LaneQuestion, gone: AbortSignal): Promise<EngineReply> {
    const { lane } = this.#engine.bridge();
    if (this.#asking >= LANE_QUESTIONS) throw busy('questions');
    this.#asking += 1;
    try {
      const reply = await lane.ask(question, gone);
      this.#engine.report('answered');
      return reply;
    } catch (cause) {
      if (asLogicError(cause).code === 'time_limit') this.#engine.report('abandoned');
      throw cause;
    } finally {
      this.#asking -= 1;
    }
  }

  /** One of the requests that are answered at once: `ping` and `abort` of one pengine. */
  tell(action: 'ping' | 'abort', parameters: Readonly<Record<string, string>>): Promise<EngineReply> {
    const path = `/pengine/${action}?${new URLSearchParams(parameters)}`;
    return this.#engine.bridge().pengine({ method: 'GET', path });
  }

  /** Ends pengines; never throws. */
  async destroy(ids: readonly string[]): Promise<void> {
    const path = `/pengine/destroy_all?${new URLSearchParams({ ids: ids.join(',') })}`;
    try {
      await this.#engine.bridge().pengine({ method: 'GET', path });
    } catch {
      // The engine is gone or hangs: its supervisor ends it, and the pengines with it.
    }
  }
}

export function busy(what: string): LogicError {
  return new LogicError('busy', `Too many ${what} at once.`);
}
