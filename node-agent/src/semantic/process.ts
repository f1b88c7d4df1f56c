/**
 * The semantic process as the rest of the agent sees it: a `Complete` that works when it can, and says `semantic_unavailable` when it cannot.
 * The process is started by the first sentence, so that a site nobody talks to pays nothing for it. When it ended, the next sentence
 * starts it again, after a wait that doubles while it keeps ending. Whatever it does, nothing else of the site waits for it.
 *
 * The child confines itself as swipl does (prolog/confinement.ts): no network, no file but the model and its own program, nothing written.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { backoff } from '@fleet/shared/backoff.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import {
  RESTART_FIRST_MS,
  RESTART_LONGEST_MS,
  SEMANTIC_HEAP_FLAGS,
  SEMANTIC_STOP_MS,
} from '@fleet/shared/limits.ts';
import {
  type Complete,
  type CompletionRequest,
  completionOver,
  isAnswering,
  unavailable,
} from '@fleet/shared/semantic/completion.ts';
import type { Logger } from 'pino';
import { z } from 'zod';
import { ROOT, SEMANTIC_ENVIRONMENT } from '../../../shared/launch.mjs';
import { type Confinement, confined, readConfinement, UNCONFINED } from '../prolog/confinement.ts';
import type { World } from '../world.ts';

/** So many times the time of a completion without one that came, and the process is taken to hang, though it answers. */
const LATE_TIMES = 4;
/** One that does not even say how it is within this hangs. */
const SIGN_OF_LIFE_MS = 2_000;
const BIN = fileURLToPath(new URL('../../bin/logic-semantic.mjs', import.meta.url));

/** `idle`: nobody has asked yet. `resting`: it ended, and is started again by the next sentence after a wait. */
export type SemanticState = 'idle' | 'starting' | 'ready' | 'resting' | 'stopped';

export interface SemanticProcessOptions {
  readonly model: string;
  /** Other models that are asked the same, in the folder of the first. */
  readonly voices: readonly string[];
  readonly socket: string;
  readonly threads: number;
  readonly contextTokens: number;
  /** For a completion, the start of the process included. */
  readonly replyMs: number;
  readonly cachePrompt: boolean;
  /** Resident memory past which it ends itself; by the model's size where left out. */
  readonly memoryMegabytes?: number;
  /** Told the digest of the model each time it is loaded. */
  readonly onReady?: (digest: string) => void;
  readonly world: World;
  readonly log: Logger;
}

interface Child {
  readonly process: ChildProcess;
  readonly ready: Promise<void>;
  readonly exited: Promise<void>;
  confinement: Confinement;
}

const readyLine = z.object({ ready: z.literal(true), digest: z.string() });

export class SemanticProcess {
  readonly #options: SemanticProcessOptions;
  readonly #ask: Complete;
  #child: Child | null = null;
  #state: SemanticState = 'idle';
  /** Ends in a row. */
  #failures = 0;
  #restAt = 0;
  #readySince = 0;
  /** When the first was late since one came in time. */
  #lateSince: number | null = null;

