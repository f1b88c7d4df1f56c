/**
 * For tests: a whole site in a temporary folder, with the real swipl, SQLite and listeners, ended with the test.
 */
import { join } from 'node:path';
import { createTRPCClient, httpLink } from '@trpc/client';
import { pino } from 'pino';
import { type Agent, type AgentParts, startAgent } from '../agent.ts';
import { readConfig, type ServeFlags } from '../config.ts';
import { initSite } from '../init.ts';
import type { SiteRouter } from '../router.ts';
import { diskFiles } from '../telemetry/files.ts';
import { fact, type Observation } from '../telemetry/observation.ts';
import { realWorld } from '../world.ts';
import { atEnd, type Ending, temporaryFolder } from './folder.ts';

export const SITE = 'garage';
/** The seed of the sample inventory: pve1 to pve4 and sentry, and nothing that raises an alert by itself. */
export const SEED = 39;

/** A site's folder with the sample inventory and no state. */
export async function makeSiteFolder(t: Ending): Promise<string> {
  const data = await temporaryFolder(t);
  await initSite({ data, site: SITE, inventory: 'sample', seed: SEED });
  return data;
}

export interface RunOptions {
  readonly flags?: ServeFlags;
  /** What it is given from outside, where that is not the real thing. */
  readonly parts?: Partial<AgentParts>;
}

/** Runs the site in that folder, on a free loopback port, without a collector unless told. */
export async function runSite(
  t: Ending,
  data: string,
  { flags, parts }: RunOptions = {},
): Promise<Agent & { readonly url: string }> {
  const config = readConfig({
    site: SITE,
    data,
    http: '127.0.0.1:0',
    collector: 'none',
    seed: String(SEED),
    ...flags,
  });
  const log = pino(
    { level: process.env.LOGIC_TEST_LOG ?? 'silent' },
    pino.destination({ fd: 2, sync: true }),
  );
  const agent = await startAgent(config, { world: realWorld, files: diskFiles, log, ...parts });
  atEnd(t, () => agent.stop());
  return { ...agent, url: agent.http ?? '' };
}

export async function startSite(
  t: Ending,
  flags: ServeFlags = {},
): Promise<Agent & { readonly url: string }> {
  return runSite(t, await makeSiteFolder(t), { flags });
}

export function client(url: string) {
  return createTRPCClient<SiteRouter>({ links: [httpLink({ url: `${url}/trpc`, methodOverride: 'POST' })] });
}

/** Facts seen now, good for a minute. */
export function seen(...facts: readonly Parameters<typeof fact>[]): Observation[] {
  const now = realWorld.now();
  return facts.map((one) => ({
    fact: fact(...one),
    source: 'test',
    observedAt: now,
    validUntil: now + 60_000,
  }));
}

const MANY = 'ABCDEFGHIJKL'
  .split('')
  .map((name) => `node(_${name})`)
  .join(', ');
/** A question that runs until its time or inferences are spent: it looks through far too many combinations. */
export const ENDLESS = `logic_node(N), \\+ (${MANY}, _A \\== _A)`;
/** A question that needs more stack than it may have: it has to remember them. */
export const HUGE = `aggregate_all(count, (${MANY}), Count)`;

/** Waits until `holds`, looking again at each turn of a short timer. */
export async function until(holds: () => boolean, what: string, withinMs = 10_000): Promise<void> {
  const limit = realWorld.now() + withinMs;
  while (!holds()) {
    if (realWorld.now() > limit) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const stateFile = (data: string): string => join(data, 'kb', 'state', 'state.pl');
