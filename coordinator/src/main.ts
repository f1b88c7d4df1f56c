/**
 * The command line of `logic-fleet`. `serve` runs a coordinator; `ask` and `sites` are clients of one
 * and load nothing of the server, so that they start fast. Standard output holds results only (for
 * `serve`: the one line that says it is ready), everything else goes to standard error.
 */
import { join } from 'node:path';
import { asLogicError } from '@fleet/shared/errors.ts';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type AskFlags, askCommand, type ClientFlags, report, sitesCommand } from './client.ts';
import { parseListen } from './config.ts';
import type { Served } from './coordinator.ts';

const ROOT = join(import.meta.dirname, '..', '..');

interface ServeFlags {
  readonly data: string;
  readonly listen: string;
  readonly kb: string;
  readonly followParent?: boolean;
}

async function serveCommand(flags: ServeFlags): Promise<void> {
  const listen = parseListen(flags.listen);
  const { startCoordinator } = await import('./coordinator.ts');
  const coordinator = await startCoordinator({ data: flags.data, kb: flags.kb, listen });
  endOnSignals(coordinator, flags.followParent === true);
  process.stdout.write(`${JSON.stringify({ ready: true, http: coordinator.url, pid: process.pid })}\n`);
}

/** Closes once on SIGINT, SIGTERM, or the end of standard input; a second signal ends the process as it is. */
function endOnSignals(coordinator: Served, followParent: boolean): void {
  const end = () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
    coordinator.close().then(
      () => process.exit(0),
      (cause) => fail(cause, false),
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  if (followParent) process.stdin.on('end', end).on('error', end).resume();
}

function fail(cause: unknown, json: boolean): void {
  const error = asLogicError(cause);
  report(error, json);
  if (error.code === 'internal')
    process.stderr.write(`${cause instanceof Error ? cause.stack : String(cause)}\n`);
  process.exitCode = 1;
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(',')];
}

function collectOne(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function milliseconds(value: string): number {
  const ms = Number(value);
  if (!Number.isInteger(ms) || ms < 1) throw new InvalidArgumentError('a whole number of milliseconds.');
  return ms;
}

const program = new Command('logic-fleet')
  .description('One question to every logic node of a fleet, with proofs.')
  .showHelpAfterError();

program
  .command('serve')
  .description('run a coordinator on loopback')
  .option('--data <dir>', 'registry, authority and keys', join('.data', 'coordinator'))
  .option(
    '--listen <host:port>',
    'loopback address of its HTTP side; port 0 takes a free one',
    '127.0.0.1:8080',
  )
  .option('--kb <dir>', 'folder with manifest.json', join(ROOT, 'kb'))
  .option('--follow-parent', 'end when standard input ends')
  .action(serveCommand);

const url = () => new Option('--url <url>', 'the coordinator (default: the one in run.json of --data)');
const data = () => new Option('--data <dir>', 'data of the local fleet').default('.data');
const json = () => new Option('--json', 'one JSON object as the last line of standard output');

program
  .command('ask')
  .description('ask the fleet; exit status 0 complete, 3 partial, 2 refused query, 1 anything else')
  .argument('<query>', "such as 'node_status(Node, Status)'")
  .addOption(json())
  .option('--site <name>', 'ask this site only (may be repeated)', collect)
  .option('--deadline <ms>', 'milliseconds until sites count as timed out', milliseconds)
  .option('--assume <fact>', "what if: a fact that is to hold, or '\\+ fact' (may be repeated)", collectOne)
  .option('--no-prove', 'ask for no proofs: answers stand as unproved')
  .addOption(url())
  .addOption(data())
  .action((query: string, flags: AskFlags) => askCommand(query, flags));

program
  .command('sites')
  .description('list the sites of the registry')
  .addOption(json())
  .addOption(url())
  .addOption(data())
  .action((flags: ClientFlags) => sitesCommand(flags));

await program.parseAsync().catch((cause: unknown) => fail(cause, process.argv.includes('--json')));
