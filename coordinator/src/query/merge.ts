/**
 * Last stage: one result from all verdicts. Answers stand by site name and, within a site, in the
 * order the site gave (which is canonical); the coverage has one row for every target.
 */
import type { AskResult } from '@fleet/shared/api/ask.ts';
import { coverageOf } from '@fleet/shared/coverage.ts';
import type { Admitted } from './admit.ts';
import type { Verdict } from './verify.ts';

/** `query` is the caller's own text, so that a result can be matched with what was asked. */
export function merge(query: string, { asked }: Admitted, verdicts: readonly Verdict[]): AskResult {
  const sorted = verdicts.toSorted((a, b) => (a.outcome.site < b.outcome.site ? -1 : 1));
  const coverage = coverageOf(sorted.map((verdict) => verdict.outcome));
  return {
    query,
    variables: asked.variables,
    answers: sorted.flatMap((verdict) => verdict.answers),
    coverage,
    complete: coverage.complete,
  };
}
