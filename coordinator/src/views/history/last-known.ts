/**
 * What each site answered last to each question, offered beside a site that is missing. These rows outlive the run they are from,
 * so they are not in the chain; each carries a code (HMAC) by a key that follows from the coordinator's, and one that somebody
 * changed is not offered. A row that was put back to an older state is true still, and its age is shown.
 */
import { createHmac, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Answer } from '@fleet/shared/api/ask.ts';
import { LAST_KNOWN_BYTES } from '@fleet/shared/limits.ts';
import { z } from 'zod';
import { canonicalJson } from './canonical.ts';
import type { Answered } from './content.ts';
import { questionKey } from './question.ts';

/** The answers as they were verified then; their proofs are in the history's runs. */
export interface LastAnswers {
  /** When they were asked for, ms since 1970 UTC. */
  readonly at: number;
  readonly revision: number | null;
  readonly bundle: string | null;
  readonly answers: readonly Pick<Answer, 'bindings' | 'standing'>[];
}

/** Those of one site to one question. */
export interface SiteAnswers extends LastAnswers {
  readonly question: string;
  readonly site: string;
}

/** The same as it is kept. */
export interface KeptAnswers extends Omit<SiteAnswers, 'answers'> {
  readonly answers: string;
  readonly mac: string;
}

export type MacKey = Buffer;

export function macKeyOf(privateKey: KeyObject): MacKey {
  const secret = privateKey.export({ type: 'pkcs8', format: 'der' });
  return Buffer.from(hkdfSync('sha256', secret, '', 'logic-history last known', 32));
}

/**
 * What a run says of each site that answered, or had nothing to answer. A site whose answers went into one of the fleet (a count, a
 * maximum) is left out: what it said by itself is not in the result.
 */
export function siteAnswers({ result, asked, at }: Answered): SiteAnswers[] {
  const question = questionKey(asked.query, asked.assume);
  const bySite = Map.groupBy(result.answers, ({ site }) => site);
  return result.coverage.sites.flatMap(({ site, outcome, revision, bundle, answers: count }) => {
    if (outcome !== 'answered' && outcome !== 'empty') return [];
    const answers = (bySite.get(site) ?? []).map(({ bindings, standing }) => ({ bindings, standing }));
    if (answers.length !== count) return [];
    return [{ question, site, at, revision, bundle, answers }];
  });
}

/** As it is kept; null where the answers are too many. */
export function keep({ answers, ...rest }: SiteAnswers, key: MacKey): KeptAnswers | null {
  const kept = { ...rest, answers: canonicalJson(answers) };
  return kept.answers.length > LAST_KNOWN_BYTES ? null : { ...kept, mac: macOf(kept, key) };
}

function macOf(kept: Omit<KeptAnswers, 'mac'>, key: MacKey): string {
  const { question, site, at, revision, bundle, answers } = kept;
  const text = canonicalJson([question, site, at, revision, bundle, answers]);
  return createHmac('sha256', key).update(text).digest('base64url');
}

/** Whether the coordinator wrote this row as it stands. */
export function macHolds({ mac, ...kept }: KeptAnswers, key: MacKey): boolean {
  const [given, right] = [Buffer.from(mac), Buffer.from(macOf(kept, key))];
  return given.length === right.length && timingSafeEqual(given, right);
}

const list = z.array(
  z.object({ bindings: z.custom<Answer['bindings']>(), standing: z.custom<Answer['standing']>() }),
);

export function readKept({ at, revision, bundle, answers: text }: KeptAnswers): LastAnswers {
  return { at, revision, bundle, answers: list.parse(JSON.parse(text)) };
}
