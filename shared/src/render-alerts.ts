/** Alerts of a site for a terminal: what is active first, then what changed, the newest first. */
import type { AlertsResult } from './api/alerts.ts';
import { table, timeText, withAge } from './render.ts';

/** `now` in ms since 1970. */
export function renderAlerts({ site, active, history, undelivered }: AlertsResult, now: number): string {
  const lines = [`${site}: ${active.length === 0 ? 'no alert is active' : `${active.length} active`}`];
  if (active.length > 0)
    lines.push(
      ...table([
        ['SEVERITY', 'ALERT', 'SUBJECT', 'SINCE', ''],
        ...active.map(({ severity, alert, subject, since, unknown }) => [
          severity,
          alert,
          subject,
          withAge(now - since),
          unknown ? 'unknown: its evidence is missing' : '',
        ]),
      ]),
    );
  if (history.length > 0)
    lines.push(
      '',
      'Last changes',
      ...table([
        ['CHANGE', 'SEVERITY', 'ALERT', 'SUBJECT', 'REVISION', 'WHEN'],
        ...history.map(({ change, severity, alert, subject, revision, at }) => [
          change,
          severity,
          alert,
          subject,
          String(revision),
          timeText(at),
        ]),
      ]),
    );
  if (undelivered > 0) lines.push('', `${undelivered} webhook deliveries that no receiver has taken yet`);
  return `${lines.join('\n')}\n`;
}