  constructor(options: SemanticProcessOptions) {
    this.#options = options;
    this.#ask = completionOver({
      socketPath: options.socket,
      // The deadline is kept here: a start counts too.
      timeoutMs: 2 * options.replyMs,
      cachePrompt: options.cachePrompt,
    });
  }

  get state(): SemanticState {
    return this.#state;
  }

  get pid(): number | null {
    return this.#child?.process.pid ?? null;
  }

  /** What holds the process; of none, while there is none. */
  get confinement(): Confinement {
    return this.#child?.confinement ?? UNCONFINED;
  }

  /** Throws `semantic_unavailable`, or `cancelled` when whoever asked has left. */
  readonly complete: Complete = async (request, signal) => {
    const late = AbortSignal.timeout(this.#options.replyMs);
    const child = this.#running();
    try {
      const completion = await this.#completed(child, request, AbortSignal.any([signal, late]));
      this.#lateSince = null;
      return completion;
    } catch (cause) {
      if (signal.aborted) throw new LogicError('cancelled', 'Whoever asked has left.', cause);
      if (late.aborted) throw this.#wasLate(child, cause);
      throw cause;
    }
  };

  /** Resolves when no process is left. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    const child = this.#child;
    if (child === null) return;
    child.process.stdin?.end();
    const kill = setTimeout(() => child.process.kill('SIGKILL'), SEMANTIC_STOP_MS);
    await child.exited;
    clearTimeout(kill);
  }

  async #completed(child: Child, request: CompletionRequest, signal: AbortSignal) {
    await before(child.ready, signal);
    return this.#ask(request, signal);
  }

  #wasLate(child: Child, cause: unknown): LogicError {
    const { replyMs, world } = this.#options;
    this.#lateSince ??= world.elapsed();
    void this.#endIfHanging(child);
    const what =
      this.#state === 'starting' ? 'The semantic process is still starting' : 'There was no translation';
    return unavailable(`${what} after ${replyMs} ms.`, cause);
  }

  /** A large model may be slow for a good reason, such as a long prompt that it reads for the first time and keeps. */
  async #endIfHanging(child: Child): Promise<void> {
    const { socket, replyMs, world, log } = this.#options;
    const lateMs = world.elapsed() - (this.#lateSince ?? world.elapsed());
    const hangs = lateMs >= LATE_TIMES * replyMs || !(await isAnswering(socket, SIGN_OF_LIFE_MS));
    if (!hangs || this.#child !== child) return;
    log.warn({ semantic: child.process.pid }, 'the semantic process hangs: ending it');
    child.process.kill('SIGKILL');
  }

  #running(): Child {
    if (this.#state === 'stopped') throw unavailable('The site is stopping.');
    if (this.#child !== null) return this.#child;
    if (this.#options.world.elapsed() < this.#restAt)
      throw unavailable('The semantic process ended, and is started again in a moment: the log says why.');
    this.#state = 'starting';
    // Of one that was killed; the new one may remove nothing.
    rmSync(this.#options.socket, { force: true });
    const child: Child = startChild(this.#options, (digest) => this.#ready(child, digest));
    this.#child = child;
    void child.exited.then(() => this.#exited(child));
    return child;
  }

  #ready(child: Child, digest: string): void {
    const { log, world, onReady } = this.#options;
    if (this.#child !== child || this.#state !== 'starting') return;
    this.#state = 'ready';
    this.#lateSince = null;
    this.#readySince = world.elapsed();
    const { confinement } = child;
    log.info({ semantic: child.process.pid, digest, confinement }, 'semantic process ready');
    if (confinement.landlock === 0 || !confinement.seccomp)
      log.warn({ confinement }, 'the semantic process is not wholly confined: see docs/security.md');
    onReady?.(digest);
  }

  /** One that worked for long has earned a short wait. */
  #exited(child: Child): void {
    if (this.#child !== child) return;
    this.#child = null;
    if (this.#state === 'stopped') return;
    const { world } = this.#options;
    const lived = this.#state === 'ready' && world.elapsed() - this.#readySince >= RESTART_LONGEST_MS;
    this.#failures = lived ? 1 : this.#failures + 1;
    this.#state = 'resting';
    this.#restAt =
      world.elapsed() +
      backoff({
        everyMs: RESTART_FIRST_MS,
        longestWaitMs: RESTART_LONGEST_MS,
        failures: this.#failures,
        random: world.random(),
      });
  }
}

function startChild(options: SemanticProcessOptions, onReady: (digest: string) => void): Child {
  const { log } = options;
  const loaded = Promise.withResolvers<void>();
  loaded.promise.catch(() => {});
  const child = spawnChild(options);
  const exited = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      log.warn({ semantic: child.pid, code, signal }, 'semantic process ended');
      loaded.reject(unavailable('The semantic process ended before it was ready: the log says why.'));
      resolve();
    });
    // A program that cannot be started at all is not closed either.
    child.once('error', (cause) => {
      log.error({ err: cause }, 'the semantic process could not be started');
      loaded.reject(unavailable('The semantic process could not be started.', cause));
      resolve();
    });
  });
  const started: Child = { process: child, ready: loaded.promise, exited, confinement: UNCONFINED };
  child.stdin?.on('error', () => {});
  if (child.stdout)
    createInterface({ input: child.stdout }).on('line', (line) => {
      const held = readConfinement(line);
      if (held !== null) started.confinement = held;
      const digest = readReady(line);
      if (digest === null) return;
      loaded.resolve();
      onReady(digest);
    });
  if (child.stderr)
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (line.trim() !== '') log.warn({ semantic: child.pid }, line);
    });
  return started;
}

/** The digest of the line that says that the model is loaded; null for any other line. */
function readReady(line: string): string | null {
  if (!line.startsWith('{')) return null;
  try {
    return readyLine.safeParse(JSON.parse(line)).data?.digest ?? null;
  } catch {
    return null;
  }
}

function spawnChild(options: SemanticProcessOptions): ChildProcess {
  const { model, voices, socket, threads, contextTokens, memoryMegabytes } = options;
  const models = [model, ...voices.map((name) => join(dirname(model), name))];
  const sockets = dirname(socket);
  const read = [
    join(ROOT, 'node_modules'),
    join(ROOT, 'node-agent'),
    join(ROOT, 'shared'),
    dirname(model),
    ...models,
  ];
  const args = [
    ...SEMANTIC_HEAP_FLAGS,
    BIN,
    ...models.flatMap((file) => ['--model', file]),
    ...['--socket', socket, '--threads', String(threads), '--context', String(contextTokens)],
    ...(memoryMegabytes === undefined ? [] : ['--memory-mb', String(memoryMegabytes)]),
    '--follow-parent',
  ];
  const command = confined(process.execPath, args, { read, sockets });
  return spawn(command.program, command.args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C in a terminal reaches the agent alone.
    detached: true,
    env: { ...environment(), ...SEMANTIC_ENVIRONMENT },
  });
}

/** No secret of the agent's, no option for its Node. */
function environment(): NodeJS.ProcessEnv {
  const { PATH = '', HOME = '/', TMPDIR = '/tmp' } = process.env;
  // Node ends where it may not read the machine's OpenSSL settings, which it does not need here.
  return { PATH, HOME, TMPDIR, LC_ALL: 'C.UTF-8', OPENSSL_CONF: '/dev/null' };
}

/** Waits for `promise` no longer than until `signal` is aborted. */
function before<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
