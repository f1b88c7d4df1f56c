/**
 * The command line of `logic-fleet`, one file a command in `commands/`. `serve` runs a coordinator; the others are clients of one
 * and load nothing of the server, so that they start fast. Standard output holds results only (for
 * `serve`: the one line that says it is ready), everything else goes to standard error.
 */
import { Command } from 'commander';
import { fail } from './client.ts';
import { registerAlerts } from './commands/alerts.ts';
import { registerAsk } from './commands/ask.ts';
import { registerDiff } from './commands/diff.ts';
import { registerEnrolStock } from './commands/enrol-stock.ts';
import { registerExplain } from './commands/explain.ts';
import { registerHistory } from './commands/history.ts';
import { registerServe } from './commands/serve.ts';
import { registerSites } from './commands/sites.ts';
import { registerWatch } from './commands/watch.ts';

const program = new Command('logic-fleet')
  .description('One question to every logic node of a fleet, with proofs.')
  .showHelpAfterError();

registerServe(program);
registerAsk(program);
registerExplain(program);
registerSites(program);
registerWatch(program);
registerAlerts(program);
registerEnrolStock(program);
registerHistory(program);
registerDiff(program);

await program.parseAsync().catch((cause: unknown) => fail(cause, process.argv.includes('--json')));
