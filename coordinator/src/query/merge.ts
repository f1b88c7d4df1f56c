/**
 * Last stage: one result from all verdicts. Answers stand by site name and, within a site, in the
 * order the site gave (which is canonical); the coverage has one row for every target. What is computed over the fleet
 * stands beside the site answers that it rests on, and what is not merged stands apart, by name.
 */
import type { Answer, BundleGroup, FleetResult, Found, SiteOutcome } from '@fleet/shared/api/ask.ts';
import { coverageOf } from '@fleet/shared/coverage.ts';
import { type Basis, fold, standingOf } from './fold.ts';
import { type Gathered, join } from './join.ts';
import type { Part } from './part.ts';
import type { Plan } from './plan.ts';
import { inOrder, topOver } from './rank.ts';
import { weakest, wordOf } from './standing.ts';
import type { Verdict } from './verify.ts';

/** Verdicts of each part, in the order of the plan's parts. `own` is the coordinator's bundle. */
export function merge(plan: Plan, verdicts: readonly (readonly Verdict[])[], own: string): FleetResult {
  const sorted = verdicts.map((some) => some.toSorted(bySite));
  const all = sorted.flat();
  const gathered = plan.parts.map((part, i) => gather(part, sorted[i] ?? []));
  const coverage = plan.join === null ? (gathered[0] as Gathered).coverage : coverageOf(worstOf(all));
  const common = {
    query: plan.query,
    kind: plan.kind,
    variables: plan.variables,
    coverage,
    complete: coverage.complete && gathered.every(({ whole }) => whole),
    bundles: bundlesOf(all, own),
    stale: all.flatMap(({ outcome, apart = [] }) => (outcome.outcome === 'stale' ? apart : [])),
    lastKnown: [],
  };
  if (plan.join !== null) return { ...common, ...joinResult(plan, gathered, sorted) };
  return { ...common, ...goalResult(plan, gathered[0] as Gathered, sorted[0] ?? []) };
}

const bySite = (a: Verdict, b: Verdict) => (a.outcome.site < b.outcome.site ? -1 : 1);

type Computed = Pick<FleetResult, 'answers' | 'groups' | 'join' | 'found' | 'standing'>;

function goalResult(plan: Plan, { part, answers }: Gathered, verdicts: readonly Verdict[]): Computed {
  const basis: Basis = {
    targets: plan.targets,
    answers: new Map(verdicts.filter(counts).map(({ outcome, answers }) => [outcome.site, answers])),
    word: wordOf(part.admitted),
  };
  const standing = standingOf(
    plan.targets.filter(({ name }) => basis.answers.has(name)),
    basis,
  );
  const found = foundOf(answers.length, verdicts, plan.parts[0] !== undefined && isLimitedAtSites(plan));
  const { fold: spec, top } = plan;
  if (spec !== null) {
    const groups = inOrder(fold(spec, basis), plan.order, ({ value }) => ({ [spec.variable]: value }));
    return { answers, groups, join: null, found, standing };
  }
  if (top !== null) {
    const topped = topOver(top, basis);
    const rows = inOrder(topped.answers, plan.order, ({ bindings }) => bindings);
    return { answers: rows, groups: topped.groups, join: null, found, standing };
  }
  const rows = inOrder(answers, plan.order, ({ bindings }) => bindings);
  return { answers: rows, groups: [], join: null, found, standing };
}

function joinResult(
  plan: Plan,
  gathered: readonly Gathered[],
  verdicts: readonly (readonly Verdict[])[],
): Computed {
  const { parts, rows } = join(plan.join as NonNullable<Plan['join']>, gathered);
  return {
    answers: [],
    groups: [],
    join: { parts, rows: inOrder(rows, plan.order, ({ bindings }) => bindings) },
    found: foundOf(rows.length, verdicts.flat(), false),
    standing: weakest(rows.map(({ standing }) => standing)),
  };
}

/** Whether the answers of this site are part of the result, be they none. */
function counts({ outcome, apart }: Verdict): boolean {
  return apart === undefined && (outcome.outcome === 'answered' || outcome.outcome === 'empty');
}

function isLimitedAtSites({ kind, order, pushed }: Plan): boolean {
  return kind === 'rows' && order.limit !== null && pushed.length > 0;
}

function foundOf(value: number, verdicts: readonly Verdict[], limited: boolean): Found {
  const unknown = new Set(verdicts.filter((one) => !counts(one)).map(({ outcome }) => outcome.site));
  const unknownSites = [...unknown].sort();
  return { value, bound: unknownSites.length > 0 || limited ? 'at_least' : 'exact', unknownSites };
}

function gather(part: Part, verdicts: readonly Verdict[]): Gathered {
  return {
    part,
    answers: verdicts.flatMap(({ answers }) => answers),
    coverage: coverageOf(verdicts.map(({ outcome }) => outcome)),
    whole: verdicts.length > 0 && verdicts.every(counts),
  };
}

/** One row a site where it was asked several goals: the outcome of the one that went worst. */
function worstOf(verdicts: readonly Verdict[]): SiteOutcome[] {
  const bySite = Map.groupBy(verdicts, ({ outcome }) => outcome.site);
  return [...bySite.values()]
    .map((own) => {
      const outcomes = own.map(({ outcome }) => outcome);
      const failed = outcomes.find(({ outcome }) => outcome !== 'answered' && outcome !== 'empty');
      const best = outcomes.find(({ outcome }) => outcome === 'answered') ?? outcomes[0];
      return {
        ...((failed ?? best) as SiteOutcome),
        ms: Math.max(...outcomes.map(({ ms }) => ms)),
        answers: outcomes.reduce((sum, { answers }) => sum + answers, 0),
      };
    })
    .sort((a, b) => (a.site < b.site ? -1 : 1));
}

/** Sites by the bundle that their signed replies name; one that gave no signed reply is in none. */
function bundlesOf(verdicts: readonly Verdict[], own: string): BundleGroup[] {
  const named = verdicts.filter(({ outcome }) => outcome.bundle !== null);
  const groups = Map.groupBy(named, ({ outcome }) => outcome.bundle as string);
  return [...groups]
    .map(([bundle, some]) => ({
      bundle,
      own: bundle === own,
      known: bundle === own || some.some(({ outcome }) => outcome.code !== 'bundle_mismatch'),
      sites: [...new Set(some.map(({ outcome }) => outcome.site))],
      answers: bundle === own ? [] : some.flatMap(({ apart = [] }): readonly Answer[] => apart),
    }))
    .sort((a, b) => Number(b.own) - Number(a.own) || (a.bundle < b.bundle ? -1 : 1));
}
