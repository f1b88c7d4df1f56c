/**
 * For end-to-end tests: a real agent in a process of its own (`node-agent/bin/logic-node.mjs`), with real
 * Prolog, enrolled in the test's own fleet. Whoever starts one ends it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Authority } from '../sites/authority.ts';
import { enrol } from '../sites/enrol.ts';
import type { Registry } from '../sites/registry.ts';

const BIN = join(import.meta.dirname, '../../../node-agent/bin/logic-node.mjs');

export interface AgentOptions {
  readonly name: string;
  /** Folder for all agents of this test. */
  readonly dir: string;
  readonly seed: number;
  readonly authority: Authority;
  readonly registry: Registry;
  /** `sample` where left out: a machine room that changes by itself. */
  readonly collector?: 'sample' | 'none';
}

export interface AgentProcess {
  readonly name: string;
  /** The agent itself; what was started may be a launcher above it. */
  readonly pid: number;
  /** Its swipl, as it was at the start. */
  readonly enginePid: number;
  /** host:port of its TLS listener, which the registry has too. */
  readonly address: string;
  /** PEM: what a thief of this site's disk would have. */
  readonly key: string;
  readonly certificate: string;
  /** Tells it facts that it vouches for, each for a minute; they are on its disk when this resolves. Resolves with the revision. */
  observe(...facts: readonly string[]): Promise<number>;
  /** Starts it in its folder after it ended, at another port; the registry knows it there. */
  again(): Promise<AgentProcess>;
  /** Ends it, be it stopped or gone already. */
  end(): Promise<void>;
}

export async function startAgent(options: AgentOptions): Promise<AgentProcess> {
  const { name, dir, seed, authority, registry } = options;
  const data = join(dir, name);
  const file = (part: string) => join(data, 'tls', part);
  const init = ['init', '--data', data, '--site', name, '--inventory', 'sample', '--seed', String(seed)];
  await done(spawn(process.execPath, [BIN, ...init]));
  const request = await readFile(file('request.pem'), 'utf8');
  const member = await enrol({ authority, registry, site: name, request, address: '127.0.0.1:0' });
  await writeFile(file('certificate.pem'), member.certificate);
  await writeFile(file('authority.pem'), member.authority);
  return runAgent(options);
}

async function runAgent(options: AgentOptions): Promise<AgentProcess> {
  const { name, dir, seed, registry, collector = 'sample' } = options;
  const data = join(dir, name);
  const file = (part: string) => join(data, 'tls', part);
  const serve = [
    ...['serve', '--kb-path', join(data, 'kb/main.pl'), '--site', name, '--data', data],
    ...['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0', '--tls-key', file('key.pem')],
    ...['--tls-cert', file('certificate.pem'), '--tls-ca', file('authority.pem')],
    ...['--collector', collector, '--seed', String(seed), '--follow-parent'],
  ];
  const child = spawn(process.execPath, [BIN, ...serve], { stdio: ['pipe', 'pipe', 'pipe'] });
  const { https, http, pid, enginePid } = await readyLine(child, name);
  const address = new URL(https).host;
  registry.setAddress(name, address);
  return {
    ...{ name, pid, enginePid, address },
    key: await readFile(file('key.pem'), 'utf8'),
    certificate: await readFile(file('certificate.pem'), 'utf8'),
    observe: (...facts) => observe(http, facts),
    again: () => runAgent(options),
    end: () => end(child, pid),
  };
}

async function observe(http: string, facts: readonly string[]): Promise<number> {
  const reply = await fetch(`${http}/trpc/site.observe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(facts.map((fact) => ({ fact, validForMs: 60_000 }))),
  });
  if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`);
  const { result } = (await reply.json()) as { result: { data: { revision: number } } };
  return result.data.revision;
}

interface Ready {
  readonly https: string;
  readonly http: string;
  readonly pid: number;
  readonly enginePid: number;
}

async function done(child: ChildProcess): Promise<void> {
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`logic-node init ended with ${code}`);
}

async function readyLine(child: ChildProcess, name: string): Promise<Ready> {
  let log = '';
  child.stderr?.on('data', (chunk) => {
    log = `${log}${chunk}`.slice(-4_000);
  });
  if (child.stdout) {
    for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line) as Ready;
  }
  throw new Error(`${name} ended before it was ready: ${log}`);
}

async function end(child: ChildProcess, pid: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  process.kill(pid, 'SIGCONT');
  child.kill('SIGTERM');
  await exited;
}
