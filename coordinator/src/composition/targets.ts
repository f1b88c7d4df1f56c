/**
 * The registry as targets: in the place of a coordinator stand its sites, each by its path and with its own key, so that coverage
 * counts leaves. A coordinator whose sites are not known yet is one target under its own name: it is a gap, and is named.
 */
import type { Registry, Site } from '../sites/registry.ts';
import type { CompositionStore, Leaf } from './store.ts';

/** How a site behind another coordinator is asked. */
export interface Via {
  /** The coordinator below, as the registry has it. */
  readonly coordinator: Site;
  /** What that coordinator calls the site. */
  readonly path: string;
}

/** `list` and `get` speak of leaves; `enrolled` is the registry's own list. */
export type Targets = Registry & { enrolled(): readonly Site[] };

export function withLeaves(registry: Registry, store: Pick<CompositionStore, 'leaves'>): Targets {
  let from: readonly [readonly Site[], readonly Leaf[]] | null = null;
  let listed: readonly Site[] = [];
  const list = () => {
    const [rows, leaves] = [registry.list(), store.leaves()];
    if (from === null || from[0] !== rows || from[1] !== leaves) listed = expand(rows, leaves);
    from = [rows, leaves];
    return listed;
  };
  return {
    ...registry,
    list,
    enrolled: () => registry.list(),
    get: (name) => (name.includes('/') ? list().find((site) => site.name === name) : registry.get(name)),
  };
}

function expand(rows: readonly Site[], leaves: readonly Leaf[]): readonly Site[] {
  if (!rows.some(({ kind }) => kind === 'coordinator')) return rows;
  const below = Map.groupBy(leaves, ({ coordinator }) => coordinator);
  const targets = rows.flatMap((row) => {
    const own = row.kind === 'coordinator' ? (below.get(row.name) ?? []) : [];
    return own.length === 0 ? [row] : own.map((leaf) => targetOf(row, leaf));
  });
  return targets.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function targetOf(coordinator: Site, leaf: Leaf): Site {
  const { site, kind, subject, publicKey, fingerprint, labels, offered, since } = leaf;
  const rekeyed = offered === null ? null : 'its coordinator names another key for it than before';
  return {
    ...coordinator,
    name: `${coordinator.name}/${site}`,
    kind,
    subject,
    publicKey,
    fingerprint,
    serial: '',
    labels: { ...coordinator.labels, ...labels },
    enrolledAt: since,
    status: coordinator.status === 'active' && rekeyed !== null ? 'quarantined' : coordinator.status,
    reason: coordinator.reason ?? rekeyed,
    via: { coordinator, path: site },
  };
}
