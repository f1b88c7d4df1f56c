/**
 * What changed between two runs of a question. Only sites whose answers are known in both runs are compared: that a site did not
 * answer is a change of its outcome, and takes none of its answers away.
 *
 * Two different answers of a site are one that changed, where they have the same value of the first variable and no other
 * answer that only one of the runs has, has it too; else they are one removed and one added.
 */
import type { Answer, FleetJoin, FleetResult, SiteOutcome } from '@fleet/shared/api/ask.ts';
import type { DiffAnswer, HistoryDiff } from '@fleet/shared/api/history.ts';
import { canonicalJson } from './canonical.ts';

export function diff(a: FleetResult, b: FleetResult): Omit<HistoryDiff, 'a' | 'b'> {
  const [before, after] = [outcomesOf(a), outcomesOf(b)];
  const [wasKnown, isKnown] = [knownOf(a), knownOf(b)];
  const both = [...before.keys()].filter((site) => after.has(site)).sort();
  const changed = both.flatMap((site) => {
    const [from, to] = [shown(before.get(site)), shown(after.get(site))];
    return canonicalJson(from) === canonicalJson(to) ? [] : [{ site, from, to }];
  });
  const known = both.filter((site) => wasKnown.has(site) && isKnown.has(site));
  return {
    sites: {
      added: [...after.keys()].filter((site) => !before.has(site)).sort(),
      removed: [...before.keys()].filter((site) => !after.has(site)).sort(),
      changed,
    },
    answers: answersOf(a, b, known),
    groups: groupsOf(a, b),
    joined:
      a.join === null || b.join === null || !a.complete || !b.complete ? null : joinedOf(a.join, b.join),
    unknown: both.filter((site) => wasKnown.has(site) !== isKnown.has(site)),
  };
}

function outcomesOf({ coverage }: FleetResult): Map<string, SiteOutcome> {
  return new Map(coverage.sites.map((row) => [row.site, row]));
}

function shown(row: SiteOutcome | undefined): Pick<SiteOutcome, 'outcome' | 'code'> {
  return { outcome: row?.outcome ?? 'skipped', code: row?.code ?? null };
}

/** Sites whose answers are in the result, be they none: not those that run other core rules, which stand apart. */
function knownOf({ coverage, bundles }: FleetResult): Set<string> {
  const apart = new Set(bundles.filter(({ own }) => !own).flatMap(({ sites }) => sites));
  const good = coverage.sites.filter(({ outcome }) => outcome === 'answered' || outcome === 'empty');
  return new Set(good.map(({ site }) => site).filter((site) => !apart.has(site)));
}

function groupsOf(a: FleetResult, b: FleetResult): HistoryDiff['groups'] {
  const values = ({ groups }: FleetResult) =>
    new Map(groups.map(({ group, value, bound }) => [group, { value, bound }]));
  const [before, after] = [values(a), values(b)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((group) => {
    const [from, to] = [before.get(group) ?? null, after.get(group) ?? null];
    return canonicalJson(from) === canonicalJson(to) ? [] : [{ group, from, to }];
  });
}

function joinedOf(a: FleetJoin, b: FleetJoin): HistoryDiff['joined'] {
  const rows = (join: FleetJoin) =>
    new Map(
      join.rows.map(({ bindings, standing }) => [
        canonicalJson({ bindings, standing }),
        { bindings, standing },
      ]),
    );
  const [before, after] = [rows(a), rows(b)];
  const only = (some: typeof before, others: typeof before) =>
    [...some].filter(([text]) => !others.has(text)).map(([, row]) => row);
  return { added: only(after, before), removed: only(before, after) };
}

function answersOf(a: FleetResult, b: FleetResult, sites: readonly string[]): HistoryDiff['answers'] {
  const [before, after] = [bySite(a), bySite(b)];
  const key = b.variables[0];
  const added: DiffAnswer[] = [];
  const removed: DiffAnswer[] = [];
  const changed: { from: DiffAnswer; to: DiffAnswer }[] = [];
  let same = 0;
  for (const site of sites) {
    const [was, is] = [indexed(before.get(site)), indexed(after.get(site))];
    const gone = [...was].filter(([text]) => !is.has(text)).map(([, answer]) => answer);
    const come = [...is].filter(([text]) => !was.has(text)).map(([, answer]) => answer);
    same += is.size - come.length;
    const pairs = pairsOf(gone, come, key);
    changed.push(...pairs);
    removed.push(...gone.filter((answer) => !pairs.some(({ from }) => from === answer)));
    added.push(...come.filter((answer) => !pairs.some(({ to }) => to === answer)));
  }
  return { added, removed, changed, same };
}

function bySite({ answers }: FleetResult): Map<string, readonly Answer[]> {
  return Map.groupBy(answers, ({ site }) => site);
}

/** Answers by their text, without proofs: a proof differs each time, for it cites the clock. */
function indexed(answers: readonly Answer[] = []): Map<string, DiffAnswer> {
  return new Map(
    answers.map(({ site, bindings, standing }) => {
      const answer = { site, bindings, standing };
      return [canonicalJson(answer), answer];
    }),
  );
}

/** Answers that only differ in something else than `key`; without a variable, those that differ in standing. */
function pairsOf(
  gone: readonly DiffAnswer[],
  come: readonly DiffAnswer[],
  key: string | undefined,
): { from: DiffAnswer; to: DiffAnswer }[] {
  const subject = ({ bindings }: DiffAnswer) =>
    canonicalJson(key === undefined ? null : (bindings[key] ?? null));
  const was = Map.groupBy(gone, subject);
  return [...Map.groupBy(come, subject)].flatMap(([value, [to, ...more]]) => {
    const [from, ...others] = was.get(value) ?? [];
    return from && to && more.length === 0 && others.length === 0 ? [{ from, to }] : [];
  });
}
