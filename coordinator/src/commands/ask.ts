/** `logic-fleet ask`: one question to the fleet; what holds over it, the answers with their proofs, then the coverage. */
import { renderFleetResult } from '@fleet/shared/render-fleet.ts';
import type { Command } from 'commander';
import { type ClientFlags, EXIT, print, withCoordinator } from '../client.ts';
import { realWorld } from '../world.ts';
import { clientOptions } from './options.ts';
import { askWithProgress } from './progress.ts';
import { type QuestionFlags, questionInput, questionOptions } from './question.ts';

export function registerAsk(program: Command): void {
  const command = program
    .command('ask')
    .description('ask the fleet; exit status 0 complete, 3 partial, 2 refused query, 1 anything else');
  clientOptions(questionOptions(command)).action(askCommand);
}

async function askCommand(query: string, flags: ClientFlags & QuestionFlags): Promise<void> {
  await withCoordinator(flags, async (client, url) => {
    const input = questionInput(query, flags);
    const watched = process.stderr.isTTY && flags.json !== true;
    const result = await (watched ? askWithProgress(url, input) : client.fleet.ask.query(input));
    print(flags, result, (one) => renderFleetResult(one, { readAt: realWorld.now() }));
    process.exitCode = result.complete ? EXIT.complete : EXIT.partial;
  });
}
