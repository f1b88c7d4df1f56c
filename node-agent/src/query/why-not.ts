/**
 * Why a ground goal does not hold at this site: asked through the site's own door like any question, its reply
 * signed and checked. The explanation is the site's word; nothing in it is proved.
 */
import type { WhyNotInput, WhyNotResult } from '@fleet/shared/api/ask.ts';
import { readAssumptions } from '@fleet/shared/assume.ts';
import { checkExplanation } from '@fleet/shared/check.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { explanationBody } from '@fleet/shared/pengine.ts';
import { readStamp } from '@fleet/shared/reply.ts';
import { writeTerm } from '@fleet/shared/term.ts';
import { type Asker, askDoor } from './ask.ts';
import type { QueryParts } from './pipeline.ts';

export async function whyNot(
  { query, assume = [] }: WhyNotInput,
  asker: Asker,
  parts: QueryParts,
): Promise<WhyNotResult> {
  const { site, manifest, publicKey, world } = parts;
  const asked = checkAsk(query, manifest, { assume: readAssumptions(assume) });
  const question = explanationBody(asked);
  const nonce = world.uuid().replaceAll('-', '');
  const reply = await askDoor(parts.door, question, { ...asker, nonce });
  const stamp = readStamp(reply.headers);
  const why = checkExplanation({
    ask: question.ask,
    body: reply.body,
    stamp,
    publicKey,
    expect: { site, nonce, manifest },
  });
  return {
    site,
    query,
    holds: why === null,
    why: why === null ? null : writeTerm(why),
    now: stamp.now,
    revision: stamp.revision,
  };
}
