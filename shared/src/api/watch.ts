/** What `fleet.watch` takes and tells (docs/live.md). Times in milliseconds since 1970 UTC, by the coordinator's clock. */
import type { z } from 'zod';
import { type Answer, type Coverage, fleetAskInput, type LastKnownAnswers, type SiteOutcome } from './ask.ts';

export const fleetWatchInput = fleetAskInput.pick({
  query: true,
  prove: true,
  assume: true,
  sites: true,
  where: true,
});
export type FleetWatchInput = z.input<typeof fleetWatchInput>;

/** The whole view: first, and again where a reader fell too far behind to be told each change. */
export interface WatchState {
  readonly kind: 'state';
  readonly query: string;
  readonly variables: readonly string[];
  /** Of the sites whose outcome is `answered` or `empty`: these hold now. */
  readonly answers: readonly Answer[];
  /** Of the others: what they told last, and when. Never part of the answers. */
  readonly lastKnown: readonly LastKnownAnswers[];
  readonly coverage: Coverage;
  readonly complete: boolean;
}

/**
 * What changed at one site. Its rows hold while its outcome is `answered` or `empty`, else they are its last known ones: so a site that
 * is lost, and is back with the same answer, changes its outcome twice and no row.
 */
export interface WatchChange {
  readonly kind: 'change';
  readonly site: string;
  readonly outcome: SiteOutcome;
  readonly added: readonly Answer[];
  readonly removed: readonly Pick<Answer, 'bindings' | 'standing'>[];
  /** Of the state at the site that this is true of; null where it did not answer. */
  readonly revision: number | null;
  readonly at: number;
}

/** No target any more: what is known of it is forgotten. */
export interface WatchGone {
  readonly kind: 'gone';
  readonly site: string;
  readonly at: number;
}

export type WatchEvent = WatchState | WatchChange | WatchGone;
