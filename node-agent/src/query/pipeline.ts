/**
 * From a query's text to checked answers at this one site: read, ask, check. The check is the coordinator's own,
 * with the site's public key: a fault of the engine shows here as it would there.
 */
import type { KeyObject } from 'node:crypto';
import type { AskResult, SiteOutcome } from '@fleet/shared/api/ask.ts';
import { readAssumptions } from '@fleet/shared/assume.ts';
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { checkReply } from '@fleet/shared/check.ts';
import { coverageOf } from '@fleet/shared/coverage.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { questionBody } from '@fleet/shared/pengine.ts';
import { readStamp } from '@fleet/shared/reply.ts';
import type { PengineDoor } from '../pengine/door.ts';
import type { World } from '../world.ts';
import { type Asker, askDoor } from './ask.ts';

export interface SiteQuery {
  readonly query: string;
  readonly prove: boolean;
  /** Texts of assumptions. */
  readonly assume?: readonly string[];
}

export interface QueryParts {
  readonly site: string;
  readonly manifest: Manifest;
  readonly publicKey: KeyObject;
  readonly door: PengineDoor;
  readonly world: World;
}

/** Throws the `LogicError` of whatever kept the question from an answer: there is only this one site to give it. */
export async function askSite(
  { query, prove, assume = [] }: SiteQuery,
  asker: Asker,
  parts: QueryParts,
): Promise<AskResult> {
  const { site, manifest, publicKey, world } = parts;
  const askedAt = world.now();
  const asked = checkAsk(query, manifest, { assume: readAssumptions(assume) });
  const proved = prove || asked.prove;
  const nonce = world.uuid().replaceAll('-', '');
  const question = questionBody(asked, proved);
  const reply = await askDoor(parts.door, question, { ...asker, nonce });
  const stamp = readStamp(reply.headers);
  const receivedAt = world.now();
  const checked = checkReply({
    asked,
    ask: question.ask,
    prove: proved,
    body: reply.body,
    stamp,
    publicKey,
    expect: { site, nonce, manifest, askedAt, receivedAt },
  });
  const outcome: SiteOutcome = {
    site,
    outcome: checked.outcome,
    code: null,
    message: null,
    ms: receivedAt - askedAt,
    revision: stamp.revision,
    bundle: stamp.bundle,
    answers: checked.answers.length,
  };
  const coverage = coverageOf([outcome]);
  return {
    query,
    variables: asked.variables,
    answers: checked.answers,
    coverage,
    complete: coverage.complete,
  };
}
