/** `logic-fleet ask`: one question to the fleet; answers with their proofs, then the coverage. */
import { renderResult } from '@fleet/shared/render.ts';
import type { Command } from 'commander';
import { type ClientFlags, EXIT, print, withCoordinator } from '../client.ts';
import { clientOptions, collectNames, collectOne, milliseconds } from './options.ts';

interface AskFlags extends ClientFlags {
  readonly site?: readonly string[];
  /** Milliseconds. */
  readonly deadline?: number;
  readonly prove: boolean;
  readonly assume?: readonly string[];
}

export function registerAsk(program: Command): void {
  const command = program
    .command('ask')
    .description('ask the fleet; exit status 0 complete, 3 partial, 2 refused query, 1 anything else')
    .argument('<query>', "such as 'node_status(Node, Status)'")
    .option('--site <name>', 'ask this site only (may be repeated)', collectNames)
    .option('--deadline <ms>', 'milliseconds until sites count as timed out', milliseconds)
    .option('--assume <fact>', "what if: a fact that is to hold, or '\\+ fact' (may be repeated)", collectOne)
    .option('--no-prove', 'ask for no proofs: answers stand as unproved');
  clientOptions(command).action(askCommand);
}

async function askCommand(query: string, flags: AskFlags): Promise<void> {
  await withCoordinator(flags, async (client) => {
    const result = await client.fleet.ask.query({
      query,
      prove: flags.prove,
      ...(flags.assume && { assume: [...flags.assume] }),
      ...(flags.site && { sites: [...flags.site] }),
      ...(flags.deadline && { deadlineMs: flags.deadline }),
    });
    print(flags, result, renderResult);
    process.exitCode = result.complete ? EXIT.complete : EXIT.partial;
  });
}
