/** For tests: `logic-node serve` on a free port, as a process of its own that ends with the test, and its other commands. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { atEnd, type Ending } from './folder.ts';
import { SITE } from './site.ts';

export const BIN = fileURLToPath(new URL('../../bin/logic-node.mjs', import.meta.url));

/** What it says when it is ready. */
export interface Ready {
  readonly http: string;
  /** Null unless the flags say where. */
  readonly https: string | null;
  readonly pid: number;
  readonly enginePid: number;
  readonly site: string;
}

/** Exit status or signal, and what the log said. */
export interface Ended {
  readonly status: number | string | null;
  readonly log: string;
}

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Any command of `logic-node`, to its end. */
export function run(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

export interface ServeChild {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ready: Ready;
  readonly ended: Promise<Ended>;
  /** What it said on standard error so far. */
  log(): string;
}

export interface ServeOptions {
  readonly flags?: readonly string[];
  /** Flags of Node's own. */
  readonly node?: readonly string[];
}

/** Resolves when it is ready; rejects with its log when it ends before. */
export async function serveChild(
  t: Ending,
  data: string,
  { flags = [], node = [] }: ServeOptions = {},
): Promise<ServeChild> {
  const own = ['--data', data, '--site', SITE, '--http', '127.0.0.1:0'];
  const child = spawn(process.execPath, [...node, BIN, 'serve', ...own, ...flags]);
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ status: code ?? signal, log }));
  });
  atEnd(t, () => {
    child.kill('SIGKILL');
    return ended;
  });
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
    ended.then(({ status }) => Promise.reject(new Error(`ended with ${status}: ${log}`))),
  ]);
  return { child, ready: JSON.parse(line), ended, log: () => log };
}
