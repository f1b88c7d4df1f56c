/**
 * The part of a live view that is one site, as a pure core: what is known of it, what it told, and what that changes. No I/O, no clock.
 *
 * What a site tells is its whole answer, so nothing can be missed or doubled by applying it: the difference to what was known is what
 * readers are told. A site that is lost keeps its rows, as its last known ones; so does one that is rejected. A revision below one
 * that was accepted is rejected: it is an old event, or a copy of the site.
 */
import type { Answer, SiteOutcome } from '@fleet/shared/api/ask.ts';
import type { WatchChange } from '@fleet/shared/api/watch.ts';
import { holds, rowKey } from '@fleet/shared/live.ts';
import type { Verdict } from '../query/verify.ts';

export interface SiteView {
  /** As the pipeline has it: what `fleet.ask` over the view is merged from. */
  readonly verdict: Verdict;
  /** Of the last answer that was accepted. */
  readonly rows: readonly Answer[];
  /** When that came; null where none has. */
  readonly rowsAt: number | null;
  /** The highest revision that was accepted; -1 at first. */
  readonly revision: number;
  /** When the outcome became what it is. */
  readonly since: number;
}

export interface Step {
  readonly site: SiteView;
  /** Null where readers have nothing to learn. */
  readonly change: WatchChange | null;
}

/** A site about which nothing is known yet, or that is not watched, with the reason in its outcome. */
export function newSite(outcome: SiteOutcome, now: number): SiteView {
  return { verdict: { outcome, answers: [] }, rows: [], rowsAt: null, revision: -1, since: now };
}

/** What becomes of a site when it told this, or was lost. */
export function take(before: SiteView, told: Verdict, now: number): Step {
  const verdict = refuseOld(before, told);
  if (!holds(verdict.outcome)) return failed(before, verdict, now);
  const { answers, outcome } = verdict;
  const site: SiteView = {
    verdict,
    rows: answers,
    rowsAt: now,
    revision: Math.max(before.revision, outcome.revision ?? -1),
    since: sameOutcome(before.verdict.outcome, outcome) ? before.since : now,
  };
  const { added, removed } = difference(before.rows, answers);
  const changed = added.length > 0 || removed.length > 0 || !sameOutcome(before.verdict.outcome, outcome);
  return { site, change: changed ? changeTo(site, added, removed, now) : null };
}

function failed(before: SiteView, verdict: Verdict, now: number): Step {
  if (sameOutcome(before.verdict.outcome, verdict.outcome)) return { site: before, change: null };
  const site = { ...before, verdict, since: now };
  return { site, change: changeTo(site, [], [], now) };
}

function refuseOld(before: SiteView, told: Verdict): Verdict {
  const { outcome } = told;
  if (!holds(outcome) || outcome.revision === null || outcome.revision >= before.revision) return told;
  const message = `it told revision ${outcome.revision} after revision ${before.revision}`;
  return {
    outcome: { ...outcome, outcome: 'rejected', code: 'stale_revision', message, answers: 0 },
    answers: [],
  };
}

/** Revision and counts may differ: they are told with the rows that they belong to. */
function sameOutcome(a: SiteOutcome, b: SiteOutcome): boolean {
  const rough = holds(a) && holds(b);
  return (
    (rough || a.outcome === b.outcome) &&
    a.code === b.code &&
    a.bundle === b.bundle &&
    a.message === b.message
  );
}

function changeTo(
  { verdict: { outcome } }: SiteView,
  added: readonly Answer[],
  removed: readonly Answer[],
  at: number,
): WatchChange {
  return {
    kind: 'change',
    site: outcome.site,
    outcome,
    added,
    removed: removed.map(({ bindings, standing }) => ({ bindings, standing })),
    revision: holds(outcome) ? outcome.revision : null,
    at,
  };
}

function difference(
  before: readonly Answer[],
  after: readonly Answer[],
): { added: readonly Answer[]; removed: readonly Answer[] } {
  const were = new Set(before.map(rowKey));
  const are = new Set(after.map(rowKey));
  return {
    added: after.filter((row) => !were.has(rowKey(row))),
    removed: before.filter((row) => !are.has(rowKey(row))),
  };
}
