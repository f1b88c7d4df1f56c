/**
 * One process of a swarm whose sites join a fleet and come back to it: whole agents (../swarm/agents.ts) that are members by
 * `logic-node join`'s own code, each with its key, certificate, coordinator and address in its own folder.
 *
 *     node host.ts '{"folder":DIR,"host":"127.64.0.1","seed":1,"first":0,"returning":false}'
 *
 * Prints {"ready":true,"pid":..,"enginePid":..,"control":URL} and ends with its standard input. `first` is the number of the first of
 * its sites. `returning`: the folder is that of a process that was killed, and its sites are served, at the addresses they had,
 * when this one is ready. Until /begin, no site has told its coordinator of itself.
 *
 * POST to the control URL: /join {"invitations":[TEXT,..],"atOnce":N,"scratch":false} joins, and gives what became of each; with
 * `scratch` in folders that no agent is served from. /serve {} starts all that joined. /begin {}. /cut {} ends every
 * connection that anybody has to a site, as a network does that is away for a moment.
 */
import diagnostics from 'node:diagnostics_channel';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join as joinPath } from 'node:path';
import { readMemberTls } from '@fleet/node-agent/config.ts';
import { readMember } from '@fleet/node-agent/membership/files.ts';
import { join } from '@fleet/node-agent/membership/join.ts';
import { realWorld } from '@fleet/node-agent/world.ts';
import { readInvitation } from '@fleet/shared/invitation.ts';
import { fastify } from 'fastify';
import pLimit from 'p-limit';
import { z } from 'zod';
import { openAgents, STARTING } from '../swarm/agents.ts';

const given = z
  .object({ folder: z.string(), host: z.string(), seed: z.int(), first: z.int(), returning: z.boolean() })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

const joining = z.object({ invitations: z.array(z.string()), atOnce: z.int(), scratch: z.boolean() });

/** What became of a join. */
export interface Joined {
  readonly site: string;
  /** From its start, and how often it was tried. */
  readonly ms: number;
  readonly tries: number;
  /** Null where it came about. */
  readonly failed: string | null;
}

/** Invitations of a thousand sites. */
const CONTROL_BYTES = 4 * 1024 * 1024;

/** [NAME, port] of each that is served, for who returns. */
const PORTS = joinPath(given.folder, 'ports.json');
const ports = new Map<string, number>(readPorts());
/** Those that joined, in the order of their numbers. */
const names: string[] = [...ports.keys()];
const connections = new Set<Socket>();
const begun = Promise.withResolvers<void>();
const opening = openAgents({ folder: given.folder, seed: given.seed, begun: begun.promise });

process.stdin.on('end', () => void end()).resume();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end());
diagnostics.subscribe('net.server.socket', (message) => {
  const { socket } = message as { socket: Socket };
  connections.add(socket);
  socket.once('close', () => connections.delete(socket));
});

const agents = await opening;
if (given.returning) await serve();
process.stdout.write(
  `${JSON.stringify({ ready: true, pid: process.pid, enginePid: agents.enginePid, control: await openControl() })}\n`,
);

function readPorts(): [string, number][] {
  return given.returning && existsSync(PORTS) ? JSON.parse(readFileSync(PORTS, 'utf8')) : [];
}

async function joinAll({ invitations, atOnce, scratch }: z.infer<typeof joining>): Promise<Joined[]> {
  const limit = pLimit(atOnce);
  const all = await Promise.all(invitations.map((text) => limit(() => joinOne(text, scratch))));
  if (!scratch) names.push(...all.filter(({ failed }) => failed === null).map(({ site }) => site));
  return all;
}

async function joinOne(invitation: string, scratch: boolean): Promise<Joined> {
  const { site } = readInvitation(invitation);
  const data = scratch ? joinPath(given.folder, 'scratch', site) : agents.home(site);
  let tries = 1;
  const again = () => {
    tries += 1;
  };
  const began = performance.now();
  const ended = (failed: string | null) => ({ site, ms: performance.now() - began, tries, failed });
  return join({ invitation, data, address: null, world: realWorld, again }).then(
    () => ended(null),
    (cause: Error) => ended(cause.message),
  );
}

async function serve(): Promise<void> {
  const limit = pLimit(STARTING);
  await Promise.all(names.map((name, at) => limit(() => serveOne(name, given.first + at))));
  await agents.atRest();
  writeFileSync(PORTS, JSON.stringify(names.map((name) => [name, ports.get(name)])));
}

async function serveOne(name: string, number: number): Promise<void> {
  const data = agents.home(name);
  const files = readMemberTls(data);
  const tls = { address: { host: given.host, port: ports.get(name) ?? 0 }, files };
  const member = readMember(data);
  const { agent } = await agents.serve({ name, number, tls, keyPem: files.key, member });
  ports.set(name, Number(new URL(agent.https ?? '').port));
}

async function openControl(): Promise<string> {
  const app = fastify({ bodyLimit: CONTROL_BYTES });
  app.post('/join', (request) => joinAll(joining.parse(request.body)));
  app.post('/serve', async () => {
    await serve();
    return [...ports];
  });
  app.post('/begin', async () => {
    begun.resolve();
    return {};
  });
  app.post('/cut', async () => {
    const own = new Set(ports.values());
    for (const socket of connections) if (own.has(socket.localPort ?? 0)) socket.destroy();
    return {};
  });
  return app.listen({ host: '127.0.0.1', port: 0 });
}

async function end(): Promise<void> {
  await (await opening).stop();
  process.exit(0);
}
