/** The sites of the scenario, in a few processes (host.ts): they join, are served, lose their power and come back. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { type Service, startService } from '../../deploy/local/service.ts';
import { HOST_HEAP, HOSTS, START_EACH_MS, START_MS } from '../swarm/swarm.ts';
import type { Joined } from './host.ts';

export interface Joining {
  /** Texts; shared out over the processes as they come. */
  readonly invitations: readonly string[];
  /** Joins under way at once, over all processes. */
  readonly atOnce: number;
  /** Only to measure: none of these sites is served. */
  readonly scratch: boolean;
}

export interface Sites {
  join(joining: Joining): Promise<Joined[]>;
  /** Starts all that joined: host:port by name. */
  serve(): Promise<ReadonlyMap<string, string>>;
  /** From now on they tell their coordinator of themselves. */
  begin(): Promise<void>;
  /** Ends every connection to them. */
  cut(): Promise<void>;
  /** `kill -9`. */
  powerOff(): Promise<void>;
  /** The same sites in new processes, at their addresses, silent until `begin`. */
  powerOn(): Promise<void>;
  stop(): Promise<void>;
}

export interface SitesOptions {
  readonly sites: number;
  readonly seed: number;
  readonly folder: string;
}

const ready = z.object({ pid: z.int(), control: z.url() });
const addresses = z.array(z.tuple([z.string(), z.int()]));
/** A control call takes as long as a thousand joins do. */
const patient = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

interface Host {
  readonly service: Service;
  readonly control: string;
}

export async function startSites(options: SitesOptions): Promise<Sites> {
  let hosts = await startHosts(options, false);
  const all = (path: string) => Promise.all(hosts.map(({ control }) => post(`${control}${path}`, {})));
  return {
    join: async ({ invitations, atOnce, scratch }) => {
      const each = Math.ceil(invitations.length / HOSTS);
      const joined = hosts.map(({ control }, at) =>
        post(`${control}/join`, {
          invitations: invitations.slice(at * each, (at + 1) * each),
          atOnce: Math.ceil(atOnce / HOSTS),
          scratch,
        }),
      );
      return ((await Promise.all(joined)) as Joined[][]).flat();
    },
    serve: async () => {
      const served = (await all('/serve')).flatMap((said) => addresses.parse(said));
      return new Map(served.map(([name, port]) => [name, `${ownLoopback()}:${port}`]));
    },
    begin: async () => void (await all('/begin')),
    cut: async () => void (await all('/cut')),
    powerOff: async () => {
      for (const { service } of hosts) process.kill(service.pid, 'SIGKILL');
      await Promise.all(hosts.map(({ service }) => service.ended));
    },
    powerOn: async () => {
      hosts = await startHosts(options, true);
    },
    stop: async () => {
      await Promise.all(hosts.map(({ service }) => service.stop()));
    },
  };
}

/**
 * An address of the loopback that is this run's: a port that was listened at before the power cut is free after it, while one of 127.0.0.1 may be
 * that of somebody's connection by then.
 */
export function ownLoopback(): string {
  return `127.64.${(process.pid >> 8) & 255}.${process.pid & 255}`;
}

async function startHosts({ sites, seed, folder }: SitesOptions, returning: boolean): Promise<Host[]> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const each = Math.ceil(sites / HOSTS);
  const services = Array.from({ length: HOSTS }, (_, at) =>
    startService({
      name: `sites ${at}`,
      entry: fileURLToPath(new URL('host.ts', import.meta.url)),
      args: [
        JSON.stringify({
          folder: join(folder, `host${at}`),
          host: ownLoopback(),
          seed,
          first: at * each,
          returning,
        }),
      ],
      log: join(folder, `host${at}.log`),
      heapFlags: HOST_HEAP,
      startMs: START_MS + each * START_EACH_MS,
    }),
  );
  try {
    return await Promise.all(
      services.map(async (service) => ({ service, control: ready.parse(await service.ready).control })),
    );
  } catch (cause) {
    await Promise.all(services.map((service) => service.stop()));
    throw cause;
  }
}

async function post(url: string, body: object): Promise<unknown> {
  const { statusCode, body: said } = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    dispatcher: patient,
  });
  if (statusCode !== 200) throw new Error(`${url}: ${await said.text()}`);
  return said.json();
}
