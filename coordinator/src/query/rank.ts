/**
 * Order and limit over the fleet, and `top/3` over it. Ties go by site name and then as the site gave them, so that the same
 * answers give the same rows; `top/3` gives all of a tie, as it does at a site.
 */
import type { Answer, FleetGroup, JsonValue } from '@fleet/shared/api/ask.ts';
import { fromJson } from '@fleet/shared/json.ts';
import { compareValues } from '@fleet/shared/term.ts';
import { type Basis, grouped, standingOf } from './fold.ts';
import type { Order, Top } from './plan.ts';

type Bindings = Readonly<Record<string, JsonValue | null>>;

/** The first rows in this order; `bindingsOf` tells a row's values, null for one that it has not: those come last. */
export function inOrder<T>(rows: readonly T[], { by, limit }: Order, bindingsOf: (row: T) => Bindings): T[] {
  const sorted =
    by.length === 0
      ? rows
      : rows.toSorted((a, b) => {
          const [x, y] = [bindingsOf(a), bindingsOf(b)];
          for (const { variable, descending, base } of by) {
            const [left, right] = [x[variable] ?? null, y[variable] ?? null];
            if (left === null || right === null) {
              if (left !== right) return left === null ? 1 : -1;
              continue;
            }
            const order = compareValues(fromJson(left, base), fromJson(right, base));
            if (order !== 0) return descending ? -order : order;
          }
          return 0;
        });
  return limit === null ? [...sorted] : sorted.slice(0, limit);
}

export interface Topped {
  readonly groups: FleetGroup[];
  readonly answers: Answer[];
}

/** The rows of which fewer than `most` in their group have a larger value, largest first, group after group. */
export function topOver({ most, variable, base, groupBy }: Top, basis: Basis): Topped {
  const kept = grouped(groupBy, basis.targets).map(([group, sites]) => {
    const known = sites.filter(({ name }) => basis.answers.has(name));
    const unknownSites = sites.filter(({ name }) => !basis.answers.has(name)).map(({ name }) => name);
    const by = [{ variable, descending: true, base }];
    const rows = inOrder(
      known.flatMap(({ name }) => basis.answers.get(name) ?? []),
      { by, limit: null },
      ({ bindings }) => bindings,
    );
    const value = (row: Answer) => fromJson(row.bindings[variable] as JsonValue, base);
    const last = rows[most - 1];
    const answers =
      last === undefined ? rows : rows.filter((row) => compareValues(value(row), value(last)) >= 0);
    const bound = unknownSites.length === 0 ? 'exact' : answers.length === 0 ? 'unknown' : 'at_least';
    const standing = standingOf(known, basis);
    const sitesOf = known.map(({ name }) => name);
    return { answers, group: { group, value: null, bound, unknownSites, standing, sites: sitesOf } as const };
  });
  return { groups: kept.map(({ group }) => group), answers: kept.flatMap(({ answers }) => answers) };
}
