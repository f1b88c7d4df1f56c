/** Alerts over the fleet for a terminal: what is active, which sites cannot be seen, then what changed, the newest first. */
import type { FleetAlertsResult } from './api/fleet-alerts.ts';
import { table, timeText, valueText, withAge } from './render.ts';

/** `now` in ms since 1970. */
export function renderFleetAlerts(
  { queries, active, history, undelivered }: FleetAlertsResult,
  now: number,
): string {
  if (queries.length === 0) return 'No query alerts: fleet-alerts.json in the data folder names them.\n';
  const lines = [active.length === 0 ? 'No alert is active.' : `${active.length} active`];
  if (active.length > 0)
    lines.push(
      ...table([
        ['SEVERITY', 'ALERT', 'SITE', 'ANSWER', 'SINCE', ''],
        ...active.map(({ severity, alert, site, bindings, since, unknown }) => [
          ...[severity, alert, site, bindingsText(bindings), withAge(now - since)],
          unknown ? 'unknown: the site cannot be seen' : '',
        ]),
      ]),
    );
  for (const { alert, targets, unknownSites, problem } of queries) {
    if (problem !== null) lines.push('', `${alert} does not stand: ${problem}`);
    if (unknownSites.length === 0) continue;
    const named = unknownSites.slice(0, NAMED).map(({ site, outcome }) => `${site} (${outcome})`);
    const more = unknownSites.length > NAMED ? `, and ${unknownSites.length - NAMED} more` : '';
    lines.push(
      '',
      `${alert}: ${unknownSites.length} of ${targets} sites cannot be seen: ${named.join(', ')}${more}`,
    );
  }
  if (history.length > 0)
    lines.push(
      '',
      'Last changes',
      ...table([
        ['CHANGE', 'SEVERITY', 'ALERT', 'SITE', 'ANSWER', 'WHEN', ''],
        ...history.map(({ change, severity, alert, site, bindings, at, reason }) => [
          ...[change, severity, alert, site, bindingsText(bindings), timeText(at), reason ?? ''],
        ]),
      ]),
    );
  if (undelivered > 0) lines.push('', `${undelivered} webhook deliveries that no receiver has taken yet`);
  return `${lines.join('\n')}\n`;
}

const NAMED = 10;

function bindingsText(bindings: FleetAlertsResult['active'][number]['bindings']): string {
  const columns = Object.entries(bindings).map(([name, value]) => `${name} = ${valueText(value)}`);
  return columns.length === 0 ? 'true' : columns.join(', ');
}
