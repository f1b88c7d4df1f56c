/**
 * The stage `vet`: whether the site would take a question, without asking it. Checked by our own reader first and written anew as the door does;
 * then by Prolog, which vets here by the very predicate that vets what is asked.
 */
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { readWish } from '@fleet/shared/door/request.ts';
import { Vocabulary } from '@fleet/shared/door/vocabulary.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { questionBody } from '@fleet/shared/pengine.ts';
import type { Bridge } from '../prolog/bridge.ts';

export interface VetParts {
  readonly manifest: Manifest;
  readonly engine: { readonly bridge: () => Bridge };
}

/** Throws the `LogicError` that asking would, `not_ready` and `engine_lost`. What only running it shows, it does not tell. */
export async function vetQuery(query: string, { manifest, engine }: VetParts): Promise<void> {
  const asked = checkAsk(query, manifest);
  const { ask } = questionBody(asked, asked.prove);
  const { goal } = readWish(new Map([['ask', ask]]), new Vocabulary(manifest));
  await engine.bridge().vet(goal ?? '');
}
