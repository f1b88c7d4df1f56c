/** The coverage of one question: every site that it was meant for, with exactly one outcome each. */
import { type Coverage, OUTCOMES, type Outcome, type SiteOutcome } from './api/ask.ts';

/** Complete means that every target is `answered` or `empty`; of no targets, nothing is complete. */
export function coverageOf(sites: readonly SiteOutcome[]): Coverage {
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  for (const { outcome } of sites) counts[outcome] += 1;
  const complete = sites.length > 0 && counts.answered + counts.empty === sites.length;
  return { targets: sites.length, ...counts, complete, sites };
}
