/**
 * A swarm: hundreds of sites a process, in a few processes (host.ts), all on loopback. Two processes on two cores: a
 * fan-out then keeps both busy, and more would only add memory (docs/decisions/2026-11-26-swarm.md).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Service, startService } from '../../deploy/local/service.ts';
import type { Fault } from './fault.ts';
import { type Members, readMembers } from './members.ts';

export interface Swarm {
  readonly members: Members;
  /** host:port by name, in the order of the names. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Processes: of the agents, of their engines, and all of them. */
  readonly agents: readonly number[];
  readonly engines: readonly number[];
  readonly pids: readonly number[];
  /** The data folder of a site. */
  home(name: string): string;
  /** A reading of the load of the first machine of a site: resolves when the site has acknowledged it. */
  setLoad(site: string, load: number): Promise<void>;
  /** With `fronts`: what is wrong with whom from now on, where `body` is the question that will be asked. */
  setFaults(faults: ReadonlyMap<string, Fault>, body: string): Promise<void>;
  stop(): Promise<void>;
}

export interface SwarmOptions {
  readonly sites: number;
  readonly seed: number;
  /** Sites are to be made faulty (front.ts). */
  readonly fronts?: boolean;
  /** A folder of the run, removed by whoever made it. */
  readonly folder: string;
  readonly say: (text: string) => void;
}

export const HOSTS = 2;
/**
 * About 2 MiB of heap a site, with room. The whole heap is collected only when it has grown beyond any run's: in the heap of 500 sites that
 * stops all of them for as long as it would stop none that has one of its own.
 */
export const HOST_HEAP = [
  '--max-old-space-size=8192',
  '--initial-old-space-size=2048',
  '--external-memory-accounted-in-global-limit',
  '--max-semi-space-size=64',
];
/** A site starts in about 30 ms of one core. */
export const START_MS = 60_000;
export const START_EACH_MS = 100;

const ready = z.object({
  pid: z.int(),
  enginePid: z.int(),
  control: z.url(),
  sites: z.array(z.tuple([z.string(), z.string()])),
});

export async function startSwarm({ sites, seed, folder, say, fronts = false }: SwarmOptions): Promise<Swarm> {
  const members = await readMembers(sites, say);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = { members: join(folder, 'members.json'), authority: join(folder, 'authority.pem') };
  writeFileSync(files.members, JSON.stringify(members.all), { mode: 0o600 });
  writeFileSync(files.authority, members.authority);
  say(`starting ${sites} sites in ${HOSTS} processes`);
  const hosts: Service[] = shares(sites).map(({ from, count }, at) =>
    startService({
      name: `swarm ${at}`,
      entry: fileURLToPath(new URL('host.ts', import.meta.url)),
      args: [JSON.stringify({ folder: join(folder, `host${at}`), ...files, from, count, seed, fronts })],
      log: join(folder, `host${at}.log`),
      heapFlags: HOST_HEAP,
      startMs: START_MS + count * START_EACH_MS,
    }),
  );
  const stop = async () => {
    await Promise.all(hosts.map((host) => host.stop()));
  };
  try {
    const up = (await Promise.all(hosts.map((host) => host.ready))).map((said) => ready.parse(said));
    const addresses = new Map(up.flatMap((host) => host.sites).sort(([a], [b]) => (a < b ? -1 : 1)));
    const hostOf = new Map(
      up.flatMap(({ sites }, at) => sites.map(([name]): [string, number] => [name, at])),
    );
    const setLoad = (site: string, load: number) =>
      post(`${up[hostOf.get(site) ?? 0]?.control}/load`, JSON.stringify({ site, load }));
    const agents = up.map(({ pid }) => pid);
    const engines = up.map(({ enginePid }) => enginePid);
    const home = (name: string) => {
      const at = hostOf.get(name) ?? 0;
      return join(folder, `host${at}`, 'kb', 'sites', name);
    };
    const setFaults = async (faults: ReadonlyMap<string, Fault>, body: string) => {
      const command = JSON.stringify({ body, faults: Object.fromEntries(faults) });
      await Promise.all(up.map(({ control }) => post(`${control}/faults`, command)));
    };
    return {
      members,
      addresses,
      setFaults,
      setLoad,
      agents,
      engines,
      pids: [...agents, ...engines],
      home,
      stop,
    };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

async function post(url: string, body: string): Promise<void> {
  const reply = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const said = await reply.text();
  if (!reply.ok) throw new Error(`${url}: ${said}`);
}

function shares(sites: number): { from: number; count: number }[] {
  const each = Math.ceil(sites / HOSTS);
  return Array.from({ length: Math.ceil(sites / each) }, (_, at) => ({
    from: at * each,
    count: Math.min(each, sites - at * each),
  }));
}
