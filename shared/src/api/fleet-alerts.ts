/** What `fleet.alerts` gives (docs/live.md). Times in ms since 1970 UTC, by the coordinator's clock. */
import { z } from 'zod';
import { ALERT_HISTORY_PAGE } from '../limits.ts';
import type { AlertChangeKind, Severity } from './alerts.ts';
import type { Answer, Outcome } from './ask.ts';

export const fleetAlertsInput = z.object({
  /** How many of the last changes to give. */
  history: z.int().min(0).max(ALERT_HISTORY_PAGE).default(100),
});

/** One answer of a standing query, at one site. */
export interface FleetActiveAlert {
  readonly alert: string;
  readonly site: string;
  readonly bindings: Answer['bindings'];
  readonly severity: Severity;
  readonly since: number;
  /** Its site cannot be seen: this is its last state. */
  readonly unknown: boolean;
}

export interface FleetAlertChange {
  readonly alert: string;
  readonly site: string;
  readonly bindings: Answer['bindings'];
  readonly severity: Severity;
  readonly change: AlertChangeKind;
  readonly at: number;
  /** Where it was not the site's answer that changed. */
  readonly reason: string | null;
}

/** A standing query that alerts, and how much of its fleet it sees. */
export interface FleetAlertQuery {
  readonly alert: string;
  readonly query: string;
  readonly severity: Severity;
  readonly targets: number;
  /** What is active there, or is not, nobody can say now. */
  readonly unknownSites: readonly { readonly site: string; readonly outcome: Outcome }[];
  /** Why it does not stand, where it does not. */
  readonly problem: string | null;
}

export interface FleetAlertsResult {
  readonly queries: readonly FleetAlertQuery[];
  readonly active: readonly FleetActiveAlert[];
  /** The newest first. */
  readonly history: readonly FleetAlertChange[];
  /** Webhook deliveries that no receiver has taken yet. */
  readonly undelivered: number;
}
