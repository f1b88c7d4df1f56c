/**
 * A live view as its reader keeps it: the first state, and each change after it. Pure: whoever reads `fleet.watch` folds its events
 * with `follow`, and has at each moment what the coordinator has.
 */
import type { Answer, SiteOutcome } from './api/ask.ts';
import type { WatchEvent } from './api/watch.ts';

export interface LiveSite {
  readonly outcome: SiteOutcome;
  /** They hold while `holds(outcome)`, else they are what the site told last. */
  readonly rows: readonly Answer[];
}

export type LiveView = ReadonlyMap<string, LiveSite>;

/** Whether the rows of a site with this outcome are part of the answer. */
export function holds({ outcome }: Pick<SiteOutcome, 'outcome'>): boolean {
  return outcome === 'answered' || outcome === 'empty';
}

/** Two answers of one site are the same row when this is equal; their proofs may differ. */
export function rowKey({ bindings, standing }: Pick<Answer, 'bindings' | 'standing'>): string {
  return JSON.stringify([bindings, standing]);
}

export function follow(view: LiveView, event: WatchEvent): LiveView {
  if (event.kind === 'state') {
    const rows = Map.groupBy(
      [...event.answers, ...event.lastKnown.flatMap(({ answers }) => answers)],
      ({ site }) => site,
    );
    return new Map(
      event.coverage.sites.map((outcome) => [outcome.site, { outcome, rows: rows.get(outcome.site) ?? [] }]),
    );
  }
  const next = new Map(view);
  if (event.kind === 'gone') {
    next.delete(event.site);
    return next;
  }
  const { site, outcome, added, removed } = event;
  const left = new Set(removed.map(rowKey));
  const rows = (view.get(site)?.rows ?? []).filter((row) => !left.has(rowKey(row)));
  next.set(site, { outcome, rows: added.length === 0 && left.size === 0 ? rows : [...rows, ...added] });
  return next;
}
