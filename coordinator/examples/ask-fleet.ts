/**
 * A typed client of the coordinator, to copy and change:
 *
 *   node coordinator/examples/ask-fleet.ts http://127.0.0.1:8080 'node_load(Node, Load), Load > 0.5'
 *
 * The import of `FleetRouter` is a type only: the editor and tsc know every input, result and outcome,
 * and nothing of the coordinator runs here. In a project of your own, install @trpc/client.
 */
import { createTRPCClient, httpLink, TRPCClientError } from '@trpc/client';
import type { FleetRouter } from '../src/router.ts';

const [url = 'http://127.0.0.1:8080', query = 'node_status(Node, Status)'] = process.argv.slice(2);

const coordinator = createTRPCClient<FleetRouter>({
  links: [httpLink({ url: `${url}/trpc`, methodOverride: 'POST' })],
});

try {
  const { answers, coverage, complete } = await coordinator.fleet.ask.query({ query, deadlineMs: 3_000 });
  for (const { site, bindings, standing } of answers) console.log(site, standing, JSON.stringify(bindings));
  for (const { site, outcome, code } of coverage.sites) {
    if (outcome !== 'answered' && outcome !== 'empty') console.log(site, outcome, code);
  }
  console.log(
    complete ? 'complete' : `partial: ${coverage.answered + coverage.empty} of ${coverage.targets} sites`,
  );
} catch (error) {
  // What was wrong with the question itself: the code, and what to do about it.
  if (!(error instanceof TRPCClientError)) throw error;
  console.error(error.data?.logic?.code ?? 'unreachable', error.message, error.data?.logic?.advice ?? '');
  process.exitCode = 1;
}
