/**
 * Watches the alerts of all sites and pages somebody when one is raised or over:
 *
 *   node coordinator/examples/watch-and-page.ts http://127.0.0.1:8080 https://ntfy.example/my-rack
 *
 * Each page is one POST of plain text; without an address they are printed. What a site that is silent said last is neither over nor raised
 * again: it is told once that the site is silent, and its alerts stay as they were. When the coordinator is away the script goes on
 * trying, and what it is told first then is compared with what it knew, so nothing is missed or told twice.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { connectFleet, LogicError } from '@fleet/coordinator/client';

const [url = 'http://127.0.0.1:8080', receiver] = process.argv.slice(2);
const { fleet } = connectFleet({ url, token: process.env.LOGIC_TOKEN });
const QUERY = 'active_alert(Alert, Subject, Severity)';

interface Row {
  readonly bindings: Readonly<Record<string, unknown>>;
}
/** Alerts by site, as last heard, and whether the site speaks. */
const known = new Map<string, Set<string>>();
const silent = new Set<string>();

for (;;) {
  try {
    for await (const event of fleet.watch.subscribe({ query: QUERY })) {
      if (event.kind === 'gone') {
        known.delete(event.site);
        silent.delete(event.site);
      } else if (event.kind === 'state') {
        const rows = Map.groupBy(event.answers, ({ site }) => site);
        for (const { site, outcome } of event.coverage.sites) await hear(site, outcome, rows.get(site) ?? []);
      } else {
        const { site, outcome, added, removed } = event;
        const gone = new Set(removed.map(textOf));
        const kept = [...(known.get(site) ?? [])].filter((alert) => !gone.has(alert));
        await hearAlerts(site, outcome.outcome, [...kept, ...added.map(textOf)]);
      }
    }
  } catch (error) {
    if (!(error instanceof LogicError) || error.code !== 'unreachable') throw error;
    console.error('no coordinator; trying again');
    await delay(1_000);
  }
}

function textOf({ bindings }: Row): string {
  return `${bindings.Severity}: ${bindings.Alert} of ${bindings.Subject}`;
}

function hear(site: string, outcome: string, rows: readonly Row[]): Promise<void> {
  return hearAlerts(site, outcome, rows.map(textOf));
}

async function hearAlerts(site: string, outcome: string, alerts: readonly string[]): Promise<void> {
  if (outcome !== 'answered' && outcome !== 'empty') {
    if (!silent.has(site)) await page(`${site} is ${outcome}: its alerts are as they were`);
    silent.add(site);
    return;
  }
  if (silent.delete(site)) await page(`${site} is back`);
  const before = known.get(site) ?? new Set();
  const now = new Set(alerts);
  known.set(site, now);
  for (const alert of now) if (!before.has(alert)) await page(`${site}: ${alert}`);
  for (const alert of before) if (!now.has(alert)) await page(`${site}: over: ${alert}`);
}

async function page(text: string): Promise<void> {
  if (receiver === undefined) return console.log(text);
  await fetch(receiver, { method: 'POST', body: text }).catch((cause: unknown) =>
    console.error(`not sent: ${text}`, cause),
  );
}
