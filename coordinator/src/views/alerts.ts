/**
 * Alerts over the fleet: each query of fleet-alerts.json stands (watch.ts), and each answer row at each site is an active alert, raised and
 * cleared by change. Of a site that cannot be seen nothing is resolved: its alerts keep their last state. They are told to be unknown
 * only when it has not been seen for FLEET_ALERT_LOSE_MS, since a site that restarts is no news.
 *
 * What is active is decided from the whole answer of a site, never from a difference: so whatever could not be written (a full disk), or was
 * missed while the coordinator was down, comes out of the next look at the view.
 */
import { Deliveries } from '@fleet/shared/alerts/deliver.ts';
import type { Delivery } from '@fleet/shared/alerts/queue.ts';
import { webhookMessageOf } from '@fleet/shared/alerts/webhook.ts';
import type { JsonValue } from '@fleet/shared/api/ask.ts';
import type { FleetAlertQuery, FleetAlertsResult } from '@fleet/shared/api/fleet-alerts.ts';
import { asLogicError } from '@fleet/shared/errors.ts';
import { FLEET_ALERT_LOSE_MS, FLEET_ALERT_RETRY_MS } from '@fleet/shared/limits.ts';
import { holds } from '@fleet/shared/live.ts';
import type { Logger } from 'pino';
import type { World } from '../world.ts';
import type { FleetAlertLedger } from './alerts/ledger.ts';
import type { AlertDefinition } from './alerts/settings.ts';
import {
  type ActiveAlerts,
  apply,
  type Bindings,
  type Change,
  changesAt,
  changesWithout,
} from './alerts/state.ts';
import type { SiteView } from './site-view.ts';
import type { View } from './view.ts';
import type { Views } from './watch.ts';

export interface FleetAlertParts {
  readonly definitions: readonly AlertDefinition[];
  readonly views: Views;
  readonly ledger: FleetAlertLedger;
  readonly world: World;
  readonly log: Logger;
}

const NO_MEMBER = 'the site is no target of this query any more';

export class FleetAlerts {
  readonly #parts: FleetAlertParts;
  readonly #standing: readonly StandingAlert[];
  readonly #deliveries: Deliveries;
  #active: ActiveAlerts = new Map();
  #callOffRetry: (() => void) | null = null;
  #stopped = false;

  constructor(parts: FleetAlertParts) {
    const { definitions, ledger, world, log } = parts;
    this.#parts = parts;
    const urls = [...new Set(definitions.flatMap(({ webhooks }) => webhooks.map(({ url }) => url)))];
    this.#deliveries = new Deliveries({ urls, queue: ledger.queue, world, log });
    this.#standing = definitions.map((definition) => new StandingAlert(definition, this));
  }

