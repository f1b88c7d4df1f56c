/** The alerts of a site, put together: the pass that decides, the ledger that remembers, the deliveries that tell. */
import { Deliveries } from '@fleet/shared/alerts/deliver.ts';
import type { SiteConfig } from '../../config.ts';
import type { TelemetryParts } from '../pipeline.ts';
import { AlertLedger } from './ledger.ts';
import { AlertPass } from './pass.ts';
import { readAlertSettings } from './settings.ts';

export interface Alerts {
  readonly pass: AlertPass;
  readonly ledger: AlertLedger;
  readonly deliveries: Deliveries;
}

/** Puts them together, not started. Throws `bad_setup` for an alerts.json that cannot be read. */
export function makeAlerts(
  { site, data }: Pick<SiteConfig, 'site' | 'data'>,
  telemetry: TelemetryParts,
): Alerts {
  const urls = readAlertSettings(data).webhooks.map(({ url }) => url);
  const { engine, journal, sync, world, log } = telemetry;
  const ledger = new AlertLedger(journal);
  const deliveries = new Deliveries({ urls, queue: ledger.queue, world, log });
  const onQueued = () => deliveries.wake();
  return {
    ledger,
    deliveries,
    pass: new AlertPass({ site, urls, engine, journal, ledger, sync, onQueued, world, log }),
  };
}
