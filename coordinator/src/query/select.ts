/**
 * Second stage: which sites is the question meant for? Always the registry's word, never who happens
 * to be connected, so that a site that is away is a row of the coverage and not a gap.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import type { Registry, Site } from '../sites/registry.ts';

/**
 * The named sites, each once, or all of them, sorted by name.
 * @throws LogicError `unknown_site` that lists every name the registry does not have
 */
export function select(
  registry: Pick<Registry, 'list'>,
  names: readonly string[] | undefined,
): readonly Site[] {
  const all = registry.list();
  if (names === undefined) return all;
  const wanted = new Set(names);
  const found = all.filter((site) => wanted.has(site.name));
  for (const site of found) wanted.delete(site.name);
  if (wanted.size > 0)
    throw new LogicError('unknown_site', `the registry has no site ${[...wanted].sort().join(', ')}`);
  return found;
}
