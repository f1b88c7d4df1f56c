/**
 * One process of a swarm: many whole agents (agents.ts), each with its own certificate, TLS listener, journal and facts.
 *
 *     node host.ts '{"folder":DIR,"members":FILE,"authority":FILE,"from":0,"count":500,"seed":1,"fronts":false}'
 *
 * Prints {"ready":true,"pid":..,"enginePid":..,"control":URL,"sites":[[NAME,"127.0.0.1:PORT"],..]} and ends with its standard
 * input. With `fronts`, each site stands behind a front.ts, and a POST of {"body":QUESTION,"faults":{NAME:FAULT,..}} to the
 * control URL, /faults, says what is wrong with whom from then on. A POST of {"site":NAME,"load":NUMBER} to /load is a reading
 * of its first machine's load, taken like any observation.
 */
import { readFileSync } from 'node:fs';
import { fact } from '@fleet/node-agent/telemetry/observation.ts';
import { observe } from '@fleet/node-agent/telemetry/pipeline.ts';
import { fastify } from 'fastify';
import pLimit from 'p-limit';
import { z } from 'zod';
import { evidence, openAgents, STARTING } from './agents.ts';
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

/** A fault for each of a thousand sites. */
const CONTROL_BYTES = 1024 * 1024;

const command = z.object({
  body: z.string(),
  faults: z.record(z.string(), z.object({ kind: z.enum(FAULT_KINDS), delayMs: z.number() })),
});

const reading = z.object({ site: z.string(), load: z.number() });
/** Every sample site has it. */
const FIRST_MACHINE = 'pve1';

const fronts = new Map<string, Front>();
/** host:port, where the registry is to say that a site is. */
const addresses = new Map<string, string>();
const opening = openAgents(given);

process.stdin.on('end', () => void end()).resume();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end());

const agents = await opening;
await startSites();
await agents.atRest();
process.stdout.write(
  `${JSON.stringify({
    ready: true,
    pid: process.pid,
    enginePid: agents.enginePid,
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

async function startSite({ name, key, certificate }: Member, ca: Buffer, number: number): Promise<void> {
  const files = { cert: Buffer.from(certificate), key: Buffer.from(key), ca };
  const tls = { address: { host: '127.0.0.1', port: 0 }, files };
  const { agent, see } = await agents.serve({ name, number, tls, keyPem: files.key, member: null });
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
    const agent = agents.byName.get(site);
    if (agent === undefined) throw new Error(`no site ${site} here`);
    return observe([{ fact: fact('node_load', FIRST_MACHINE, load), ...evidence() }], agent.telemetry);
  });
  return app.listen({ host: '127.0.0.1', port: 0 });
}

async function end(): Promise<void> {
  await (await opening).stop();
  process.exit(0);
}
