/** For end-to-end tests: `logic-fleet` in processes of its own, on the data folder of a test fleet. Whoever starts one ends it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { FleetAskInput, FleetResult } from '@fleet/shared/api/ask.ts';

const BIN = join(import.meta.dirname, '../../bin/logic-fleet.mjs');

export interface CoordinatorProcess {
  readonly url: string;
  /** host:port of its TLS listener. */
  readonly tls: string;
  readonly pid: number;
  ask(input: FleetAskInput): Promise<FleetResult>;
  /** What it has logged so far. */
  log(): string;
  end(signal?: NodeJS.Signals): Promise<void>;
}

export async function startCoordinatorProcess(
  data: string,
  tls = '127.0.0.1:0',
): Promise<CoordinatorProcess> {
  const args = ['serve', '--data', data, '--listen', '127.0.0.1:0', '--tls', tls, '--follow-parent'];
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk) => {
    log = `${log}${chunk}`.slice(-64_000);
  });
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    process.kill(ready.pid, signal);
    await exited;
  };
  let ready = { http: '', tls: '', pid: child.pid ?? 0 };
  for await (const line of createInterface({ input: child.stdout })) {
    ready = JSON.parse(line) as typeof ready;
    break;
  }
  if (ready.http === '') throw new Error(`the coordinator ended before it was ready: ${log}`);
  const ask = (input: FleetAskInput) => askOver(ready.http, input);
  return { url: ready.http, tls: ready.tls, pid: ready.pid, ask, log: () => log, end };
}

async function askOver(url: string, input: FleetAskInput): Promise<FleetResult> {
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(`${url}/trpc/fleet.ask`, {
    method: 'POST',
    headers,
    body: JSON.stringify(input),
  });
  const said = (await reply.json()) as { result?: { data: FleetResult }; error?: { message: string } };
  if (said.result === undefined) throw new Error(said.error?.message ?? 'no result');
  return said.result.data;
}

/** What a command printed. Rejects with its standard error where it failed. */
export async function logicFleet(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  if (code !== 0) throw new Error(err);
  return out;
}
