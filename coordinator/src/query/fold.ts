/**
 * One value from the results of one aggregate at many sites, for the fleet or for each group of it.
 *
 * A number over part of a group would lie, so it is given as a bound: a count, a sum of what the goal itself keeps from being
 * negative, a maximum, a set and a list can only grow, a minimum can only fall; of any other sum nothing is known.
 * Integers are exact. Floats are added in the order of the site names, so that the same answers give the same bits.
 */
import type { Answer, Bound, FleetGroup, JsonValue, Standing } from '@fleet/shared/api/ask.ts';
import { fromJson, toJson } from '@fleet/shared/json.ts';
import { compareValues, float, int, list, type Term } from '@fleet/shared/term.ts';
import type { Site } from '../sites/registry.ts';
import type { Fold, GroupBy } from './plan.ts';
import { weakest } from './standing.ts';

/** What came of the targets: by site, the answers that may be merged; a site that is not here is unknown. */
export interface Basis {
  readonly targets: readonly Site[];
  readonly answers: ReadonlyMap<string, readonly Answer[]>;
  /** How a site's word that there is nothing stands. */
  readonly word: Standing;
}

export function fold(spec: Fold, basis: Basis): FleetGroup[] {
  return grouped(spec.groupBy, basis.targets).map(([group, sites]) => {
    const known = sites.filter(({ name }) => basis.answers.has(name));
    const unknownSites = sites.filter(({ name }) => !basis.answers.has(name)).map(({ name }) => name);
    const answers = known.flatMap(({ name }) => basis.answers.get(name) ?? []);
    const value = combine(spec, answers);
    const bound = value === 'no number' ? 'unknown' : boundOf(spec, value, unknownSites.length > 0);
    return {
      group,
      value: bound === 'unknown' || value === 'no number' || value === null ? null : toJson(value),
      bound,
      unknownSites,
      standing: standingOf(known, basis),
      sites: known.map(({ name }) => name),
    };
  });
}

/** The weakest of the answers and, for each site that has none, of its word that there is nothing. */
export function standingOf(sites: readonly Site[], { answers, word }: Basis): Standing | null {
  return weakest(
    sites.flatMap(({ name, kind }): Standing[] => {
      const own = answers.get(name) ?? [];
      if (own.length > 0) return own.map(({ standing }) => standing);
      return [kind === 'stock' ? 'unproved' : word];
    }),
  );
}

/** The targets by group, in the order of the groups; those without the label last. */
export function grouped(by: GroupBy, targets: readonly Site[]): [string | null, readonly Site[]][] {
  if (by === 'fleet') return [[null, targets]];
  if (by === 'site') return targets.map((site) => [site.name, [site]]);
  const groups = Map.groupBy(targets, ({ labels }) =>
    Object.hasOwn(labels, by.label) ? labels[by.label] : null,
  );
  return [...groups]
    .map(([group, sites]): [string | null, readonly Site[]] => [group ?? null, sites])
    .sort(([a], [b]) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1));
}

function boundOf({ op, nonNegative }: Fold, value: Term | null, partial: boolean): Bound {
  if (!partial) return 'exact';
  if (op === 'min') return value === null ? 'unknown' : 'at_most';
  if (op === 'max') return value === null ? 'unknown' : 'at_least';
  return op === 'sum' && !nonNegative ? 'unknown' : 'at_least';
}

/** Null where there is nothing: the least of nothing is nothing. A sum too large for a float is no number. */
function combine({ op, variable, base }: Fold, answers: readonly Answer[]): Term | null | 'no number' {
  const listed = op === 'set' || op === 'list';
  const values = answers.map(({ bindings }) =>
    fromJson(bindings[variable] as JsonValue, listed ? `list(${base})` : base),
  );
  switch (op) {
    case 'count':
      return int(values.reduce((sum, one) => sum + integer(one), 0n));
    case 'sum': {
      if (base === 'integer') return int(values.reduce((sum, one) => sum + integer(one), 0n));
      const sum = values.reduce((total, one) => total + (one.kind === 'float' ? one.value : 0), 0);
      return Number.isFinite(sum) ? float(sum === 0 ? 0 : sum) : 'no number';
    }
    case 'min':
      return extreme(values, -1);
    case 'max':
      return extreme(values, 1);
    case 'list':
      return list(values.flatMap(itemsOf));
    case 'set':
      return list(distinct(values.flatMap(itemsOf)));
  }
}

const integer = (term: Term): bigint => (term.kind === 'int' ? term.value : 0n);
const itemsOf = (term: Term): readonly Term[] => (term.kind === 'list' ? term.items : []);

function extreme(values: readonly Term[], sign: 1 | -1): Term | null {
  return values.reduce<Term | null>(
    (best, one) => (best === null || sign * compareValues(one, best) > 0 ? one : best),
    null,
  );
}

function distinct(values: readonly Term[]): Term[] {
  return values
    .toSorted(compareValues)
    .filter((one, i, all) => i === 0 || compareValues(one, all[i - 1] as Term) !== 0);
}
