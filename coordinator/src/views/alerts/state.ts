/**
 * What a site's answer changes about the alerts of one standing query: a pure core. An answer row is an active alert. Of a site that
 * cannot be seen nothing is resolved and nothing raised: its alerts keep their last state, and are unknown.
 */
import type { AlertChangeKind, Severity } from '@fleet/shared/api/alerts.ts';
import type { Answer } from '@fleet/shared/api/ask.ts';
import type { FleetActiveAlert } from '@fleet/shared/api/fleet-alerts.ts';

export type Bindings = Answer['bindings'];

export interface Change {
  readonly change: AlertChangeKind;
  /** As it is from now on; as it was, where it is cleared. */
  readonly alert: FleetActiveAlert;
  /** What was active in its place. */
  readonly before: FleetActiveAlert | null;
}

/** By `placeOf`. */
export type ActiveAlerts = ReadonlyMap<string, FleetActiveAlert>;

export function placeOf({
  alert,
  site,
  bindings,
}: Pick<FleetActiveAlert, 'alert' | 'site' | 'bindings'>): string {
  return JSON.stringify([alert, site, bindings]);
}

/** What is seen of a site now: its rows, or null where it cannot be seen. */
export interface Seen {
  readonly site: string;
  readonly rows: readonly Bindings[] | null;
  readonly now: number;
}

interface Query {
  readonly name: string;
  readonly severity: Severity;
}

export function changesAt(active: ActiveAlerts, query: Query, { site, rows, now }: Seen): Change[] {
  const own = [...active.values()].filter((one) => one.alert === query.name && one.site === site);
  if (rows === null) {
    const known = own.filter(({ unknown }) => !unknown);
    return known.map((before) => ({ change: 'lose', alert: { ...before, unknown: true }, before }));
  }
  const here = rows.map((bindings) => ({ alert: query.name, site, bindings }));
  const places = new Set(here.map(placeOf));
  const cleared = own.filter((one) => !places.has(placeOf(one)));
  return [
    ...cleared.map((before): Change => ({ change: 'clear', alert: before, before })),
    ...here.flatMap((row): Change[] => changeOf(row, active.get(placeOf(row)) ?? null, query.severity, now)),
  ];
}

function changeOf(
  row: Pick<FleetActiveAlert, 'alert' | 'site' | 'bindings'>,
  before: FleetActiveAlert | null,
  severity: Severity,
  now: number,
): Change[] {
  // Another severity is another alert to its receivers.
  if (before === null || before.severity !== severity)
    return [{ change: 'raise', alert: { ...row, severity, since: now, unknown: false }, before }];
  return before.unknown ? [{ change: 'regain', alert: { ...before, unknown: false }, before }] : [];
}

/** A site that is no member any more has no alerts: an operator took it away, it is not that it cannot be seen. */
export function changesWithout(active: ActiveAlerts, alert: string, site: string): Change[] {
  const own = [...active.values()].filter((one) => one.alert === alert && one.site === site);
  return own.map((before) => ({ change: 'clear', alert: before, before }));
}

export function apply(active: ActiveAlerts, changes: readonly Change[]): Map<string, FleetActiveAlert> {
  const next = new Map(active);
  for (const { change, alert } of changes) {
    if (change === 'clear') next.delete(placeOf(alert));
    else next.set(placeOf(alert), alert);
  }
  return next;
}
