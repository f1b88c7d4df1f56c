/**
 * A fleet on this machine: a coordinator, this machine as a site, and sample sites, all on loopback,
 * each in a process of its own as it would run in production. `npm start` is this with a screen;
 * load tests and end-to-end tests start their fleets through it too.
 *
 * Sites and coordinator start side by side. The fleet is up when every agent has its first telemetry
 * committed and the registry knows where each listens; until then nothing is published.
 */
import { join } from 'node:path';
import type { Registry } from '@fleet/coordinator/sites/registry.ts';
import { z } from 'zod';
import { COORDINATOR_HEAP, ROOT } from '../../shared/launch.mjs';
import { type DataFolder, type RunningSite, takeDataFolder } from './data-folder.ts';
import { enrolSites, initLocalSite, openLocalRegistry, tlsFiles } from './membership.ts';
import { type Service, startService } from './service.ts';
import { type LocalSite, localSites } from './sites.ts';

export interface FleetOptions {
  /** Sample sites beside this machine. */
  readonly sites: number;
  /** Absolute path. */
  readonly data: string;
  /** The coordinator's port on loopback; 0 takes a free one. */
  readonly port: number;
  /** Told of each step and of each child that ends by itself. */
  readonly say: (text: string) => void;
  /** Ends the start early, and the fleet when it is up. */
  readonly signal?: AbortSignal;
}

export interface Fleet {
  readonly url: string;
  readonly sites: readonly RunningSite[];
  /** Settles when the coordinator has ended by itself, with how. */
  readonly lost: Promise<string>;
  /** Ends every process and lets go of the data folder. */
  stop(): Promise<void>;
}

const agentReady = z.object({
  site: z.string(),
  https: z.url(),
  http: z.url(),
  pid: z.int(),
  enginePid: z.int().nullable(),
});
const coordinatorReady = z.object({ http: z.url(), pid: z.int() });

/** @throws FolderInUse, or Error that names the child that did not come up */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const folder = takeDataFolder(options.data);
  const services: Service[] = [];
  const state = { stopping: false };
  const stop = async () => {
    state.stopping = true;
    await Promise.all(services.map((service) => service.stop()));
    folder.release();
  };
  const launch = (service: Service) => {
    services.push(service);
    if (state.stopping) void service.stop();
    return service;
  };
  try {
    return await bringUp(options, { folder, launch, stop, stopping: () => state.stopping });
  } catch (cause) {
    await stop();
    throw cause;
  }
}

interface Parts {
  readonly folder: DataFolder;
  /** Keeps the service so that stop() ends it. */
  launch(service: Service): Service;
  stop(): Promise<void>;
  stopping(): boolean;
}

async function bringUp(options: FleetOptions, parts: Parts): Promise<Fleet> {
  const { data, say } = options;
  const sites = localSites(options.sites, data);
  const interrupted = whenAborted(options.signal);
  await Promise.all(sites.map(initLocalSite));
  const registry = openLocalRegistry(sites, data);
  try {
    const made = await enrolSites(sites, registry, data);
    if (made.length > 0) say(`- enrolled ${made.join(', ')}: keys made, certificates issued`);
    options.signal?.throwIfAborted();
    const coordinator = parts.launch(startCoordinator(data, options.port));
    const agents = sites.map((site) => ({ site, service: parts.launch(startAgent(site)) }));
    say(`- starting the coordinator and ${sites.length} sites: ${sites.map(({ name }) => name).join(', ')}`);
    const up = Promise.all(agents.map((agent) => admit(agent, registry, say)));
    const [ready, running] = await Promise.race([Promise.all([coordinator.ready, up]), interrupted]);
    const { http: url, pid } = coordinatorReady.parse(ready);
    parts.folder.publish({ coordinator: { url, pid }, sites: running });
    for (const { site, service } of agents) report(site, service, { say, stopping: parts.stopping });
    return { url, sites: running, lost: coordinator.ended, stop: parts.stop };
  } finally {
    registry.close();
  }
}

/** Rejects when `signal` aborts; otherwise it never settles. */
function whenAborted(signal: AbortSignal | undefined): Promise<never> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => {});
  return aborted;
}

function startCoordinator(data: string, port: number): Service {
  const own = join(data, 'coordinator');
  return startService({
    name: 'coordinator',
    entry: join(ROOT, 'coordinator/src/main.ts'),
    args: [
      'serve',
      '--data',
      own,
      '--listen',
      `127.0.0.1:${port}`,
      '--kb',
      join(ROOT, 'kb'),
      '--follow-parent',
    ],
    log: join(own, 'coordinator.log'),
    heapFlags: COORDINATOR_HEAP,
  });
}

function startAgent(site: LocalSite): Service {
  const tls = tlsFiles(site);
  return startService({
    name: `site ${site.name}`,
    entry: join(ROOT, 'node-agent/src/main.ts'),
    args: [
      'serve',
      '--kb-path',
      join(site.data, 'kb', 'main.pl'),
      '--site',
      site.name,
      '--data',
      site.data,
      '--listen',
      '127.0.0.1:0',
      '--http',
      '127.0.0.1:0',
      '--tls-cert',
      tls.certificate,
      '--tls-key',
      tls.key,
      '--tls-ca',
      tls.authority,
      '--collector',
      site.kind,
      '--seed',
      String(site.seed),
      '--follow-parent',
    ],
    log: join(site.data, 'agent.log'),
  });
}

/** Waits until the agent is ready and tells the registry where it listens. */
async function admit(
  { site, service }: { site: LocalSite; service: Service },
  registry: Registry,
  say: FleetOptions['say'],
): Promise<RunningSite> {
  const { http, https, pid, enginePid } = agentReady.parse(await service.ready);
  registry.setAddress(site.name, new URL(https).host);
  say(
    `  ${site.name} is ready: ${site.kind === 'host' ? 'this machine, its real telemetry' : 'sample telemetry'}`,
  );
  return { name: site.name, http, https, pid, enginePid, data: site.data };
}

/** An agent that ends by itself is named, once; it stays away until the next start. */
function report(
  site: LocalSite,
  service: Service,
  { say, stopping }: { say: FleetOptions['say']; stopping(): boolean },
): void {
  void service.ended.then((how) => {
    if (!stopping())
      say(
        `site ${site.name} ${how}: questions name it unreachable until the next start (log: ${join(site.data, 'agent.log')})`,
      );
  });
}
