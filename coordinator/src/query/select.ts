/**
 * Second stage: which sites is the question meant for? Always the registry's word, never who happens
 * to be connected, so that a site that is away is a row of the coverage and not a gap. A site that is not to be
 * asked (quarantined, revoked) is a target all the same: it is skipped, with the reason.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import type { Registry, Site } from '../sites/registry.ts';
import { matches, readWhere } from './where.ts';

/** What a question says of its targets: both given, a site must be named and match. */
export interface Wanted {
  readonly sites?: readonly string[] | undefined;
  readonly where?: string | undefined;
}

export interface Targets {
  /** All targets, by name. */
  readonly all: readonly Site[];
  /** Those that are asked. */
  readonly asked: readonly Site[];
  readonly skipped: readonly { readonly site: Site; readonly reason: string }[];
}

/**
 * The targets, each once, sorted by name.
 * @throws LogicError `unknown_site` that lists every name the registry does not have, or where no site matches;
 *   `bad_request` for an expression that cannot be read
 */
export function select(registry: Pick<Registry, 'list'>, { sites, where }: Wanted): Targets {
  const named = namedOf(registry.list(), sites);
  if (where === undefined) return targetsOf(named);
  const condition = readWhere(where);
  const matching = named.filter((site) => matches(condition, site));
  if (matching.length === 0)
    throw new LogicError('unknown_site', `no site matches ${where}: ${labelsOf(named)}`);
  return targetsOf(matching);
}

function namedOf(all: readonly Site[], names: readonly string[] | undefined): readonly Site[] {
  if (names === undefined) return all;
  const wanted = new Set(names);
  const found = all.filter((site) => isNamed(site, wanted));
  for (const { name, via } of found) {
    wanted.delete(name);
    if (via) wanted.delete(via.coordinator.name);
  }
  if (wanted.size > 0)
    throw new LogicError('unknown_site', `the registry has no site ${[...wanted].sort().join(', ')}`);
  return found;
}

/** Whether one of the names is the site's, or that of the coordinator that it is behind: it stands for all of its sites. */
export function isNamed({ name, via }: Site, names: ReadonlySet<string>): boolean {
  return names.has(name) || (via !== undefined && names.has(via.coordinator.name));
}

export function targetsOf(all: readonly Site[]): Targets {
  const skipped = all.flatMap((site) => {
    const reason = reasonToSkip(site);
    return reason === null ? [] : [{ site, reason }];
  });
  const left = new Set(skipped.map(({ site }) => site));
  return { all, asked: left.size === 0 ? all : all.filter((site) => !left.has(site)), skipped };
}

function reasonToSkip({ status, reason }: Site): string | null {
  if (status === 'active') return null;
  return `the site is ${status}${reason === null ? '' : `: ${reason}`}`;
}

/** The labels that there are, so that a wrong expression can be mended. */
function labelsOf(sites: readonly Site[]): string {
  const values = new Map<string, Set<string>>();
  for (const { labels } of sites) {
    for (const [key, value] of Object.entries(labels))
      values.set(key, (values.get(key) ?? new Set()).add(value));
  }
  if (values.size === 0) return 'its targets have no labels';
  const shown = [...values].slice(0, 8).map(([key, seen]) => `${key}=${[...seen].slice(0, 5).join('|')}`);
  return `the labels are ${shown.join(', ')}`;
}
