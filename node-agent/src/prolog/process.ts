/**
 * One swipl child: started, watched until it prints `ready`, ended. It lives in its own process group, so that
 * Ctrl-C in a terminal reaches the agent alone, and it ends when its standard input does, so that it never
 * outlives an agent that was killed. Its standard error goes to the log. What it may do to the machine is
 * confinement.ts's matter.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { LogicError } from '@fleet/shared/errors.ts';
import type { Logger } from 'pino';
import type { Sockets } from './bridge.ts';
import { type Confinement, confinedCommand, foldersOf, readConfinement, UNCONFINED } from './confinement.ts';

/** How long an engine may take to leave once its standard input has ended. */
const LEAVE_MS = 1_500;
/** Lines of standard error kept for the message when a start fails. */
const LAST_LINES = 12;

const SERVER = fileURLToPath(new URL('../../prolog/server.pl', import.meta.url));

export interface EngineOptions {
  /** The knowledge base's `main.pl`. */
  readonly main: string;
  readonly sockets: Sockets;
  /** What the Prolog side may use; keys as in node-agent/prolog/server.pl. */
  readonly limits: Readonly<Record<string, number>>;
  readonly log: Logger;
  /** The program to run: `swipl` unless a test names another. */
  readonly swipl?: string;
}

export interface EngineProcess {
  readonly pid: number;
  readonly sockets: Sockets;
  /** What holds it; known when it listens. */
  readonly confinement: Confinement;
  /** Settles when its sockets listen; rejects with `engine_lost` when the process ends before. */
  readonly listening: Promise<void>;
  /** Resolves with the reason once the process is gone and its sockets are removed. */
  readonly exited: Promise<string>;
  /** Asks it to leave; kills it when it does not. */
  end(): void;
  kill(): void;
}

/** Starts swipl on the site's knowledge base. Throws when the program cannot be started at all. */
export async function startEngine(options: EngineOptions): Promise<EngineProcess> {
  await removeSockets(options.sockets);
  const folders = foldersOf(options.main, options.sockets.pengine);
  const { program, args } = confinedCommand(options.swipl ?? 'swipl', engineArguments(options), folders);
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    // The same text under every locale: a service manager starts us with none, a terminal with its own.
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  await spawned(child);
  child.stdin.on('error', () => {});
  const lastLines = followErrors(child, options.log);
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) =>
      resolve(signal === null ? `exit status ${code}` : `signal ${signal}`),
    );
  });
  const exited = ended.then(async (reason) => {
    await removeSockets(options.sockets);
    return reason;
  });
  let confinement = UNCONFINED;
  const ready = listening(child, ended, lastLines, (held) => {
    confinement = held;
  });
  ready.catch(() => {});
  return {
    pid: child.pid ?? 0,
    sockets: options.sockets,
    get confinement() {
      return confinement;
    },
    listening: ready,
    exited,
    end: () => leave(child, ended),
    kill: () => void child.kill('SIGKILL'),
  };
}

function engineArguments({ main, sockets, limits }: EngineOptions): string[] {
  // Without the user's own init file: the engine is the same wherever it runs.
  const program = ['--on-error=halt', '-q', '-f', 'none', SERVER, '--'];
  const values = {
    kb: main,
    pengine: sockets.pengine,
    control: sockets.control,
    lane: sockets.lane,
    limits: JSON.stringify(limits),
  };
  return [...program, ...Object.entries(values).flatMap(([name, value]) => [`--${name}`, value])];
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(
        new LogicError(
          'bad_setup',
          `SWI-Prolog could not be started: ${cause.message}. Is swipl installed?`,
          cause,
        ),
      ),
    );
  });
}

function listening(
  child: ChildProcess,
  ended: Promise<string>,
  lastLines: readonly string[],
  confined: (held: Confinement) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const held = readConfinement(line);
        if (held !== null) confined(held);
        if (line.trim() === 'ready') resolve();
      });
    }
    void ended.then((reason) => {
      const said = lastLines.length > 0 ? `: ${lastLines.join(' | ')}` : '';
      reject(new LogicError('engine_lost', `SWI-Prolog ended before it was ready (${reason})${said}`));
    });
  });
}

function followErrors(child: ChildProcess, log: Logger): readonly string[] {
  const lastLines: string[] = [];
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (line.trim() === '') return;
      lastLines.push(line);
      if (lastLines.length > LAST_LINES) lastLines.shift();
      log.warn({ engine: child.pid }, line);
    });
  }
  return lastLines;
}

function leave(child: ChildProcess, ended: Promise<string>): void {
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), LEAVE_MS);
  void ended.then(() => clearTimeout(timer));
}

async function removeSockets(sockets: Sockets): Promise<void> {
  await rm(sockets.pengine, { force: true });
  await rm(sockets.control, { force: true });
  await rm(sockets.lane, { force: true });
}
