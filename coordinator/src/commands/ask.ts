/** `logic-fleet ask`: one question to the fleet; what holds over it, the answers with their proofs, then the coverage. */
import type { FleetResult } from '@fleet/shared/api/ask.ts';
import { converse, terminalOf } from '@fleet/shared/conversation.ts';
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
    .description(
      'ask the fleet; exit status 0 complete, 3 partial, 2 refused query, with --say also 4 (did you mean ..?) and 5 (no query for it), 1 anything else',
    )
    .option(
      '--say <sentence>',
      "in plain words instead of a query, such as 'which machines are about to throttle?'",
    );
  clientOptions(questionOptions(command, 'optional')).action(askCommand);
}

type AskFlags = ClientFlags & QuestionFlags & { readonly say?: string };

async function askCommand(query: string | undefined, flags: AskFlags, command: Command): Promise<void> {
  if ((query === undefined) === (flags.say === undefined))
    command.error('error: give a query, or a sentence with --say');
  await withCoordinator(flags, async (client, url) => {
    const watched = process.stderr.isTTY && flags.json !== true;
    const ask = (text: string) => {
      const input = questionInput(text, flags);
      return watched ? askWithProgress(url, input) : client.fleet.ask.query(input);
    };
    const words = (one: FleetResult) => renderFleetResult(one, { readAt: realWorld.now() });
    const status = ({ complete }: FleetResult) => (complete ? EXIT.complete : EXIT.partial);
    if (flags.say === undefined) {
      const result = await ask(query ?? '');
      print(flags, result, words);
      process.exitCode = status(result);
      return;
    }
    process.exitCode = await converse(
      flags.say,
      {
        ...{ program: 'logic-fleet', json: flags.json === true, ask, words, status },
        translate: (text) => client.fleet.translate.query({ text, ...translatorOf(flags) }),
        correct: (correction) => client.fleet.correct.mutate(correction),
      },
      { terminal: terminalOf(process), print: (line) => process.stdout.write(`${line}\n`) },
    );
  });
}

/** Who is to ask one site alone means that site's names. */
function translatorOf({ site = [] }: AskFlags): { readonly site?: string } {
  const [one] = site;
  return one !== undefined && site.length === 1 && !one.includes('/') ? { site: one } : {};
}
