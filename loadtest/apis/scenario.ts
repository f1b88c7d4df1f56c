/**
 * `npm run loadtest -- autocannon`: the tRPC APIs of an agent and of a coordinator over a swarm, each under a mix (mixes.ts), by
 * autocannon over HTTP/1.1. On the same TLS listeners, in turns: h2load with the same mix over HTTP/2, and autocannon
 * on `/healthz`, which is what a listener can do at that hour without a question behind it.
 */
import { join } from 'node:path';
import { realWorld } from '@fleet/node-agent/world.ts';
import { Tokens } from '@fleet/shared/tokens.ts';
import { measureRoutes } from '../autocannon.ts';
import { startCoordinator } from '../fanout/coordinator.ts';
import { atMost, compared, type Figure, plain, quantile, worst } from '../figures.ts';
import { h2load } from '../h2load.ts';
import type { LoadOptions } from '../options.ts';
import { distribution, type Plot } from '../page.ts';
import { startAgent } from '../site/servers.ts';
import { inRunFolder } from '../swarm/folder.ts';
import { writeFleet } from '../swarm/members.ts';
import { startSwarm } from '../swarm/swarm.ts';
import { AGENT_MIX, type Asked, fleetMix, inTurns } from './mixes.ts';

/** Of scripts and pages at one site, and at a coordinator, whose calls are a thousand times as large now and then. */
const AT_AGENT = 16;
const AT_COORDINATOR = 4;
/** A question to the whole fleet is to be over within a part of a round. */
const LONGER = 3;
/** The label of members.ts; a twentieth of the sites has this value. */
const SOME = 'rack=r3';

export const NOTES = [
  `${AT_AGENT} connections to the agent and ${AT_COORDINATOR} to the coordinator, one request under way each, TLS 1.3, a token; GETs of /trpc.`,
  'Baselines: h2load over HTTP/2 with the same mix on the same listener; autocannon on its /healthz.',
  'Client, server and swarm share this machine. A client in JavaScript costs more than one in C, and HTTP/1.1 of Node less than its HTTP/2.',
];

export async function measureApis(options: LoadOptions) {
  return inRunFolder(async (folder, started) => {
    const { sites, seed, say } = options;
    const agent = started(await startAgent(folder));
    const swarm = started(await startSwarm({ sites, seed, folder: join(folder, 'swarm'), say }));
    const data = join(folder, 'fleet');
    writeFleet(swarm.members, data, swarm.addresses);
    const log = join(folder, 'coordinator.log');
    const coordinator = started(await startCoordinator(data, log, { tls: '127.0.0.1:0' }));
    const [one = ''] = swarm.addresses.keys();
    const atAgent = await measureApi({
      ...options,
      folder,
      name: 'agent',
      url: agent.https,
      headers: { authorization: agent.target.headers?.authorization ?? '' },
      mix: AGENT_MIX,
      connections: AT_AGENT,
    });
    // Opens the sessions.
    await coordinator.ask({ query: 'node(N)', deadlineMs: 60_000 });
    const atCoordinator = await measureApi({
      ...options,
      folder,
      name: 'coordinator',
      url: `https://${coordinator.tls}`,
      headers: { authorization: `Bearer ${new Tokens(data, realWorld).create('load', 'viewer')}` },
      mix: fleetMix(one, SOME),
      connections: AT_COORDINATOR,
      seconds: options.seconds * LONGER,
    });
    return {
      figures: [...atAgent.figures, ...atCoordinator.figures],
      plots: [atAgent.plot, atCoordinator.plot],
      notes: [`${sites} sites behind the coordinator, seed ${seed}.`],
    };
  });
}

interface Api extends LoadOptions {
  readonly folder: string;
  readonly name: string;
  /** Of the listener. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly mix: readonly Asked[];
  readonly connections: number;
}

async function measureApi(api: Api): Promise<{ figures: Figure[]; plot: Plot }> {
  const { name, url, headers, mix, connections, seconds, rounds, seed, folder, say } = api;
  const turns = inTurns(mix, seed);
  const load = { connections, seconds, headers };
  const asked: Rate[] = [];
  const bare: Rate[] = [];
  const two: Rate[] = [];
  const failed: number[] = [];
  const took = new Map<string, number[]>(mix.map((one) => [one.name, []]));
  for (let round = 0; round < rounds; round += 1) {
    say(`mix at the ${name}, round ${round + 1} of ${rounds}`);
    const each = (at: number, ms: number) => took.get(turns[at]?.name ?? '')?.push(ms);
    const paths = turns.map(({ path }) => path);
    const own = await measureRoutes(new URL(url), paths, { ...load, each });
    const other = await h2load(folder, { url, paths, headers }, { clients: connections, seconds });
    asked.push(own);
    two.push(other);
    bare.push(await measureRoutes(new URL(url), ['/healthz'], load));
    failed.push(own.refused);
  }
  const of = (all: readonly Rate[], key: keyof Rate) => all.map((one) => one[key]);
  const title = `mix at the ${name}`;
  const compare = (key: keyof Rate, unit: string, what: string, others: readonly Rate[]) =>
    compared(`${title}, ${what}`, unit, of(asked, key), of(others, key));
  const spread = [...took].map(([which, all]) => [which, all.toSorted((a, b) => a - b)] as const);
  return {
    figures: [
      compare('perSecond', '/s', 'against HTTP/2 by h2load', two),
      compare('p99Ms', 'ms', 'p99, against HTTP/2 by h2load', two),
      compare('perSecond', '/s', 'against /healthz', bare),
      worst(`${title}, refused or failed`, 'requests', failed, atMost(0)),
      ...spread.flatMap(([which, all]) => [
        plain(`${title}: ${which}, median`, 'ms', [quantile(all, 0.5)]),
        plain(`${title}: ${which}, p99`, 'ms', [quantile(all, 0.99)]),
      ]),
    ],
    plot: distribution(`${title}: time to the reply`, 'ms', Object.fromEntries(spread)),
  };
}

interface Rate {
  readonly perSecond: number;
  readonly p99Ms: number;
}
