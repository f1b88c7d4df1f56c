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
  /** Ends it, be it stopped or gone already. */
  end(): Promise<void>;
}

export async function startAgent({
  name,
  dir,
  seed,
  authority,
  registry,
}: AgentOptions): Promise<AgentProcess> {
  const data = join(dir, name);
  const file = (part: string) => join(data, 'tls', part);
  await done(
    spawn(process.execPath, [
      BIN,
      'init',
      '--data',
      data,
      '--site',
      name,
      '--inventory',
      'sample',
      '--seed',
      String(seed),
    ]),
  );
  const request = await readFile(file('request.pem'), 'utf8');
  const member = await enrol({ authority, registry, site: name, request, address: '127.0.0.1:0' });
  await writeFile(file('certificate.pem'), member.certificate);
  await writeFile(file('authority.pem'), member.authority);
  const child = spawn(
    process.execPath,
    [
      BIN,
      'serve',
      '--kb-path',
      join(data, 'kb/main.pl'),
      '--site',
      name,
      '--data',
      data,
      '--listen',
      '127.0.0.1:0',
      '--tls-key',
      file('key.pem'),
      '--tls-cert',
      file('certificate.pem'),
      '--tls-ca',
      file('authority.pem'),
      '--collector',
      'sample',
      '--seed',
      String(seed),
      '--follow-parent',
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const { https, pid, enginePid } = await readyLine(child, name);
  const address = new URL(https).host;
  registry.setAddress(name, address);
  const key = await readFile(file('key.pem'), 'utf8');
  return { name, pid, enginePid, address, key, certificate: member.certificate, end: () => end(child, pid) };
}

interface Ready {
  readonly https: string;
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
