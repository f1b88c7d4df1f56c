/** A goal on its way to its targets, as the plan makes it and the later stages take it. */
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { type Question, questionBody } from '@fleet/shared/pengine.ts';
import type { Registry } from '../sites/registry.ts';
import type { Admitted } from './admit.ts';
import type { Targets } from './select.ts';

export interface Part {
  readonly admitted: Admitted;
  readonly question: Question;
  readonly targets: Targets;
}

/** What a plan goes by. */
export interface Known {
  readonly registry: Pick<Registry, 'list'>;
  readonly manifest: Manifest;
}

export function partOf(admitted: Admitted, targets: Targets): Part {
  return { admitted, question: questionBody(admitted.asked, admitted.prove), targets };
}
