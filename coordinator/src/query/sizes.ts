/** How many rows a question gave the last time, so that a plan can say what to expect. Kept in memory, the latest ones. */
import { LogicError } from '@fleet/shared/errors.ts';
import { JOIN_INPUT_ROWS, KNOWN_SIZES } from '@fleet/shared/limits.ts';
import type { Part } from './part.ts';
import type { Plan } from './plan.ts';
import type { Verdict } from './verify.ts';

export interface Size {
  readonly rows: number;
  /** The sites that gave them. */
  readonly sites: number;
}

export interface Sizes {
  of(ask: string): Size | null;
  learn(ask: string, size: Size): void;
}

export function openSizes(most: number = KNOWN_SIZES): Sizes {
  const known = new Map<string, Size>();
  return {
    of: (ask) => known.get(ask) ?? null,
    learn: (ask, size) => {
      known.delete(ask);
      known.set(ask, size);
      const [oldest] = known.keys();
      if (known.size > most && oldest !== undefined) known.delete(oldest);
    },
  };
}

export function learnSize(sizes: Sizes, { question }: Part, verdicts: readonly Verdict[]): void {
  const gave = verdicts.filter(
    ({ outcome }) => outcome.outcome === 'answered' || outcome.outcome === 'empty',
  );
  const rows = gave.reduce((sum, { outcome }) => sum + outcome.answers, 0);
  if (gave.length > 0) sizes.learn(question.ask, { rows, sites: gave.length });
}

/** Rows that a part is expected to give: as many a site as the last time; null where it was never asked. */
export function expectedRows(sizes: Sizes, { question, targets }: Part): number | null {
  const size = sizes.of(question.ask);
  return size === null ? null : Math.ceil((size.rows / size.sites) * targets.asked.length);
}

/** @throws LogicError `join_too_large` for a join that was too large before it is asked again */
export function refuseKnownSize(plan: Plan, sizes: Sizes): void {
  if (plan.join === null) return;
  const rows = plan.parts.map((part) => expectedRows(sizes, part) ?? 0);
  const sum = rows.reduce((a, b) => a + b, 0);
  if (sum <= JOIN_INPUT_ROWS) return;
  const each = plan.parts.map(({ admitted }, i) => `${rows[i]} of ${admitted.asked.text}`);
  throw new LogicError(
    'join_too_large',
    `the join is too large: it would take in about ${sum} rows (${each.join(', ')}), at most ${JOIN_INPUT_ROWS} are taken`,
  );
}
