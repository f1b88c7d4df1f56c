/**
 * Starts one of our TypeScript entry points under a Node that can run it.
 *
 * Plain JavaScript for Node >= 18, because the machine's own Node may be too old to strip types and
 * this file is what finds out. Where the running Node will do, the entry is imported into this very
 * process (a command line answers sooner); else the same command runs again under the pinned Node
 * that `npm start` leaves in `.tools/`, tied to this process: signals go down, the exit status comes
 * up, and the child ends when this process does, however that happens.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The one place where the version of Node is pinned: what bootstrap.mjs installs. */
export const NODE_VERSION = '24.21.0';
export const NODE_MAJOR = 24;
/** V8's heap flags for what serves; the same as NODE_HEAP_FLAGS of limits.ts (a test holds them together). */
export const HEAP_FLAGS = ['--max-semi-space-size=5', '--max-old-space-size=96'];
/** The same for the semantic process, as SEMANTIC_HEAP_FLAGS. */
export const SEMANTIC_HEAP = ['--max-semi-space-size=1', '--max-old-space-size=32', '--expose-gc'];
/** One arena of malloc for all its threads: they take turns anyway, and an arena for each has 35 MB more resident. */
export const SEMANTIC_ENVIRONMENT = { MALLOC_ARENA_MAX: '1' };
/** The same for a coordinator, as COORDINATOR_HEAP_FLAGS of limits.ts. */
export const COORDINATOR_HEAP = ['--max-semi-space-size=32', '--max-old-space-size=1024'];

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TOOLS = join(ROOT, '.tools');
/** Compiled code of the last run: a warm start parses nothing. */
export const COMPILE_CACHE = join(TOOLS, 'node_modules', '.compile-cache');
/** The npm package that holds Node for this machine, and the program in it. */
export const NODE_PACKAGE = `node-${process.platform}-${process.arch}`;
const PINNED_NODE = join(TOOLS, 'node_modules', NODE_PACKAGE, 'bin', 'node');

function majorOf(version) {
  return Number.parseInt(version, 10);
}

/** Path of a Node that runs our TypeScript, or null where there is none yet. */
export function findNode({ running = process.versions.node, pinned = PINNED_NODE } = {}) {
  if (majorOf(running) >= NODE_MAJOR) return process.execPath;
  return existsSync(pinned) ? pinned : null;
}

/**
 * Runs `entryUrl` with this process's arguments; settles when the entry has been imported, or never
 * where a child runs it (this process then exits as the child does). `serve` gets the heap flags.
 */
export async function launch(entryUrl, { heapFlags = process.argv[2] === 'serve', heap = HEAP_FLAGS } = {}) {
  endWithParent();
  const node = findNode();
  if (node === null) return refuse();
  const flags = heapFlags && !heap.every((flag) => process.execArgv.includes(flag)) ? heap : [];
  if (node === process.execPath && flags.length === 0) {
    await useCompileCache();
    await import(String(entryUrl));
    return;
  }
  await become(node, [...flags, ...process.argv.slice(1)]);
}

/**
 * Runs `node ...args` in this process's place: same terminal, signals passed on, its exit status ours.
 * The channel between the two is what the child watches, see endWithParent().
 */
export function become(node, args, { env = process.env } = {}) {
  const child = spawn(node, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((_resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

/** Where a become() of the parent started this process: stop as on SIGTERM when that parent is gone. */
export function endWithParent() {
  if (!process.channel) return;
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}

async function useCompileCache() {
  const { enableCompileCache } = await import('node:module');
  enableCompileCache?.(COMPILE_CACHE);
}

function refuse() {
  process.stderr.write(
    `This needs Node ${NODE_MAJOR} or newer and runs under ${process.versions.node}.\n` +
      `Run \`npm start\` in ${ROOT} once (it brings Node ${NODE_VERSION} along), or install Node ${NODE_MAJOR}.\n`,
  );
  process.exit(1);
}
