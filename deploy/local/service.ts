/**
 * One child process of a local fleet: an agent or the coordinator, run directly under this Node.
 *
 * It says that it is ready with one JSON line on its standard output. It is tied to us by its
 * standard input (`--follow-parent`), so it ends when we do, even by SIGKILL; and it leads a process
 * group of its own, so that a Ctrl-C in the terminal reaches only us, who stop things in order, and
 * so that nothing it started can outlive it. Its log goes to a file: no pump, no back-pressure.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { LOCAL_START_MS, LOCAL_STOP_MS } from '@fleet/shared/limits.ts';
import { HEAP_FLAGS } from '../../shared/launch.mjs';

export interface ServiceSpec {
  readonly name: string;
  /** Absolute path of the TypeScript entry. */
  readonly entry: string;
  readonly args: readonly string[];
  /** File for its standard error, begun anew at each start; null shows it on ours. */
  readonly log: string | null;
  /** V8's heap flags, where those of an installation (HEAP_FLAGS) are not meant. */
  readonly heapFlags?: readonly string[];
  /** Until when it must be ready, if not within LOCAL_START_MS. */
  readonly startMs?: number;
}

export interface Service {
  readonly name: string;
  readonly pid: number;
  /** The ready line, parsed as JSON. Rejects with what the log says when it ends or stays silent instead. */
  readonly ready: Promise<unknown>;
  /** How it ended, in words; never rejects. */
  readonly ended: Promise<string>;
  /** Ends it: asked first, killed after LOCAL_STOP_MS. */
  stop(): Promise<void>;
}

export function startService(spec: ServiceSpec): Service {
  const child = spawnChild(spec);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (cause) => resolve(cause.message));
    child.once('exit', (code, signal) => {
      killGroup(child);
      resolve(signal ? `ended by ${signal}` : `ended with status ${code}`);
    });
  });
  const ready = readyLine(spec, child, ended);
  ready.catch(() => {}); // whoever awaits it sees it; a stop during the start may come first
  return { name: spec.name, pid: child.pid ?? 0, ready, ended, stop: () => stop(child, ended) };
}

function spawnChild({ entry, args, log, heapFlags = HEAP_FLAGS }: ServiceSpec): ChildProcess {
  if (log !== null) mkdirSync(dirname(log), { recursive: true });
  const stderr = log === null ? 2 : openSync(log, 'w');
  const child = spawn(process.execPath, [...heapFlags, entry, ...args], {
    stdio: ['pipe', 'pipe', stderr],
    detached: true,
  });
  if (log !== null) closeSync(stderr);
  child.stdin?.on('error', () => {}); // it ended first
  return child;
}

function readyLine(spec: ServiceSpec, child: ChildProcess, ended: Promise<string>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${spec.name} ${why}${lastWords(spec.log)}`));
    const { startMs = LOCAL_START_MS } = spec;
    const timer = setTimeout(() => fail(`was not ready after ${startMs / 1000} s`), startMs);
    void ended.then((how) => fail(`${how} before it was ready`)).finally(() => clearTimeout(timer));
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = parse(line);
      if (said?.ready !== true) return;
      clearTimeout(timer);
      resolve(said);
    });
  });
}

function parse(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** The end of a log, made readable: pino writes one JSON object a line. */
function lastWords(log: string | null): string {
  // A run that failed may have cleared its folder before its services ended.
  if (log === null || !existsSync(log)) return '';
  const lines = readFileSync(log, 'utf8').trim().split('\n').slice(-8);
  const words = lines.map((line) => {
    const entry = parse(line);
    const cause = entry?.err as { message?: string } | undefined;
    return entry ? [entry.msg, cause?.message].filter(Boolean).join(': ') : line;
  });
  return `\n${words.map((line) => `    ${line}`).join('\n')}\n  (log: ${log})`;
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.stdin?.end();
  child.kill('SIGTERM');
  const timer = setTimeout(() => killGroup(child), LOCAL_STOP_MS);
  await ended;
  clearTimeout(timer);
}

/** Whatever is left of the child and of what it started. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, constants.signals.SIGKILL);
  } catch {} // none left
}
