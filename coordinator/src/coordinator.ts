/**
 * A running coordinator: opens what it needs, serves, and closes in the reverse order. `main.ts` runs
 * it as a program; a test runs it in its own process.
 */

import { loadManifest } from '@fleet/shared/catalogue.ts';
import { logTo } from '@fleet/shared/log.ts';
import { Tokens } from '@fleet/shared/tokens.ts';
import { type Logger, pino } from 'pino';
import { secretOf } from './access.ts';
import { coordinatorFiles, type HostPort } from './config.ts';
import { openManifests } from './query/manifests.ts';
import { openFleet } from './query/pipeline.ts';
import { serve } from './server.ts';
import { openAuthority } from './sites/authority.ts';
import { openRegistry } from './sites/registry.ts';
import { openSessions } from './sites/sessions.ts';
import { FleetAlertLedger } from './views/alerts/ledger.ts';
import { readFleetAlerts } from './views/alerts/settings.ts';
import { FleetAlerts } from './views/alerts.ts';
import { openHistory } from './views/history.ts';
import { Views } from './views/watch.ts';
import { realWorld, type World } from './world.ts';

export interface CoordinatorOptions {
  /** Folder of registry, authority and keys; made where it is missing. */
  readonly data: string;
  /** Folder with manifest.json. */
  readonly kb: string;
  readonly listen: HostPort;
  readonly world?: World;
  readonly log?: Logger;
}

export interface Served {
  readonly url: string;
  /** Ends listener, sessions and registry; questions under way are lost with their askers' connections. */
  close(): Promise<void>;
}

/** The log goes to standard error. */
const toStandardError = () => pino({ base: { name: 'logic-fleet' } }, logTo());

export async function startCoordinator({
  data,
  kb,
  listen,
  world = realWorld,
  log = toStandardError(),
}: CoordinatorOptions): Promise<Served> {
  const files = coordinatorFiles(data);
  const manifest = await loadManifest(kb);
  const authority = await openAuthority(files.authority, world);
  const registry = openRegistry(files.registry);
  const sessions = openSessions(authority);
  const manifests = openManifests(files.manifests);
  const history = await openHistory({ file: files.history, key: authority.coordinator.key, world, log });
  const fleet = openFleet({ registry, sessions, manifest, manifests, world, history, lastKnown: history });
  const tokens = new Tokens(data, { ...world, secret: () => secretOf(world) });
  const views = new Views(fleet);
  const ledger = new FleetAlertLedger(files.alerts);
  const definitions = readFleetAlerts(files.alertSettings);
  const alerts = new FleetAlerts({ definitions, views, ledger, world, log });
  alerts.start();
  const server = await serve({ fleet, views, alerts, tokens, log }, listen);
  log.info({ url: server.url, sites: registry.list().length, bundle: manifest.bundle }, 'serving');
  return {
    url: server.url,
    close: async () => {
      await alerts.stop();
      views.stop();
      await server.close();
      await sessions.close();
      await history.close();
      registry.close();
      ledger.close();
      log.info('closed');
    },
  };
}
