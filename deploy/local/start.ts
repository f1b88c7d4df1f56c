/**
 * `npm start`: brings a local fleet up, prints one URL and a question to try, and keeps it until
 * Ctrl-C, `kill`, or the end of whoever started it. With `--ask` it asks once, prints the result as
 * `logic-fleet ask` does, and stops everything. Steps go to standard error; standard output is for
 * the result.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { endWithParent, ROOT } from '../../shared/launch.mjs';
import { FolderInUse } from './data-folder.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { dataFlag, readStartOptions, type StartOptions, UsageError } from './options.ts';
import { stopSignal } from './stop-signal.ts';

const say = (text: string) => process.stderr.write(`${text}\n`);

endWithParent();
process.exitCode = await run(process.argv.slice(2)).catch((cause: unknown) => {
  say(
    cause instanceof UsageError || cause instanceof FolderInUse
      ? cause.message
      : `npm start: ${describe(cause)}`,
  );
  return 1;
});

async function run(args: readonly string[]): Promise<number> {
  const options = readStartOptions(args);
  const stopped = stopSignal();
  let fleet: Fleet | null = null;
  try {
    fleet = await startFleet({ ...options, say, signal: stopped.signal });
    return options.ask === null
      ? await keep(fleet, options, stopped.signal)
      : await ask(fleet, options, stopped.signal);
  } catch (cause) {
    if (stopped.signal.aborted) return stopped.status();
    throw cause;
  } finally {
    await fleet?.stop();
    stopped.release();
  }
}

/** Shows where the fleet is; settles when it is told to stop (status 0) or the coordinator is lost (1). */
async function keep(fleet: Fleet, options: StartOptions, signal: AbortSignal): Promise<number> {
  process.stdout.write(`${welcome(fleet, options)}\n`);
  const how = await Promise.race([fleet.lost, aborted(signal)]);
  if (how === null) {
    say('stopping ...');
    return 0;
  }
  say(`the coordinator ${how}; stopping (log: ${join(options.data, 'coordinator', 'coordinator.log')})`);
  return 1;
}

function aborted(signal: AbortSignal): Promise<null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((done) => signal.addEventListener('abort', () => done(null), { once: true }));
}

/** The command line of `logic-fleet ask` is the one place that prints results; here it is run once. */
async function ask(fleet: Fleet, { ask: query, json }: StartOptions, signal: AbortSignal): Promise<number> {
  const args = [
    join(ROOT, 'coordinator/src/main.ts'),
    'ask',
    '--url',
    fleet.url,
    ...(json ? ['--json'] : []),
    '--',
    query ?? '',
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'], signal });
  return await new Promise((done, fail) => {
    child.on('error', fail);
    child.on('exit', (code) => done(code ?? 1));
  });
}

function welcome(fleet: Fleet, { data }: StartOptions): string {
  const at = dataFlag(data);
  return [
    '',
    `The fleet is up: ${fleet.url}`,
    '',
    'Ask it on that page, or from another terminal in this folder:',
    '',
    `  npx logic-fleet ask 'at_risk_of_throttling(Node)'${at}`,
    `  npx logic-fleet ask --say 'which machines are about to throttle?'${at}`,
    `  npx logic-fleet ask 'node_load(Node, Load), Load > 0.5' --json${at}`,
    `  npx logic-node ask 'node_status(Node, Status)' --prove${at}`,
    '',
    'Ctrl-C stops everything.',
  ].join('\n');
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
