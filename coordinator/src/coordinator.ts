/**
 * A running coordinator: opens what it needs, serves, and closes in the reverse order. `main.ts` runs
 * it as a program; a test runs it in its own process.
 */

import { loadManifest } from '@fleet/shared/catalogue.ts';
import { logTo } from '@fleet/shared/log.ts';
import { Tokens } from '@fleet/shared/tokens.ts';
import { type Logger, pino } from 'pino';
import { secretOf } from './access.ts';
import { startComposition } from './composition/composition.ts';
import { coordinatorFiles, type HostPort } from './config.ts';
import { LiveAnswers } from './query/live.ts';
import { openManifests } from './query/manifests.ts';
import { type OwnModel, ownSentences } from './query/own-translator.ts';
import { openFleet } from './query/pipeline.ts';
import { FleetSentences } from './query/translate.ts';
import { openAuthority } from './sites/authority.ts';
import { type Clones, openClones } from './sites/clones.ts';
import { openInvitations } from './sites/invitations.ts';
import { openMembers } from './sites/members.ts';
import { openProbe } from './sites/probe.ts';
import { openRegistry } from './sites/registry.ts';
import { openSessions, type Sessions } from './sites/sessions.ts';
import type { TlsAddress, TlsServer } from './tls-server.ts';
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
  /** Where sites join and people with tokens call; left out, neither is possible. */
  readonly tls?: TlsAddress | null;
  /** A model that translates sentences here; left out, the sites' translators do. */
  readonly llm?: OwnModel | null;
  readonly world?: World;
  readonly log?: Logger;
}

export interface Served {
  readonly url: string;
  /** host:port of the TLS listener, as others reach it. */
  readonly tls: string | null;
  /** Ends listener, sessions and registry; questions under way are lost with their askers' connections. */
  close(): Promise<void>;
}

/** The log goes to standard error. */
const toStandardError = () => pino({ base: { name: 'logic-fleet' } }, logTo());

export async function startCoordinator({
  data,
  kb,
  listen,
  tls: tlsAddress = null,
  llm = null,
  world = realWorld,
  log = toStandardError(),
}: CoordinatorOptions): Promise<Served> {
  const files = coordinatorFiles(data);
  const manifest = await loadManifest(kb);
  const authority = await openAuthority(files.authority, world);
  const enrolled = openRegistry(files.registry);
  const composition = startComposition({
    file: files.composition,
    authority,
    registry: enrolled,
    world,
    log,
  });
  const { registry, through } = composition;
  const sessions: Sessions = openSessions(authority, {
    world,
    shown: (site, fingerprint) => void clones.shown(site, fingerprint),
  });
  const clones: Clones = openClones({
    registry: enrolled,
    world,
    probe: openProbe(authority),
    quarantined: ({ name }, reason) => {
      log.error({ site: name, reason }, 'quarantined');
      sessions.end(name);
    },
    notKept: (err) => log.warn({ err }, 'what was seen of sites could not be written down'),
  });
  const invitations = openInvitations(enrolled);
  let tls: TlsServer | null = null;
  const address = () => tls?.address ?? null;
  const members = openMembers({ authority, registry: enrolled, invitations, sessions, world, address });
  const manifests = openManifests(files.manifests);
  // The history's thread loads what it needs while this one loads the servers.
  const [history, { serve }, secure] = await Promise.all([
    openHistory({ file: files.history, key: authority.coordinator.key, world, log }),
    import('./server.ts'),
    tlsAddress === null ? null : import('./tls-server.ts'),
  ]);
  const fleet = openFleet({
    registry,
    sessions,
    clones,
    manifest,
    manifests,
    world,
    through,
    history,
    lastKnown: history,
  });
  const composed = composition.serve(fleet);
  const tokens = new Tokens(data, { ...world, secret: () => secretOf(world) });
  const views = new Views(fleet);
  const ledger = new FleetAlertLedger(files.alerts);
  const definitions = readFleetAlerts(files.alertSettings);
  const alerts = new FleetAlerts({ definitions, views, ledger, world, log });
  alerts.start();
  const live = new LiveAnswers(fleet, views);
  const own = llm === null ? null : ownSentences(fleet, llm, { data, log });
  const sentences = new FleetSentences(fleet, own);
  const parts = { fleet, views, alerts, live, sentences, members, tokens, log, composed };
  const joining = { authority, registry: enrolled, invitations, world };
  const renewing = { authority, registry: enrolled, clones, world };
  if (tlsAddress !== null && secure !== null)
    tls = await secure.serveTls(
      { ...parts, joining, renewing, joined: (site) => sessions.end(site) },
      tlsAddress,
    );
  const server = await serve(parts, listen);
  log.info(
    { url: server.url, tls: address(), sites: registry.list().length, bundle: manifest.bundle },
    'serving',
  );
  return {
    url: server.url,
    tls: address(),
    close: async () => {
      await alerts.stop();
      views.stop();
      await Promise.all([server.close(), tls?.close()]);
      await composition.close();
      await own?.log.settled();
      await sessions.close();
      clones.close();
      await history.close();
      registry.close();
      ledger.close();
      log.info('closed');
    },
  };
}
