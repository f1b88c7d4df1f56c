/**
 * Observations pushed to `site.observe`: how many a second are durable and visible in Prolog when pushed as fast as they are
 * taken, and what pushing at the promised pace does to the tail of questions asked meanwhile.
 */
import type { SiteRouter } from '@fleet/node-agent/router.ts';
import { createTRPCClient, httpLink } from '@trpc/client';
import { atLeast, atMost, compared, type Figure, plain } from '../figures.ts';
import { h2load } from '../h2load.ts';
import type { AskedLoad } from '../options.ts';
import type { AgentServer } from './servers.ts';

/** Observations a second that a site promises to take. */
const PACE = 10_000;
/** Facts of a push at full speed, as one that catches up, and at the promised pace, as a script sends what it just saw. */
const BATCH = 1_000;
const PACED_BATCH = 100;
const PUSHERS = 2;
const ASKERS = 4;

export async function measureObserve(agent: AgentServer, options: AskedLoad): Promise<Figure[]> {
  const { folder, body, rounds, seconds } = options;
  const client = createTRPCClient<SiteRouter>({ links: [httpLink({ url: `${agent.http}/trpc` })] });
  const rates: number[] = [];
  const alone: number[] = [];
  const beside: number[] = [];
  const asking = async () =>
    (await h2load(folder, { ...agent.target, body }, { clients: ASKERS, seconds })).p99Ms;
  for (let round = 0; round < rounds; round += 1) {
    rates.push(await fullSpeed(client, seconds));
    alone.push(await asking());
    const pushing = new AbortController();
    const pushed = paced(client, pushing.signal);
    beside.push(await asking());
    pushing.abort();
    const pace = await pushed;
    if (pace < PACE * 0.9)
      throw new Error(`only ${pace.toFixed(0)} observations/s were taken beside questions`);
  }
  return [
    plain('observations, durable and visible in Prolog', '/s', rates, atLeast(PACE)),
    compared(
      `p99 of questions beside ${PACE} observations/s, against without`,
      'ms',
      beside,
      alone,
      atMost(2),
    ),
  ];
}

type Client = ReturnType<typeof createTRPCClient<SiteRouter>>;

/** A batch of loads of made-up nodes, different from turn to turn. */
function batch(turn: number, length: number) {
  return Array.from({ length }, (_, at) => ({
    fact: `node_load(bench_${at},${(turn % 97) / 100 + 0.001})`,
    validForMs: 60_000,
  }));
}

/** Batch after batch; counted until Prolog holds the last one. */
async function fullSpeed(client: Client, seconds: number): Promise<number> {
  const began = performance.now();
  let taken = 0;
  let last = 0;
  await Promise.all(
    Array.from({ length: PUSHERS }, async (_, pusher) => {
      for (let turn = pusher; performance.now() - began < seconds * 1000; turn += PUSHERS) {
        const { revision } = await client.site.observe.mutate(batch(turn, BATCH));
        last = Math.max(last, revision);
        taken += BATCH;
      }
    }),
  );
  while ((await client.site.info.query()).revision < last);
  return taken / ((performance.now() - began) / 1000);
}

/** At the promised pace until told to stop; what was taken a second. */
async function paced(client: Client, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  let taken = 0;
  while (!signal.aborted) {
    await client.site.observe.mutate(batch(taken / PACED_BATCH, PACED_BATCH));
    taken += PACED_BATCH;
    const waitMs = began + (taken / PACE) * 1000 - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
  return taken / ((performance.now() - began) / 1000);
}
