/** What became of a fresh question, by the queries that its writer accepts. */
import type { FreshQuestion } from '@fleet/node-agent/semantic/evaluation/fresh.ts';
import type { Translation } from '@fleet/shared/api/translate.ts';
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { canonical } from '@fleet/shared/semantic/same.ts';

/**
 * Of a question that has an answer: `right` at once; `offered`, among what the person is asked; `missed`, asked back without it; `wrong`, run; `silent`.
 * Of one that has none: `refused`, `proposed` as one of a few, or `ran`.
 */
export type Verdict = 'right' | 'offered' | 'missed' | 'wrong' | 'silent' | 'refused' | 'proposed' | 'ran';

/** The queries that a translation proposes or asks between. */
export function queriesIn(translation: Translation): readonly string[] {
  if (translation.kind === 'query') return [translation.query];
  return translation.kind === 'did_you_mean' ? translation.options.map(({ query }) => query) : [];
}

export function judge({ expected }: FreshQuestion, translation: Translation, manifest: Manifest): Verdict {
  const { kind } = translation;
  if (expected.kind !== 'query')
    return kind === 'query' ? 'ran' : kind === 'did_you_mean' ? 'proposed' : 'refused';
  const accepted = new Set(expected.queries.map((query) => canonical(query, manifest)));
  const isRight = queriesIn(translation).some((query) => accepted.has(canonical(query, manifest)));
  if (kind === 'query') return isRight ? 'right' : 'wrong';
  if (kind === 'did_you_mean') return isRight ? 'offered' : 'missed';
  return 'silent';
}

export interface Tally {
  readonly answerable: number;
  readonly right: number;
  readonly offered: number;
  /** Asked back at all. */
  readonly asked: number;
  readonly wrong: number;
  readonly refusable: number;
  readonly proposed: number;
  readonly ran: number;
}

export function tallied(verdicts: readonly Verdict[]): Tally {
  const count = (...of: readonly Verdict[]) => verdicts.filter((verdict) => of.includes(verdict)).length;
  return {
    answerable: count('right', 'offered', 'missed', 'wrong', 'silent'),
    right: count('right'),
    offered: count('offered'),
    asked: count('offered', 'missed'),
    wrong: count('wrong'),
    refusable: count('refused', 'proposed', 'ran'),
    proposed: count('proposed'),
    ran: count('ran'),
  };
}
