/** What `fleet.explain` gives: how a question would be asked, without asking it (docs/fleet.md). */
import type { FleetResult, JoinPart } from './ask.ts';

/** One goal as it would be sent. */
export interface PlannedPart {
  /** Canonical text. */
  readonly query: string;
  /** Of a join: at which sites. */
  readonly at: JoinPart['at'] | null;
  readonly negated: boolean;
  readonly variables: readonly string[];
  /** Sites that it is sent to. */
  readonly sites: number;
  /** From the last time it was asked, scaled to these sites; null where it never was. */
  readonly expectedRows: number | null;
  /** More are refused by a site. */
  readonly mostRows: number;
}

/** How the deadline is shared out, milliseconds. */
export interface Budget {
  readonly deadlineMs: number;
  /** Until the last site is asked, if all are slow. */
  readonly sendingMs: number;
  /** What a site may take for its reply, and of that for finding and proving answers. */
  readonly siteMs: number;
  readonly questionMs: number;
  /** Left for the way, and for checking replies; 0 where the deadline cuts slow sites off. */
  readonly restMs: number;
}

export interface FleetPlan {
  readonly query: string;
  readonly kind: FleetResult['kind'];
  readonly variables: readonly string[];
  readonly targets: {
    readonly asked: readonly string[];
    readonly skipped: readonly { readonly site: string; readonly reason: string }[];
  };
  readonly parts: readonly PlannedPart[];
  /** What sites compute that the fleet is asked for. */
  readonly pushed: readonly string[];
  /** What the coordinator computes, and what is not pushed down, with the reason. */
  readonly here: readonly string[];
  /** The share of the targets that must answer. */
  readonly share: number;
  readonly maxAgeMs: number | null;
  readonly budget: Budget;
  /** Rows that the join takes in, and may give; it is refused where more are expected. */
  readonly join: {
    readonly expectedRows: number | null;
    readonly mostRows: number;
    readonly mostGiven: number;
    readonly refused: boolean;
  } | null;
}
