/**
 * The three servers that the doors are compared on: the agent on its TLS port, stock library(pengines) on plain TCP,
 * and a bare fastify route. All on loopback, each in processes of its own, ended with this one.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openAuthority } from '@fleet/coordinator/sites/authority.ts';
import { initSite } from '@fleet/node-agent/init.ts';
import { realWorld } from '@fleet/node-agent/world.ts';
import { Tokens } from '@fleet/shared/tokens.ts';
import { z } from 'zod';
import { type Service, startService } from '../../deploy/local/service.ts';
import type { Target } from '../h2load.ts';
import { family } from '../processes.ts';

const SITE = 'bench';
const SEED = 7;

export interface Server {
  /** Where a question is POSTed, without its body. */
  readonly target: Target;
  /** Its processes now. */
  readonly pids: () => readonly number[];
  stop(): Promise<void>;
}

export interface AgentServer extends Server {
  readonly https: string;
  readonly http: string;
  /** The site's folder. */
  readonly data: string;
  readonly pid: number;
}

const ready = z.object({ https: z.url(), http: z.url(), pid: z.int(), enginePid: z.int() });

/** A site with the sample inventory and a moving sample collector, TLS and loopback HTTP. */
export async function startAgent(folder: string): Promise<AgentServer> {
  const data = join(folder, 'site');
  const made = await initSite({ data, site: SITE, inventory: 'sample', seed: SEED });
  const authority = await openAuthority(join(folder, 'authority'));
  const issued = await authority.issue(SITE, readFileSync(made.request, 'utf8'));
  const files = { cert: join(data, 'tls', 'certificate.pem'), ca: join(data, 'tls', 'authority.pem') };
  writeFileSync(files.cert, issued.certificate);
  writeFileSync(files.ca, authority.certificate);
  const service = startService({
    name: 'agent',
    entry: fileURLToPath(new URL('../../node-agent/src/main.ts', import.meta.url)),
    args: [
      ...['serve', '--site', SITE, '--data', data, '--kb-path', made.main],
      ...['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'],
      ...['--tls-cert', files.cert, '--tls-key', made.key, '--tls-ca', files.ca],
      ...['--collector', 'sample', '--seed', String(SEED), '--follow-parent'],
    ],
    log: join(folder, 'agent.log'),
  });
  const { https, http, pid } = ready.parse(await service.ready);
  const token = new Tokens(data, realWorld).create('bench', 'operator');
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const target = { url: `${https}/pengine/create`, headers };
  return { target, https, http, data, pid, pids: () => family(pid), stop: () => service.stop() };
}

/** Stock library(pengines) on the knowledge base of the agent's folder, with what it holds at this moment. */
export async function startStock(kb: string): Promise<Server> {
  const script = fileURLToPath(new URL('stock.pl', import.meta.url));
  const child = spawn('swipl', [script, '--', '--kb', kb], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) resolve(z.object({ port: z.int() }).parse(JSON.parse(line)).port);
    });
    void ended.then(() => reject(new Error('the stock server ended before it was ready')));
  });
  const pid = child.pid ?? 0;
  return {
    target: {
      url: `http://localhost:${port}/pengine/create`,
      headers: { 'content-type': 'application/json' },
      http1: true,
    },
    pids: () => [pid],
    stop: async () => {
      child.stdin.end();
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** A bare route that sends the reply that the agent gives to this question. */
export async function startBare(folder: string, agent: AgentServer, body: string): Promise<Server> {
  const given = await fetch(`${agent.http}/pengine/create`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const kept = [...given.headers].filter(
    ([name]) => name.startsWith('logic-') || /^c.*(type|control)$/.test(name),
  );
  const reply = join(folder, 'reply.json');
  writeFileSync(reply, JSON.stringify({ headers: Object.fromEntries(kept), body: await given.text() }));
  const tls = join(agent.data, 'tls');
  const service: Service = startService({
    name: 'bare route',
    entry: fileURLToPath(new URL('bare.ts', import.meta.url)),
    args: [JSON.stringify({ cert: join(tls, 'certificate.pem'), key: join(tls, 'key.pem'), reply })],
    log: join(folder, 'bare.log'),
  });
  const { url } = z.object({ url: z.url() }).parse(await service.ready);
  const pid = service.pid;
  return {
    target: { ...agent.target, url: `${url}/pengine/create` },
    pids: () => family(pid),
    stop: () => service.stop(),
  };
}
