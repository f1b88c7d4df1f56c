/**
 * First stage: is this a question that may be asked, and may it be asked now? The query is parsed and
 * typed against the catalogue once, here; what is wrong with it is thrown before any site hears of it.
 */
import type { FleetAskInput } from '@fleet/shared/api/ask.ts';
import { assumptionTerm, readAssumptions } from '@fleet/shared/assume.ts';
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { type CheckedAsk, checkAsk } from '@fleet/shared/language.ts';
import { FLEET_QUESTIONS_AT_ONCE } from '@fleet/shared/limits.ts';

/** The question as every site gets it. */
export interface Admitted {
  readonly asked: CheckedAsk;
  /** Whether proofs are asked for: by the caller, or by `prove/2` in the query itself. */
  readonly prove: boolean;
}

/** @throws LogicError with the code that docs/protocol.md section 1 gives for what is wrong */
export function admit(
  { query, prove = true, assume = [] }: Pick<FleetAskInput, 'query' | 'prove' | 'assume'>,
  manifest: Manifest,
): Admitted {
  const asked = checkAsk(query, manifest, { assume: readAssumptions(assume) });
  return { asked, prove: prove || asked.prove };
}

/** The same question in other words: its text, and which variables it answers with. */
export interface Wording {
  readonly text: string;
  readonly variables: readonly string[];
}

/** An admitted question, reworded or under other rules. @throws LogicError as `admit` */
export function readmit(
  { asked, prove }: Admitted,
  manifest: Manifest,
  { text, variables }: Wording = asked,
): Admitted {
  const assume = asked.assumptions.map(assumptionTerm);
  return { asked: checkAsk(text, manifest, { template: `[${variables.join(',')}]`, assume }), prove };
}

/** Counts the questions under way. */
export interface Gate {
  /** Takes a place and gives the function that leaves it. @throws LogicError `busy` when all are taken */
  enter(): () => void;
}

export function openGate(places: number = FLEET_QUESTIONS_AT_ONCE): Gate {
  let taken = 0;
  return {
    enter: () => {
      if (taken >= places) throw new LogicError('busy', `${places} questions are under way already`);
      taken += 1;
      let inside = true;
      return () => {
        if (inside) taken -= 1;
        inside = false;
      };
    },
  };
}
