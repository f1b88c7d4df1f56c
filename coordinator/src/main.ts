/**
 * The command line of `logic-fleet`, one file a command in `commands/`. `serve` runs a coordinator; the others are clients of one
 * and load nothing of the server, so that they start fast. Standard output holds results only (for
 * `serve`: the one line that says it is ready), everything else goes to standard error.
 */
import { ERRORS } from '@fleet/shared/errors.ts';
import { Command, CommanderError } from 'commander';
import { fail } from './client.ts';
import { registerAlerts } from './commands/alerts.ts';
import { registerAsk } from './commands/ask.ts';
import { registerCompletion } from './commands/completion.ts';
import { registerCompose } from './commands/compose.ts';
import { registerDiff } from './commands/diff.ts';
import { registerEnrolStock } from './commands/enrol-stock.ts';
import { registerExplain } from './commands/explain.ts';
import { registerHistory } from './commands/history.ts';
import { registerMembers } from './commands/members.ts';
import { registerServe } from './commands/serve.ts';
import { registerSites } from './commands/sites.ts';
import { registerToken } from './commands/token.ts';
import { registerWatch } from './commands/watch.ts';

const program = new Command('logic-fleet')
  .description('One question to every logic node of a fleet, with proofs.')
  .showHelpAfterError('(logic-fleet help COMMAND tells more)')
  .exitOverride();

registerServe(program);
registerAsk(program);
registerExplain(program);
registerSites(program);
registerWatch(program);
registerAlerts(program);
registerMembers(program);
registerToken(program);
registerEnrolStock(program);
registerHistory(program);
registerDiff(program);
registerCompose(program);
registerCompletion(program);

const json = process.argv.includes('--json');
await program
  .parseAsync()
  .catch((cause: unknown) => (cause instanceof CommanderError ? misused(cause) : fail(cause, json)));

/** Commander has said on standard error what is wrong; a program that reads standard output is told too. */
function misused({ exitCode, message }: CommanderError): void {
  process.exitCode = exitCode;
  if (exitCode === 0 || !json) return;
  const { advice } = ERRORS.bad_request;
  const error = { code: 'bad_request', message: message.replace(/^error: /, ''), advice };
  process.stdout.write(`${JSON.stringify({ error })}\n`);
}
