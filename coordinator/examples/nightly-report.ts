/**
 * A report for the night, as CSV on standard output, one record an answer and one for each site that gave none:
 *
 *   node coordinator/examples/nightly-report.ts http://127.0.0.1:8080 'node_load(Node, Load)' > loads.csv
 *
 * A site that is missing is in the report by name, with what became of it: a short report must not look like a quiet night.
 * Exit status 3 where the fleet did not answer whole, so that cron can tell.
 */
import { connectFleet, LogicError } from '@fleet/coordinator/client';
import { csvRecord } from './csv.ts';

const [url = 'http://127.0.0.1:8080', query = 'node_load(Node, Load)'] = process.argv.slice(2);
const { fleet } = connectFleet({ url, token: process.env.LOGIC_TOKEN });

try {
  const { variables, answers, coverage, complete } = await fleet.ask.query({ query, deadlineMs: 10_000 });
  const bySite = Map.groupBy(answers, ({ site }) => site);
  process.stdout.write(csvRecord(['site', 'outcome', 'code', 'revision', ...variables, 'standing']));
  for (const { site, outcome, code, revision } of coverage.sites) {
    const given = bySite.get(site) ?? [null];
    for (const answer of given) {
      // Texts and numbers as they are; a list, or an integer beyond 2^53, as JSON.
      const values = variables.map((name) => cell(answer?.bindings[name]));
      process.stdout.write(csvRecord([site, outcome, code, revision, ...values, answer?.standing ?? null]));
    }
  }
  process.exitCode = complete ? 0 : 3;
} catch (error) {
  if (!(error instanceof LogicError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}

function cell(value: unknown): string | number | null {
  if (value === undefined) return null;
  return typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value);
}
