/** For end-to-end tests: `logic-fleet` and `logic-node` as people run them, in processes of their own. Whoever starts one ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

const ROOT = join(import.meta.dirname, '../../..');
const BINS = {
  'logic-fleet': join(ROOT, 'coordinator/bin/logic-fleet.mjs'),
  'logic-node': join(ROOT, 'node-agent/bin/logic-node.mjs'),
} as const;
export type Program = keyof typeof BINS;

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs to its end. */
export async function run(program: Program, ...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [BINS[program], ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code, out: out.trim(), err };
}

export interface Running {
  /** What it said when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  readonly pid: number;
  /** What it said on standard error so far. */
  log(): string;
  end(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a `serve`, and waits until it says that it is ready. */
export async function serve(program: Program, ...args: readonly string[]): Promise<Running> {
  const child: ChildProcess = spawn(process.execPath, [BINS[program], 'serve', ...args, '--follow-parent'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr?.on('data', (chunk) => {
    log += chunk;
  });
  child.stdin?.on('error', () => {});
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    process.kill(pid, signal);
    if (signal === 'SIGKILL') child.kill(signal);
    await exited;
  };
  let pid = child.pid ?? 0;
  if (child.stdout) {
    for await (const line of createInterface({ input: child.stdout })) {
      const ready = JSON.parse(line) as Record<string, unknown>;
      pid = Number(ready.pid);
      return { ready, pid, log: () => log, end };
    }
  }
  throw new Error(`${program} ended before it was ready: ${log}`);
}
