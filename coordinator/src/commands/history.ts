/**
 * `logic-fleet history [ID]`: what the fleet was asked and answered, or one answer whole. With --verify it looks for tampering: in the files
 * of a coordinator's data folder, which needs no coordinator, or, with --url, by that coordinator.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUTCOMES, type Outcome } from '@fleet/shared/api/ask.ts';
import type { HistoryCheck } from '@fleet/shared/api/history.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { HISTORY_PAGE } from '@fleet/shared/limits.ts';
import { renderHistory, renderHistoryCheck, renderHistoryRow } from '@fleet/shared/render-history.ts';
import { type Command, Option } from 'commander';
import { type ClientFlags, EXIT, print, reporting, withCoordinator } from '../client.ts';
import { coordinatorFiles } from '../config.ts';
import { clientOptions, wholeNumber } from './options.ts';

interface HistoryFlags extends ClientFlags {
  readonly query?: string;
  readonly site?: string;
  readonly outcome?: Outcome;
  readonly before?: number;
  readonly limit: number;
  readonly verify?: boolean;
  readonly against?: string;
}

export function registerHistory(program: Command): void {
  const command = program
    .command('history')
    .description('list answers that were given, show one, or look for tampering (--verify)')
    .argument('[id]', 'show this row whole, with its proofs', wholeNumber)
    .option('--query <text>', 'questions with this text in them')
    .option('--site <name>', 'questions that were meant for this site')
    .addOption(new Option('--outcome <outcome>', 'with a site of this outcome').choices(OUTCOMES))
    .option('--before <id>', 'older than this row', wholeNumber)
    .option('--limit <n>', 'how many rows', wholeNumber, HISTORY_PAGE)
    .option('--verify', 'look at every row; exit status 1 where somebody changed one')
    .option('--against <file>', 'with --verify: a history.checkpoint that was kept elsewhere');
  clientOptions(command).action(historyCommand);
}

async function historyCommand(id: number | undefined, flags: HistoryFlags): Promise<void> {
  if (flags.verify) return verifyCommand(flags);
  await withCoordinator(flags, async (client) => {
    if (id !== undefined) return print(flags, await client.fleet.historyRow.query({ id }), renderHistoryRow);
    const { query, site, outcome, before, limit } = flags;
    const filter = { limit, ...(query && { query }), ...(site && { site }), ...(outcome && { outcome }) };
    const page = await client.fleet.history.query({ ...filter, ...(before && { before }) });
    return print(flags, page, renderHistory);
  });
}

async function verifyCommand(flags: HistoryFlags): Promise<void> {
  const { url, against } = flags;
  const text = against === undefined ? {} : { against: readCheckpointFile(against) };
  const told = (check: HistoryCheck) => {
    print(flags, check, renderHistoryCheck);
    process.exitCode = check.ok ? EXIT.complete : EXIT.failed;
  };
  if (url !== undefined)
    return withCoordinator(flags, async (client) => told(await client.fleet.historyCheck.query(text)));
  await reporting(flags, async () => told(await checkFiles(flags.data, text)));
}

function readCheckpointFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new LogicError('bad_request', `${path} cannot be read`, cause);
  }
}

/** Of a coordinator's data folder, or of the one in a local fleet's. */
async function checkFiles(data: string, options: { readonly against?: string }): Promise<HistoryCheck> {
  const folder = [data, join(data, 'coordinator')].find((one) => existsSync(coordinatorFiles(one).authority));
  if (folder === undefined)
    throw new LogicError('not_found', `${data} is no coordinator's data folder: name it with --data`);
  const { checkHistoryOf } = await import('../views/history/offline.ts');
  return checkHistoryOf(coordinatorFiles(folder), options);
}
