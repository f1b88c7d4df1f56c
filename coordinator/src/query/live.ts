/**
 * An answer without asking anyone: from the view that stands for the same question and the same targets. What the sites told is merged
 * as replies would be, so the result is that of an ask at this moment, with the time at which each site told its part. It is kept until
 * something changes, since a live answer is what pages and scripts ask for again and again.
 */
import type { FleetAskInput, FleetResult } from '@fleet/shared/api/ask.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { LIVE_ANSWERS } from '@fleet/shared/limits.ts';
import type { View } from '../views/view.ts';
import type { Views } from '../views/watch.ts';
import { merge } from './merge.ts';
import { type Fleet, refuseBelowShare } from './pipeline.ts';
import { type Plan, planQuestion } from './plan.ts';

interface Kept {
  readonly plan: Plan;
  readonly view: View;
  readonly version: number;
  readonly result: FleetResult;
}

export class LiveAnswers {
  readonly #fleet: Fleet;
  readonly #views: Views;
  /** By the input as it came, the least lately used first. */
  readonly #kept = new Map<string, Kept>();

  constructor(fleet: Fleet, views: Views) {
    this.#fleet = fleet;
    this.#views = views;
  }

  /** Null where no view stands for this. Throws what is wrong with the question, and `partial_coverage`. */
  answer(input: FleetAskInput): FleetResult | null {
    const key = JSON.stringify(input);
    const before = this.#kept.get(key);
    if (before !== undefined && this.#views.has(before.view) && before.version === before.view.version) {
      this.#kept.delete(key);
      this.#kept.set(key, before);
      return before.result;
    }
    const plan = planQuestion(input, this.#fleet);
    if (plan.maxAgeMs !== null)
      throw new LogicError(
        'bad_request',
        'a live answer says when each site told its part: ask without maxAgeMs',
      );
    const view = this.#views.find(plan, input);
    this.#kept.delete(key);
    if (view === null) return null;
    const { version } = view;
    const result = this.#answerFrom(plan, view);
    this.#kept.set(key, { plan, view, version, result });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > LIVE_ANSWERS && oldest !== undefined) this.#kept.delete(oldest);
    return result;
  }

  #answerFrom(plan: Plan, view: View): FleetResult {
    const { sites } = view;
    const verdicts = sites.map(({ verdict }) => verdict);
    const toldAt = Object.fromEntries(
      sites.flatMap(({ verdict, rowsAt }) =>
        rowsAt === null ? [] : [[verdict.outcome.site, rowsAt] as const],
      ),
    );
    const result = {
      ...merge(plan, [verdicts], this.#fleet.manifest.bundle),
      lastKnown: view.lastKnown(),
      live: { since: view.since, toldAt },
    };
    refuseBelowShare(plan, result);
    return result;
  }
}
