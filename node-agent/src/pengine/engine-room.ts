/**
 * The way from the door to the engine: a bounded number of requests that may hold one of its threads, in all and of
 * each caller, and what needs none (pings, aborts, destroys). A request without a reply in time is reported to the
 * supervisor; the question of one whose caller leaves is cancelled.
 */

import { Places } from '@fleet/shared/door/places.ts';
import { asLogicError } from '@fleet/shared/errors.ts';
import {
  CALLER_LANE_QUESTIONS,
  CALLER_QUESTIONS_AT_ONCE,
  LANE_QUESTIONS,
  QUESTIONS_AT_ONCE,
} from '@fleet/shared/limits.ts';
import type { PengineRequest } from '../prolog/bridge.ts';
import type { SiteEngine } from '../prolog/engine.ts';
import type { EngineReply, LaneQuestion } from '../prolog/lane.ts';

export interface Asker {
  readonly caller: string;
  /** Aborted when the caller goes away. */
  readonly gone: AbortSignal;
}

export class EngineRoom {
  readonly #engine: SiteEngine;
  readonly #pengines = new Places({
    what: 'questions',
    all: QUESTIONS_AT_ONCE,
    each: CALLER_QUESTIONS_AT_ONCE,
  });
  readonly #lane = new Places({ what: 'questions', all: LANE_QUESTIONS, each: CALLER_LANE_QUESTIONS });

  constructor(engine: SiteEngine) {
    this.#engine = engine;
  }

  /** Requests that hold a thread of the engine now. */
  get running(): number {
    return this.#pengines.taken;
  }

  /** Questions on the lane. */
  get asking(): number {
    return this.#lane.taken;
  }

  /** Runs a request that may hold a thread. Throws `busy`, `not_ready`, and as `Bridge.pengine`. */
  run(request: PengineRequest, { caller }: Asker): Promise<EngineReply> {
    const bridge = this.#engine.bridge();
    return this.#inside(this.#pengines.enter(caller), () => bridge.pengine(request));
  }

  /** The same for a `create` that carries this tag: its pengine ends when the caller leaves before the reply. */
  async create(request: PengineRequest, tag: string, asker: Asker): Promise<EngineReply> {
    const { lane } = this.#engine.bridge();
    const drop = () => lane.drop(tag);
    asker.gone.addEventListener('abort', drop, { once: true });
    try {
      return await this.run(request, asker);
    } finally {
      asker.gone.removeEventListener('abort', drop);
      if (asker.gone.aborted) lane.forget(tag);
    }
  }

  /** Asks on the lane. Throws `busy`, `not_ready`, `cancelled`, and as `Lane.ask`. */
  ask(question: LaneQuestion, { caller, gone }: Asker): Promise<EngineReply> {
    const bridge = this.#engine.bridge();
    return this.#inside(this.#lane.enter(caller), () => bridge.ask(question, gone));
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

  async #inside(leave: () => void, ask: () => Promise<EngineReply>): Promise<EngineReply> {
    try {
      const reply = await ask();
      this.#engine.report('answered');
      return reply;
    } catch (cause) {
      if (asLogicError(cause).code === 'time_limit') this.#engine.report('abandoned');
      throw cause;
    } finally {
      leave();
    }
  }
}
