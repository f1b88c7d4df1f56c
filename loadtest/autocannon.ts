/**
 * Load on one agent's `site.ask` and on the coordinator's `fleet.ask`, over loopback HTTP, against a fleet
 * started for it in a folder of its own: `npm run loadtest`. Beside each figure stands `/healthz` of the same
 * server in the same run: what the machine can do at that hour without a question behind it. Bounded in
 * connections and time; a question refused as `busy` counts as refused, not as answered.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { startFleet } from '../deploy/local/fleet.ts';
import { endWithParent } from '../shared/launch.mjs';

const SAMPLE_SITES = 2;
const SECONDS = 5;
const QUERY = 'node_status(Node, Status)';

interface Row {
  readonly target: string;
  readonly connections: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly refused: number;
  readonly errors: number;
}

endWithParent();
const data = mkdtempSync(join(tmpdir(), 'loadtest-'));
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
try {
  await run();
} finally {
  rmSync(data, { recursive: true, force: true });
}

async function run(): Promise<void> {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const fleet = await startFleet({ sites: SAMPLE_SITES, data, port: 0, say, signal: stop.signal });
  try {
    const agent = fleet.sites.at(-1)?.http ?? '';
    const rows: Row[] = [];
    for (const connections of [1, 4]) {
      rows.push(await measure('agent /healthz', connections, { url: new URL('/healthz', agent).href }));
      rows.push(await measure('agent site.ask', connections, ask(agent, 'site.ask')));
      rows.push(
        await measure('coordinator /healthz', connections, { url: new URL('/healthz', fleet.url).href }),
      );
      rows.push(await measure('coordinator fleet.ask', connections, ask(fleet.url, 'fleet.ask')));
    }
    process.stdout.write(`${fleet.sites.length} sites, ${SECONDS} s each, ${QUERY} with proofs\n`);
    console.table(rows);
    if (rows.some(({ errors }) => errors > 0)) process.exitCode = 1;
  } finally {
    await fleet.stop();
  }
}

interface Request {
  readonly url: string;
  readonly body?: string;
}

function ask(server: string, procedure: string): Request {
  return { url: new URL(`/trpc/${procedure}`, server).href, body: JSON.stringify({ query: QUERY }) };
}

async function measure(target: string, connections: number, { url, body }: Request): Promise<Row> {
  stop.signal.throwIfAborted();
  const { requests, latency, errors, non2xx } = await autocannon({
    url,
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body }),
    connections,
    duration: SECONDS,
    timeout: 10,
  });
  const row = {
    target,
    connections,
    perSecond: Math.round(requests.average),
    p50Ms: latency.p50,
    p99Ms: latency.p99,
  };
  return { ...row, refused: non2xx, errors };
}
