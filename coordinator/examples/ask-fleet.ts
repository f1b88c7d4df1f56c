/**
 * Asks the fleet and prints a table:
 *
 *   node coordinator/examples/ask-fleet.ts http://127.0.0.1:8080 'node_load(Node, Load), Load > 0.5'
 *
 * To copy and change. The editor and tsc know every input, result and outcome; nothing of the coordinator runs here.
 */
import { connectFleet, LogicError } from '@fleet/coordinator/client';

const [url = 'http://127.0.0.1:8080', query = 'node_status(Node, Status)'] = process.argv.slice(2);
const { fleet } = connectFleet({ url, token: process.env.LOGIC_TOKEN });

try {
  const { variables, answers, coverage, complete } = await fleet.ask.query({ query, deadlineMs: 3_000 });
  console.table(
    answers.map(({ site, bindings, standing }) => ({ site, ...bindings, standing })),
    ['site', ...variables, 'standing'],
  );
  for (const { site, outcome, code } of coverage.sites)
    if (outcome !== 'answered' && outcome !== 'empty') console.log(site, outcome, code);
  console.log(
    complete ? 'complete' : `partial: ${coverage.answered + coverage.empty} of ${coverage.targets} sites`,
  );
} catch (error) {
  // What was wrong with the question itself, or that nobody answers: the code, and what to do about it.
  if (!(error instanceof LogicError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
