/** What a fleet answer must be while some sites are faulty, and what of it is not so. No I/O. */
import type { Answer, AskResult, SiteOutcome } from '@fleet/shared/api/ask.ts';
import { FAULTS, type Fault, isLie } from '../swarm/fault.ts';

/** What each site says when nothing is wrong. */
export interface Healthy {
  readonly outcomes: ReadonlyMap<string, SiteOutcome>;
  readonly answers: ReadonlyMap<string, string>;
}

export interface Judgement {
  /** Targets that are missing, or whose outcome is not the right one. */
  readonly wrong: readonly string[];
  /** Liars that are not `rejected`, or of which an answer was merged. */
  readonly believed: readonly string[];
  /** Honest sites whose answers are not all there as before. */
  readonly missing: readonly string[];
}

export function healthyOf(result: AskResult): Healthy {
  return {
    outcomes: new Map(result.coverage.sites.map((row) => [row.site, row])),
    answers: bindingsBySite(result),
  };
}

export function judge(result: AskResult, healthy: Healthy, faults: ReadonlyMap<string, Fault>): Judgement {
  const rows = new Map(result.coverage.sites.map((row) => [row.site, row]));
  const answers = bindingsBySite(result);
  const wrong: string[] = [];
  const believed: string[] = [];
  const missing: string[] = [];
  for (const [site, before] of healthy.outcomes) {
    const kind = faults.get(site)?.kind;
    const row = rows.get(site);
    const right: readonly string[] = kind === undefined ? ['as before'] : FAULTS[kind].outcomes;
    const asBefore = right.includes('as before');
    const fits =
      row !== undefined && (asBefore ? row.outcome === before.outcome : right.includes(row.outcome));
    if (!fits) wrong.push(`${site} (${kind ?? 'honest'}): ${row?.outcome} ${row?.code} ${row?.message}`);
    if (kind !== undefined && isLie(kind) && (row?.outcome !== 'rejected' || answers.has(site)))
      believed.push(site);
    if (asBefore && answers.get(site) !== healthy.answers.get(site)) missing.push(site);
    if (!asBefore && answers.has(site)) wrong.push(`${site} (${kind}): its answers were merged`);
  }
  if (rows.size !== healthy.outcomes.size || result.coverage.sites.length !== rows.size)
    wrong.push(`${result.coverage.sites.length} rows for ${healthy.outcomes.size} targets`);
  return { wrong, believed, missing };
}

/** The answers of each site that has some, as text that can be compared; proofs differ by `now`. */
function bindingsBySite({ answers }: AskResult): Map<string, string> {
  const bySite = Map.groupBy(answers, ({ site }: Answer) => site);
  return new Map(
    [...bySite].map(([site, own]) => [
      site,
      JSON.stringify(own.map(({ bindings, standing }) => [bindings, standing])),
    ]),
  );
}
