/** What `site.alerts` gives. Times in ms since 1970 UTC. */
import { z } from 'zod';
import { ALERT_HISTORY_PAGE } from '../limits.ts';

export const ALERT_CHANGE_KINDS = ['raise', 'clear', 'lose', 'regain'] as const;
/** `lose`: the evidence went missing, and the alert stays active and is unknown until `regain`. */
export type AlertChangeKind = (typeof ALERT_CHANGE_KINDS)[number];

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const alertsInput = z.object({
  /** How many of the last changes to give. */
  history: z.int().min(0).max(ALERT_HISTORY_PAGE).default(100),
});

export interface ActiveAlert {
  readonly alert: string;
  readonly subject: string;
  readonly severity: Severity;
  readonly since: number;
  /** Its evidence is missing. */
  readonly unknown: boolean;
}

export interface AlertChange {
  readonly alert: string;
  readonly subject: string;
  readonly severity: Severity;
  readonly change: AlertChangeKind;
  readonly at: number;
  readonly revision: number;
}

export interface AlertsResult {
  readonly site: string;
  readonly revision: number;
  readonly active: readonly ActiveAlert[];
  /** The newest first. */
  readonly history: readonly AlertChange[];
  /** Webhook deliveries that no receiver has taken yet. */
  readonly undelivered: number;
}
