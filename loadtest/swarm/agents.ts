/**
 * Whole agents beside one another in one process, by the agent's own code, on one engine that holds them all
 * (docs/decisions/2026-11-26-swarm.md): what the hosts of a swarm are made of.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, startAgent } from '@fleet/node-agent/agent.ts';
import type { SiteConfig } from '@fleet/node-agent/config.ts';
import { initSite } from '@fleet/node-agent/init.ts';
import { sampleInventory } from '@fleet/node-agent/inventories.ts';
import { readInventory } from '@fleet/node-agent/inventory.ts';
import { ENGINE_LIMITS } from '@fleet/node-agent/prolog/budget.ts';
import { startEngine } from '@fleet/node-agent/prolog/process.ts';
import { SharedEngine } from '@fleet/node-agent/prolog/shared-engine.ts';
import { NO_SEMANTIC } from '@fleet/node-agent/semantic/service.ts';
import { sampleFacts } from '@fleet/node-agent/telemetry/collect/sample.ts';
import { diskFiles } from '@fleet/node-agent/telemetry/files.ts';
import { observe } from '@fleet/node-agent/telemetry/pipeline.ts';
import { realWorld } from '@fleet/node-agent/world.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { pino } from 'pino';

/** Agents that start at once: each waits for the disk and for the engine in turn. */
export const STARTING = 8;
const LOOK_MS = 50;
/** What a swarm has seen holds for longer than a load test runs: its collectors stand still. */
const VALID_MS = 24 * 60 * 60_000;

export interface SwarmSite {
  readonly name: string;
  /** Its place in the swarm: inventory and facts are drawn by it, so that no two answer alike. */
  readonly number: number;
  readonly tls: SiteConfig['tls'];
  /** PEM of the key that signs its replies. */
  readonly keyPem: Buffer;
  /** Of a site that joined: it tells its coordinator where it is. */
  readonly member: SiteConfig['member'];
}

export interface AgentsOptions {
  /** The first time it is made; sites that were there before find what they knew. */
  readonly folder: string;
  readonly seed: number;
  /** When sites that are members begin to tell their coordinator of themselves; at once where left out. */
  readonly begun?: Promise<void>;
}

/** What a site sees when its sources are read: all facts of its sample inventory. */
export type See = () => Promise<void>;

export interface Agents {
  readonly byName: ReadonlyMap<string, Agent>;
  readonly enginePid: number | null;
  /** The data folder of a site. */
  home(name: string): string;
  /** Resolves when its agent listens, and, where it never ran before, has seen its facts. */
  serve(site: SwarmSite): Promise<{ readonly agent: Agent; readonly see: See }>;
  /** Resolves when alerts have been decided, which makes revisions of their own, and the texts are written. */
  atRest(): Promise<void>;
  /** Nothing of a swarm is kept: its agents are left as they are, and only the engine is a process of its own. */
  stop(): Promise<void>;
}

export async function openAgents({ folder, seed, begun }: AgentsOptions): Promise<Agents> {
  const log = pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true }));
  const main = await initSite({ data: folder, site: 'swarm', inventory: 'sample', seed });
  const kb = dirname(main.main);
  const manifest = await loadManifest(kb);
  const run = join(folder, 'run');
  mkdirSync(run, { recursive: true, mode: 0o700 });
  const sockets = {
    pengine: join(run, 'pengine.sock'),
    control: join(run, 'control.sock'),
    lane: join(run, 'lane.sock'),
  };
  const engine = new SharedEngine({
    world: realWorld,
    log,
    spawn: () => startEngine({ main: main.main, sockets, limits: ENGINE_LIMITS, log }),
  });
  await engine.start();
  const byName = new Map<string, Agent>();
  const home = (name: string) => join(kb, 'sites', name);
  return {
    byName,
    enginePid: engine.pid,
    home,
    serve: async ({ name, number, ...identity }) => {
      const data = home(name);
      const own = seed * 10_000 + number;
      mkdirSync(join(data, 'kb', 'site'), { recursive: true });
      mkdirSync(join(data, 'kb', 'state'), { recursive: true });
      writeFileSync(join(data, 'kb', 'site', 'inventory.pl'), sampleInventory(name, own));
      const agent = await startAgent(
        {
          ...identity,
          site: name,
          main: join(data, 'kb', 'main.pl'),
          data,
          plain: null,
          metrics: null,
          collector: 'none',
          seed: own,
          followParent: false,
          semantic: NO_SEMANTIC,
        },
        { world: realWorld, files: diskFiles, log, shared: { engine, manifest, begun } },
      );
      byName.set(name, agent);
      const see = seeing(agent, await readInventory(join(data, 'kb', 'site')), own);
      if (agent.telemetry.sync.revision === 0) await see();
      return { agent, see };
    },
    atRest: async () => {
      const busy = ({ alerts, telemetry }: Agent) => alerts.pass.considered < telemetry.sync.revision;
      while ([...byName.values()].some(busy)) await sleep(LOOK_MS);
      await Promise.all([...byName.values()].map((agent) => agent.stateText.write()));
    },
    stop: async () => {
      log.level = 'silent';
      await engine.stop();
    },
  };
}

function seeing(
  { telemetry }: Agent,
  inventory: Awaited<ReturnType<typeof readInventory>>,
  seed: number,
): See {
  const facts = sampleFacts(inventory, seed, realWorld.now());
  return async () => {
    await observe(
      facts.map((fact) => ({ fact, ...evidence() })),
      telemetry,
    );
    await telemetry.sync.settled();
  };
}

/** Of what is seen now. */
export function evidence(): { source: string; observedAt: number; validUntil: number } {
  const observedAt = realWorld.now();
  return { source: 'sample', observedAt, validUntil: observedAt + VALID_MS };
}
