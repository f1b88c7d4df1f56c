/**
 * One process of a swarm: many whole agents beside one another, each with its own certificate, TLS listener, journal and
 * facts, by the agent's own code, on one engine that holds them all.
 *
 *     node host.ts '{"folder":DIR,"members":FILE,"authority":FILE,"from":0,"count":500,"seed":1,"fronts":false}'
 *
 * Prints {"ready":true,"pid":..,"enginePid":..,"control":URL,"sites":[[NAME,"127.0.0.1:PORT"],..]} and ends with its standard
 * input. With `fronts`, each site stands behind a front.ts, and a POST of {"body":QUESTION,"faults":{NAME:FAULT,..}} to the
 * control URL, /faults, says what is wrong with whom from then on. A POST of {"site":NAME,"load":NUMBER} to /load is a reading
 * of its first machine's load, taken like any observation.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
import { sampleFacts } from '@fleet/node-agent/telemetry/collect/sample.ts';
import { diskFiles } from '@fleet/node-agent/telemetry/files.ts';
import { fact } from '@fleet/node-agent/telemetry/observation.ts';
import { observe } from '@fleet/node-agent/telemetry/pipeline.ts';
import { realWorld } from '@fleet/node-agent/world.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { fastify } from 'fastify';
import pLimit from 'p-limit';
import { pino } from 'pino';
import { z } from 'zod';
import { FAULT_KINDS } from './fault.ts';
import { Front } from './front.ts';
import type { Member } from './members.ts';

const given = z
  .object({
    folder: z.string(),
    members: z.string(),
    authority: z.string(),
    from: z.int(),
    count: z.int(),
    seed: z.int(),
    fronts: z.boolean(),
  })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

/** Sites that start at once: each waits for the disk and for the engine in turn. */
const STARTING = 8;
const LOOK_MS = 50;
/** A fault for each of a thousand sites. */
const CONTROL_BYTES = 1024 * 1024;
/** What a swarm has seen holds for longer than a load test runs: its collectors stand still. */
const VALID_MS = 24 * 60 * 60_000;

const command = z.object({
  body: z.string(),
  faults: z.record(z.string(), z.object({ kind: z.enum(FAULT_KINDS), delayMs: z.number() })),
});

const reading = z.object({ site: z.string(), load: z.number() });
/** Every sample site has it. */
const FIRST_MACHINE = 'pve1';

const log = pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true }));
const agents = new Map<string, Agent>();
const fronts = new Map<string, Front>();
/** host:port, where the registry is to say that a site is. */
const addresses = new Map<string, string>();

process.stdin.on('end', () => void end()).resume();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end());

const home = await initSite({ data: given.folder, site: 'swarm', inventory: 'sample', seed: given.seed });
const kb = dirname(home.main);
const manifest = await loadManifest(kb);
const run = join(given.folder, 'run');
mkdirSync(run, { recursive: true, mode: 0o700 });
const sockets = {
  pengine: join(run, 'pengine.sock'),
  control: join(run, 'control.sock'),
  lane: join(run, 'lane.sock'),
};
const engine = new SharedEngine({
  world: realWorld,
  log,
  spawn: () => startEngine({ main: home.main, sockets, limits: ENGINE_LIMITS, log }),
});
await engine.start();
await startSites();
await atRest();
process.stdout.write(
  `${JSON.stringify({
    ready: true,
    pid: process.pid,
    enginePid: engine.pid,
    control: await openControl(),
    sites: [...addresses],
  })}\n`,
);

async function startSites(): Promise<void> {
  const all = JSON.parse(readFileSync(given.members, 'utf8')) as Member[];
  const ca = readFileSync(given.authority);
  const limit = pLimit(STARTING);
  const own = all.slice(given.from, given.from + given.count);
  await Promise.all(own.map((member, at) => limit(() => startSite(member, ca, given.from + at))));
}

/** A sample site: inventory and facts by its number, so that no two answer alike. */
async function startSite({ name, key, certificate }: Member, ca: Buffer, number: number): Promise<void> {
  const data = join(kb, 'sites', name);
  const seed = given.seed * 10_000 + number;
  mkdirSync(join(data, 'kb', 'site'), { recursive: true });
  mkdirSync(join(data, 'kb', 'state'), { recursive: true });
  writeFileSync(join(data, 'kb', 'site', 'inventory.pl'), sampleInventory(name, seed));
  const files = { cert: Buffer.from(certificate), key: Buffer.from(key), ca };
  const config: SiteConfig = {
    site: name,
    main: join(data, 'kb', 'main.pl'),
    data,
    plain: null,
    tls: { address: { host: '127.0.0.1', port: 0 }, files },
    metrics: null,
    member: null,
    keyPem: files.key,
    collector: 'none',
    seed,
    followParent: false,
    notes: [],
  };
  const agent = await startAgent(config, {
    world: realWorld,
    files: diskFiles,
    log,
    shared: { engine, manifest },
  });
  agents.set(name, agent);
  const inventory = await readInventory(join(data, 'kb', 'site'));
  const facts = sampleFacts(inventory, seed, realWorld.now());
  const see = async () => {
    const observedAt = realWorld.now();
    const evidence = { source: 'sample', observedAt, validUntil: observedAt + VALID_MS };
    await observe(
      facts.map((fact) => ({ fact, ...evidence })),
      agent.telemetry,
    );
    await agent.telemetry.sync.settled();
  };
  await see();
  const { host, port } = new URL(agent.https ?? '');
  if (!given.fronts) return void addresses.set(name, host);
  const pems = { key, cert: certificate, ca: ca.toString() };
  const front = new Front({ agent, port: Number(port), ...pems, moveOn: see });
  fronts.set(name, front);
  addresses.set(name, await front.open());
}

async function openControl(): Promise<string> {
  const app = fastify({ bodyLimit: CONTROL_BYTES });
  app.post('/faults', async (request) => {
    const { body, faults } = command.parse(request.body);
    await Promise.all([...fronts].map(([name, front]) => front.set(faults[name] ?? null, body)));
    return {};
  });
  app.post('/load', async (request) => {
    const { site, load } = reading.parse(request.body);
    const agent = agents.get(site);
    if (agent === undefined) throw new Error(`no site ${site} here`);
    const observedAt = realWorld.now();
    const seen = { source: 'sample', observedAt, validUntil: observedAt + VALID_MS };
    return observe([{ fact: fact('node_load', FIRST_MACHINE, load), ...seen }], agent.telemetry);
  });
  return app.listen({ host: '127.0.0.1', port: 0 });
}

/** Alerts have been decided, which makes revisions of their own, and the texts are written: what follows is the load test's. */
async function atRest(): Promise<void> {
  const busy = ({ alerts, telemetry }: Agent) => alerts.pass.considered < telemetry.sync.revision;
  while ([...agents.values()].some(busy)) await sleep(LOOK_MS);
  await Promise.all([...agents.values()].map((agent) => agent.stateText.write()));
}

/** Nothing of a swarm is kept: its agents are left as they are, and only the engine is a process of its own. */
async function end(): Promise<void> {
  log.level = 'silent';
  await engine.stop();
  process.exit(0);
}
