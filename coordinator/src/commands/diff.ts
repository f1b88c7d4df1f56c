/** `logic-fleet diff A B`, `logic-fleet diff --last QUERY`: what changed between two runs of a question. */
import { LogicError } from '@fleet/shared/errors.ts';
import { renderDiff } from '@fleet/shared/render-history.ts';
import type { Command } from 'commander';
import { type ClientFlags, print, withCoordinator } from '../client.ts';
import { clientOptions, collectOne, wholeNumber } from './options.ts';

interface DiffFlags extends ClientFlags {
  readonly last?: string;
  readonly assume?: readonly string[];
}

export function registerDiff(program: Command): void {
  const command = program
    .command('diff')
    .description('what changed between two runs of a question: sites, outcomes, answers')
    .argument('[a]', 'row of the history: before', wholeNumber)
    .argument('[b]', 'row of the history: after', wholeNumber)
    .option('--last <query>', 'the last two runs of this question')
    .option('--assume <fact>', 'with --last: what the question assumed (may be repeated)', collectOne);
  clientOptions(command).action(diffCommand);
}

async function diffCommand(a: number | undefined, b: number | undefined, flags: DiffFlags): Promise<void> {
  await withCoordinator(flags, async (client) =>
    print(flags, await client.fleet.diff.query(runsOf(a, b, flags)), renderDiff),
  );
}

function runsOf(a: number | undefined, b: number | undefined, { last, assume = [] }: DiffFlags) {
  if (last !== undefined && a === undefined) return { last, assume: [...assume] };
  if (last === undefined && a !== undefined && b !== undefined) return { a, b };
  throw new LogicError('bad_request', 'name two rows (logic-fleet history lists them), or --last QUERY');
}
