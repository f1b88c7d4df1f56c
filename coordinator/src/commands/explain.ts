/** `logic-fleet explain`: how a question would be asked, by the same words as `ask`. No site is asked. */
import { renderPlan } from '@fleet/shared/render-fleet.ts';
import type { Command } from 'commander';
import { type ClientFlags, print, withCoordinator } from '../client.ts';
import { clientOptions } from './options.ts';
import { type QuestionFlags, questionInput, questionOptions } from './question.ts';

export function registerExplain(program: Command): void {
  const command = program
    .command('explain')
    .description(
      'show how a question would be asked: targets, what sites compute, what is computed here, budget, size',
    );
  clientOptions(questionOptions(command)).action(explainCommand);
}

async function explainCommand(query: string, flags: ClientFlags & QuestionFlags): Promise<void> {
  await withCoordinator(flags, async (client) =>
    print(flags, await client.fleet.explain.query(questionInput(query, flags)), renderPlan),
  );
}
