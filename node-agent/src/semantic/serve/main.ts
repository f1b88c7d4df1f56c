/**
 * `logic-semantic`: one model, or a few that are asked the same, behind a Unix socket, until it is told to stop, by a signal or (with --follow-parent) by the end of standard
 * input. One JSON line on standard output says that the model is loaded. It opens no other socket, writes no file and keeps nothing of what
 * it is asked.
 */
import { lstatSync, rmSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { asLogicError, LogicError } from '@fleet/shared/errors.ts';
import { SEMANTIC_CONTEXT_TOKENS, SEMANTIC_CONTEXT_TOKENS_MOST } from '@fleet/shared/limits.ts';
import { logTo } from '@fleet/shared/log.ts';
import { realWorld } from '../../world.ts';
import { loadBackend } from './backend.ts';
import { ceilingFor, watchCeiling } from './ceiling.ts';
import { checkListed } from './listing.ts';
import { RunningModel } from './model.ts';
import { SemanticServer } from './server.ts';

const USAGE = `usage: logic-semantic --model FILE [--model FILE ...] --socket PATH [--threads N] [--context TOKENS] [--memory-mb N] [--follow-parent]

  --model FILE       a GGUF that sha256sums beside it lists; of several, the first is the one that is asked
  --socket PATH      where to listen, in a folder of your own
  --threads N        of llama.cpp (default: 1)
  --context TOKENS   prompt and completion together (default: ${SEMANTIC_CONTEXT_TOKENS})
  --memory-mb N      ends itself past so much resident memory (default: by the model's size)
  --follow-parent    ends when standard input ends`;
/** Ended by its own ceiling. */
const OVER_CEILING = 3;
const MEGABYTE = 1024 * 1024;

interface Options {
  readonly models: readonly string[];
  readonly socket: string;
  readonly threads: number;
  readonly contextTokens: number;
  readonly ceilingBytes: number;
  readonly followParent: boolean;
}

const standardError = logTo();
const say = (line: string) => standardError.write(`${line}\n`);

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', multiple: true },
      socket: { type: 'string' },
      threads: { type: 'string', default: '1' },
      context: { type: 'string', default: String(SEMANTIC_CONTEXT_TOKENS) },
      'memory-mb': { type: 'string' },
      'follow-parent': { type: 'boolean', default: false },
    },
  });
  if (values.model === undefined || values.socket === undefined) throw new LogicError('bad_setup', USAGE);
  const models = values.model.map((file) => resolve(file));
  const bytes = models.reduce((sum, file) => sum + sizeOf(file), 0);
  const memory = values['memory-mb'];
  return {
    models,
    socket: resolve(values.socket),
    threads: wholeNumber('--threads', values.threads, 256),
    contextTokens: wholeNumber('--context', values.context, SEMANTIC_CONTEXT_TOKENS_MOST),
    ceilingBytes:
      memory === undefined ? ceilingFor(bytes) : wholeNumber('--memory-mb', memory, 1_000_000) * MEGABYTE,
    followParent: values['follow-parent'],
  };
}

function sizeOf(file: string): number {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new LogicError('bad_setup', `--model ${file}: there is no such file`);
  return found.size;
}

function wholeNumber(flag: string, text: string, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new LogicError('bad_setup', `${flag} ${text}: a whole number from 1 to ${most}`);
}

async function serve(options: Options): Promise<void> {
  const { models: files, socket, threads, contextTokens, ceilingBytes } = options;
  const models = new Map<string, RunningModel>();
  const server = new SemanticServer({ file: files[0] ?? '', models, say });
  stopWhenTold(options, server);
  watchCeiling({
    bytes: ceilingBytes,
    world: realWorld,
    resident: () => process.memoryUsage.rss(),
    over: leave(ceilingBytes),
  });
  removeStale(socket);
  await server.listen(socket);
  const digests: string[] = [];
  for (const file of files) digests.push(await checkListed(file));
  const llama = await loadBackend({ threads, say });
  const loaded: RunningModel[] = [];
  for (const file of files)
    loaded.push(await RunningModel.load(llama, { file, threads, contextTokens, world: realWorld }));
  for (const [at, model] of loaded.entries()) models.set(basename(files[at] ?? '', '.gguf'), model);
  // Half of what loading took is garbage by now, and with so little to do V8 would keep it.
  globalThis.gc?.();
  const context = loaded[0]?.contextTokens;
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, digest: digests[0], context })}\n`);
}

function leave(ceilingBytes: number): (residentBytes: number) => void {
  return (residentBytes) => {
    const megabytes = (bytes: number) => Math.round(bytes / MEGABYTE);
    say(
      `resident memory is ${megabytes(residentBytes)} MB, past the ceiling of ${megabytes(ceilingBytes)} MB: ending`,
    );
    process.exit(OVER_CEILING);
  };
}

function stopWhenTold({ followParent }: Options, server: SemanticServer): void {
  const stop = () => {
    server.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);
  if (!followParent) return;
  for (const event of ['end', 'close', 'error']) process.stdin.on(event, stop);
  process.stdin.resume();
}

/** Of one that was killed. Confined it may remove nothing, and whoever starts it so has done that. */
function removeStale(socket: string): void {
  try {
    if (lstatSync(socket, { throwIfNoEntry: false })?.isSocket() === true) rmSync(socket);
  } catch {
    // Then listening says why not.
  }
}

try {
  await serve(readOptions());
} catch (cause) {
  const { code, message } = asLogicError(cause);
  say(code === 'internal' && cause instanceof Error ? cause.message : message);
  process.exit(1);
}
