/**
 * Load on one agent's `site.ask` and on the coordinator's `fleet.ask`, over loopback HTTP/1.1, against a fleet
 * started for it in a folder of its own. The baseline of each is `/healthz` of the same server in the same run: what the
 * machine can do at that hour without a question behind it. A question refused as `busy` is not answered.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { startFleet } from '../deploy/local/fleet.ts';
import { compared, type Figure } from './figures.ts';
import type { LoadOptions } from './options.ts';

const SAMPLE_SITES = 2;
const QUERY = 'node_status(Node, Status)';

export const NOTES = [`${SAMPLE_SITES + 1} sites, \`${QUERY}\` with proofs, HTTP/1.1 on loopback.`];

interface Measured {
  readonly perSecond: number;
  readonly p99Ms: number;
}

export async function measureHttp({ seconds, rounds, say }: LoadOptions): Promise<Figure[]> {
  const data = mkdtempSync(join(tmpdir(), 'loadtest-'));
  const fleet = await startFleet({
    sites: SAMPLE_SITES,
    data,
    port: 0,
    say,
    signal: new AbortController().signal,
  });
  try {
    const agent = fleet.sites.at(-1)?.http ?? '';
    const figures: Figure[] = [];
    for (const connections of [1, 4]) {
      for (const [server, procedure] of [
        [agent, 'site.ask'],
        [fleet.url, 'fleet.ask'],
      ] as const) {
        const asked: Measured[] = [];
        const bare: Measured[] = [];
        say(`${procedure}, ${connections} at once`);
        for (let round = 0; round < rounds; round += 1) {
          asked.push(await measure(new URL(`/trpc/${procedure}`, server), connections, seconds, QUERY));
          bare.push(await measure(new URL('/healthz', server), connections, seconds, null));
        }
        const of = (all: readonly Measured[], key: keyof Measured) => all.map((one) => one[key]);
        const name = `${procedure}, ${connections} at once`;
        figures.push(
          compared(`${name}, against /healthz`, '/s', of(asked, 'perSecond'), of(bare, 'perSecond')),
        );
        figures.push(compared(`${name}, p99`, 'ms', of(asked, 'p99Ms'), of(bare, 'p99Ms')));
      }
    }
    return figures;
  } finally {
    await fleet.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

function measure(url: URL, connections: number, seconds: number, query: string | null): Promise<Measured> {
  return measureRoute(url, { connections, seconds, body: query === null ? null : JSON.stringify({ query }) });
}

export interface RouteLoad {
  readonly connections: number;
  readonly seconds: number;
  /** JSON of a POST; null for a GET. */
  readonly body: string | null;
}

/** Replies a second, and their tail. Throws where a request failed on the wire. */
export async function measureRoute(url: URL, { connections, seconds, body }: RouteLoad): Promise<Measured> {
  const { requests, latency, errors, non2xx } = await autocannon({
    url: url.href,
    method: body === null ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body !== null && { body }),
    connections,
    duration: seconds,
    timeout: 10,
  });
  if (errors > 0) throw new Error(`${errors} requests to ${url.href} failed`);
  const answered = requests.total - non2xx;
  return { perSecond: answered / seconds, p99Ms: latency.p99 };
}