  start(): void {
    const { definitions, ledger, log } = this.#parts;
    const forgotten = ledger.forgetOthers(definitions.map(({ name }) => name));
    if (forgotten > 0) log.warn({ forgotten }, 'active alerts that fleet-alerts.json names no more');
    this.#active = ledger.active();
    this.#deliveries.start();
    for (const one of this.#standing) one.begin(this.#parts.views, this.#parts.world);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#callOffRetry?.();
    for (const one of this.#standing) one.end();
    await this.#deliveries.stop();
  }

  list(history: number): FleetAlertsResult {
    const { ledger } = this.#parts;
    const unseen = new Set(this.#standing.flatMap((one) => one.unseen()));
    const active = [...this.#active.values()].map((one) => ({
      ...one,
      unknown: one.unknown || unseen.has(JSON.stringify([one.alert, one.site])),
    }));
    return {
      queries: this.#standing.map((one) => one.describe()),
      active,
      history: ledger.history(history),
      undelivered: ledger.queue.undelivered,
    };
  }

  /** What is active at this site by this query, whether known or not. */
  activeAt(alert: string, site: string): boolean {
    for (const one of this.#active.values()) if (one.alert === alert && one.site === site) return true;
    return false;
  }

  sitesOf(alert: string): Set<string> {
    return new Set([...this.#active.values()].filter((one) => one.alert === alert).map(({ site }) => site));
  }

  seen(definition: AlertDefinition, site: string, rows: readonly Bindings[] | null): void {
    const now = this.#parts.world.now();
    this.#take(definition, changesAt(this.#active, definition, { site, rows, now }), null);
  }

  gone(definition: AlertDefinition, site: string): void {
    this.#take(definition, changesWithout(this.#active, definition.name, site), NO_MEMBER);
  }

  #take(definition: AlertDefinition, changes: readonly Change[], reason: string | null): void {
    if (changes.length === 0 || this.#stopped) return;
    const { ledger, world, log } = this.#parts;
    const at = world.now();
    const owed = changes.flatMap((change) => deliveriesOf(definition, change, { at, reason, world }));
    try {
      ledger.record({ changes, at, reason, owed });
    } catch (cause) {
      log.error(
        { err: cause, alert: definition.name },
        'changes of alerts cannot be written; they are looked for again',
      );
      return void this.#lookAgainLater();
    }
    this.#active = apply(this.#active, changes);
    for (const { change, alert } of changes)
      log.info({ change, alert: alert.alert, site: alert.site, bindings: alert.bindings }, 'alert');
    this.#deliveries.wake();
  }

  #lookAgainLater(): void {
    if (this.#callOffRetry !== null) return;
    this.#callOffRetry = this.#parts.world.after(FLEET_ALERT_RETRY_MS, () => {
      this.#callOffRetry = null;
      for (const one of this.#standing) one.lookAtAll();
    });
  }
}

/** One query of the file, and what its view shows. */
class StandingAlert {
  readonly #definition: AlertDefinition;
  readonly #alerts: FleetAlerts;
  #view: View | null = null;
  #world: World | null = null;
  #leave: () => void = () => {};
  #callOffTry: () => void = () => {};
  #problem: string | null = 'it is not looked at yet';
  /** Sites that have not been seen for a while, or soon will not have been. */
  readonly #losing = new Map<string, () => void>();

  constructor(definition: AlertDefinition, alerts: FleetAlerts) {
    this.#definition = definition;
    this.#alerts = alerts;
  }

  /** A question that cannot stand now (no site matches yet) is tried again. */
  begin(views: Views, world: World): void {
    const { query, sites, where } = this.#definition;
    this.#world = world;
    let view: View | null = null;
    const follower = {
      ready: () => {
        // `follow` may say so before it returns.
        queueMicrotask(() => this.lookAtAll());
      },
      event: (event: { kind: string; site?: string }) => {
        if (event.site !== undefined) this.#look(event.site);
      },
    };
    try {
      const followed = views.follow({ query, ...(sites && { sites }), ...(where && { where }) }, follower);
      view = followed.view;
      this.#leave = followed.leave;
      this.#view = view;
      this.#problem = null;
    } catch (cause) {
      this.#problem = asLogicError(cause).message;
      this.#callOffTry = world.after(FLEET_ALERT_RETRY_MS, () => this.begin(views, world));
    }
  }

  end(): void {
    this.#callOffTry();
    this.#leave();
    for (const callOff of this.#losing.values()) callOff();
    this.#losing.clear();
  }

  lookAtAll(): void {
    if (this.#view === null || !this.#view.ready) return;
    const sites = new Set(this.#view.sites.map(({ verdict }) => verdict.outcome.site));
    for (const site of this.#alerts.sitesOf(this.#definition.name)) sites.add(site);
    for (const site of sites) this.#look(site);
  }

  /** `[alert, site]` as JSON for each target that cannot be seen now. */
  unseen(): string[] {
    const { name } = this.#definition;
    return this.#unknown().map(({ site }) => JSON.stringify([name, site]));
  }

  describe(): FleetAlertQuery {
    const { name, query, severity } = this.#definition;
    const targets = this.#view?.sites.length ?? 0;
    return { alert: name, query, severity, targets, unknownSites: this.#unknown(), problem: this.#problem };
  }

  #unknown(): FleetAlertQuery['unknownSites'] {
    const sites = this.#view?.sites ?? [];
    return sites
      .filter((site) => rowsOf(site) === null)
      .map(({ verdict: { outcome } }) => ({ site: outcome.site, outcome: outcome.outcome }));
  }

  #look(site: string): void {
    const known = this.#view?.site(site);
    if (known === undefined) {
      this.#callOffLosing(site);
      return void this.#alerts.gone(this.#definition, site);
    }
    if (known.pending) return;
    const rows = rowsOf(known);
    if (rows === null) return void this.#loseSoon(site);
    this.#callOffLosing(site);
    this.#alerts.seen(this.#definition, site, rows);
  }

  #loseSoon(site: string): void {
    if (this.#losing.has(site) || !this.#alerts.activeAt(this.#definition.name, site)) return;
    const callOff = this.#world?.after(FLEET_ALERT_LOSE_MS, () => {
      this.#losing.delete(site);
      const known = this.#view?.site(site);
      if (known !== undefined && rowsOf(known) === null) this.#alerts.seen(this.#definition, site, null);
    });
    if (callOff !== undefined) this.#losing.set(site, callOff);
  }

  #callOffLosing(site: string): void {
    this.#losing.get(site)?.();
    this.#losing.delete(site);
  }
}

/** The rows that hold at a site now; null where it cannot be seen, or means something else by the same words. */
function rowsOf({ verdict, rows }: SiteView): readonly Bindings[] | null {
  if (!holds(verdict.outcome) || verdict.apart !== undefined) return null;
  return rows.map(({ bindings }) => bindings);
}

function deliveriesOf(
  { webhooks, query }: AlertDefinition,
  { change, alert: one, before }: Change,
  { at, reason, world }: { readonly at: number; readonly reason: string | null; readonly world: World },
): Delivery[] {
  const group = { alertname: one.alert, site: one.site, ...labelsOf(one.bindings) };
  const annotations = { query, ...(reason !== null && { reason }) };
  const news = { receiver: 'logic-fleet', group, severity: one.severity, change, at, before, annotations };
  const body = JSON.stringify(webhookMessageOf(news));
  return webhooks.map(({ url }) => ({ id: world.uuid(), url, body, queuedAt: at }));
}

/** Variables are labels: they begin with a capital, so none is `site` or `severity`. */
function labelsOf(bindings: Bindings): Record<string, string> {
  return Object.fromEntries(Object.entries(bindings).map(([name, value]) => [name, textOf(value)]));
}

function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
