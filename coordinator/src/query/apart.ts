/**
 * Which checked answers are not merged, but shown apart: those of a site with other core rules, which mean something else by the same
 * words, and those of a site whose state is older than asked for.
 *
 * Age is that of the oldest observation that a proof of the answer cites, by the site's own clock. What is no
 * observation has no age: an answer that rests on the inventory alone, or an empty one, is never stale.
 */

import { REPLY_BYTES, REPLY_TERM_DEPTH } from '@fleet/shared/limits.ts';
import { argumentsOf, isCompound, readTerm } from '@fleet/shared/term.ts';
import type { Reply } from './fanout.ts';
import type { Verdict } from './verify.ts';

/** Takes the answers out of a verdict that are not to be merged. */
export function setApart(
  verdict: Verdict,
  reply: Reply,
  { own, maxAgeMs }: { readonly own: string; readonly maxAgeMs: number | null },
): Verdict {
  const { outcome, answers } = verdict;
  if (answers.length === 0 && outcome.outcome !== 'empty') return verdict;
  if (outcome.bundle !== null && outcome.bundle !== own) return { ...verdict, answers: [], apart: answers };
  if (maxAgeMs === null || reply.kind === 'none') return verdict;
  const now = Number(reply.headers['logic-now']);
  const oldest = Math.min(...answers.map(({ proof }) => (proof === null ? now : oldestIn(proof))));
  if (!(now - oldest > maxAgeMs)) return verdict;
  const message = `it rests on an observation ${now - oldest} ms old, ${maxAgeMs} were allowed`;
  return { outcome: { ...outcome, outcome: 'stale', message }, answers: [], apart: answers };
}

/** When the oldest observation that a proof cites was made, ms since 1970 UTC; infinite where it cites none. */
function oldestIn(proof: string): number {
  const { term } = readTerm(proof, { bytes: REPLY_BYTES, depth: REPLY_TERM_DEPTH, any: true });
  const steps = term.kind === 'list' ? term.items : [];
  return Math.min(
    ...steps.flatMap((step) => {
      const [, what] = argumentsOf(step);
      const evidence = what !== undefined && isCompound(what, 'fact', 2) ? what.args[1] : undefined;
      const [, observed] = evidence === undefined ? [] : argumentsOf(evidence);
      return observed?.kind === 'int' ? [Number(observed.value)] : [];
    }),
  );
}
