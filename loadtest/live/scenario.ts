/**
 * `npm run loadtest -- live`: one question that stands over a whole swarm, read by one client. In order: what it costs while
 * nothing changes, how long a change takes from its site to the client while a hundred change each second, and answers
 * from the view by autocannon beside a bare route.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectLive } from '@fleet/coordinator/live-client.ts';
import type { WatchEvent } from '@fleet/shared/api/watch.ts';
import { WATCH_ALIVE_MS } from '@fleet/shared/limits.ts';
import { z } from 'zod';
import { startService } from '../../deploy/local/service.ts';
import { COORDINATOR_HEAP } from '../../shared/launch.mjs';
import { measureRoute } from '../autocannon.ts';
import { type Coordinator, startCoordinator } from '../fanout/coordinator.ts';
import { atLeast, atMost, compared, type Figure, plain, quantile } from '../figures.ts';
import type { LoadOptions } from '../options.ts';
import { distribution, type Plot } from '../page.ts';
import { cpuMilliseconds } from '../processes.ts';
import { inRunFolder, type Started } from '../swarm/folder.ts';
import { writeFleet } from '../swarm/members.ts';
import { type Swarm, startSwarm } from '../swarm/swarm.ts';
import { Changes } from './changes.ts';

const QUERY = 'node_load(pve1, Load)';
const CHANGES_PER_SECOND = 100;
/** Sites read at least so often and so many of them: each change is of the next site. */
const CHANGING_SECONDS = 30;
const P99_MS = 100;
const QUIET_SHARE = 1;
/** A view is read, and quiet, before it counts: sessions and streams are there, and what opening them left is collected. */
const SETTLE_MS = 5_000;
const OPENED_WITHIN_MS = 60_000;
/** A change that has not come by then is lost. */
const LOST_MS = 5_000;
const CONNECTIONS = 4;

export const NOTES = [
  `One client of \`fleet.watch\` over WebSocket, \`${QUERY}\` with proofs; changes are readings that sites take, ${CHANGES_PER_SECOND} a second, each of the next site.`,
  'A change is timed from before it is sent to the site to its event at the client.',
  'Swarm, coordinator and client share this machine, and at each change a site also decides its alerts and writes its state text.',
  "A host's whole heap, of 500 sites, is not collected within a run: no site of its own would stand still for that.",
  `A quiet site shows every ${WATCH_ALIVE_MS / 1000} s that it lives: what that costs is in the figure when the quiet part is longer than that.`,
];

export async function measureLive(options: LoadOptions) {
  return inRunFolder(async (folder, started) => {
    const { sites, seed, say } = options;
    const swarm = started(await startSwarm({ sites, seed, folder: join(folder, 'swarm'), say }));
    const data = join(folder, 'fleet');
    writeFleet(swarm.members, data, swarm.addresses);
    const coordinator = started(await startCoordinator(data, join(folder, 'coordinator.log')));
    say('opening the view');
    const reader = await openReader(coordinator, sites);
    await sleep(SETTLE_MS);
    const quiet = await measureQuiet(coordinator, options);
    const changes = await measureChanges({ swarm, coordinator, reader, options });
    const routes = await measureAnswers(coordinator, { folder, started, options });
    reader.close();
    return {
      figures: [...changes.figures, quiet, ...routes],
      plots: changes.plots,
      notes: [`${sites} sites, seed ${seed}, quiet for ${options.idleSeconds} s.`],
    };
  });
}

interface Reader {
  /** Told of each row that a site's change adds. */
  onChange: (site: string, load: number, at: number) => void;
  close(): void;
}

async function openReader(coordinator: Coordinator, sites: number): Promise<Reader> {
  const live = await connectLive(coordinator.url);
  const { promise: whole, resolve, reject } = Promise.withResolvers<void>();
  const known = new Set<string>();
  const reader: Reader = { onChange: () => {}, close: () => live.close() };
  const take = (event: WatchEvent) => {
    const at = performance.now();
    if (event.kind === 'state') for (const row of event.coverage.sites) note(row.site, row.outcome);
    if (event.kind !== 'change') return;
    note(event.site, event.outcome.outcome);
    for (const { bindings } of event.added) reader.onChange(event.site, Number(bindings.Load), at);
  };
  const note = (site: string, outcome: string) => {
    if (outcome === 'answered' || outcome === 'empty') known.add(site);
    if (known.size === sites) resolve();
  };
  live.client.fleet.watch.subscribe({ query: QUERY }, { onData: take, onError: reject });
  const late = setTimeout(
    () => reject(new Error(`${known.size} of ${sites} sites are in the view`)),
    OPENED_WITHIN_MS,
  );
  await Promise.race([live.failed, whole]).finally(() => clearTimeout(late));
  return reader;
}

/** Share of a core while no site changes. */
async function measureQuiet(coordinator: Coordinator, { idleSeconds, say }: LoadOptions): Promise<Figure> {
  say(`quiet for ${idleSeconds} s`);
  const before = cpuMilliseconds(coordinator.pid);
  await sleep(idleSeconds * 1000);
  const share = (cpuMilliseconds(coordinator.pid) - before) / (idleSeconds * 10);
  return plain(
    'coordinator with a standing question over a quiet fleet',
    '% of a core',
    [share],
    atMost(QUIET_SHARE),
  );
}

interface Live {
  readonly swarm: Swarm;
  readonly coordinator: Coordinator;
  readonly reader: Reader;
  readonly options: LoadOptions;
}

async function measureChanges({ swarm, coordinator, reader, options }: Live) {
  options.say(`${CHANGES_PER_SECOND} changes a second for ${CHANGING_SECONDS} s`);
  const names = [...swarm.addresses.keys()];
  const began = performance.now();
  const changes = new Changes(began);
  reader.onChange = (site, load, at) => changes.came(site, load, at);
  const used = cpuOfEach({ swarm, coordinator });
  const total = CHANGES_PER_SECOND * CHANGING_SECONDS;
  const acknowledged: Promise<void>[] = [];
  for (let at = 0; at < total; at += 1) {
    const due = began + (at * 1000) / CHANGES_PER_SECOND;
    const early = due - performance.now();
    if (early > 0) await sleep(early);
    const site = names[at % names.length] as string;
    // Another one each time, so that an event says which change it is of.
    const load = Number((0.1 + at / 1e6).toFixed(6));
    changes.send(site, load, performance.now());
    acknowledged.push(swarm.setLoad(site, load));
  }
  const pace = total / ((performance.now() - began) / 1000);
  await Promise.all(acknowledged);
  for (let waited = 0; changes.missing().length > 0 && waited < LOST_MS; waited += 100) await sleep(100);
  const costs = used().map(([who, ms]) => plain(`CPU a change, ${who}`, 'ms', [ms / total]));
  const { took } = changes;
  const wrong = changes.late + changes.strange;
  const sorted = took.map(([, ms]) => ms).sort((a, b) => a - b);
  return {
    figures: [
      plain('a change from its site to a client, p99', 'ms', [quantile(sorted, 0.99)], atMost(P99_MS)),
      plain('the same, median', 'ms', [quantile(sorted, 0.5)]),
      plain('changes a second', '/s', [pace], atLeast(CHANGES_PER_SECOND * 0.95)),
      plain('sites whose last change did not come', 'sites', [changes.missing().length], atMost(0)),
      plain('changes that came twice', 'changes', [changes.twice], atMost(0)),
      plain('changes that came after a later one, or were never sent', 'changes', [wrong], atMost(0)),
      // A site tells what it is, not what it was: where the next change is there before one is told, that one is told alone.
      plain('changes overtaken by the next of their site', 'changes', [total - took.length]),
      ...costs,
    ],
    plots: [
      distribution('Changes by the time to the client', 'ms', { changes: sorted }),
      {
        kind: 'lines',
        title: 'Time to the client over the run',
        x: 's',
        y: 'ms',
        series: [{ name: 'change', points: took.toSorted(([a], [b]) => a - b) }],
      },
    ] satisfies Plot[],
  };
}

/** CPU milliseconds of each part from now on. */
function cpuOfEach({ swarm, coordinator }: Pick<Live, 'swarm' | 'coordinator'>): () => [string, number][] {
  const parts: [string, readonly number[]][] = [
    ['coordinator', [coordinator.pid]],
    ['agents', swarm.agents],
    ['engines', swarm.engines],
    ['client', [process.pid]],
  ];
  const read = () => parts.map(([, pids]) => pids.reduce((sum, pid) => sum + cpuMilliseconds(pid), 0));
  const before = read();
  return () => read().map((ms, at) => [parts[at]?.[0] ?? '', ms - (before[at] ?? 0)]);
}

interface Answers {
  readonly folder: string;
  readonly started: Started;
  readonly options: LoadOptions;
}

/** `fleet.ask` with `live: true` by autocannon, in turns with a route that sends the same bytes. */
async function measureAnswers(
  coordinator: Coordinator,
  { folder, started, options }: Answers,
): Promise<Figure[]> {
  const { rounds, seconds, say } = options;
  const input = { query: QUERY, live: true };
  const result = await coordinator.ask(input);
  if (result.live === undefined) throw new Error('no view stands for the question');
  const body = join(folder, 'live.json');
  writeFileSync(body, JSON.stringify({ result: { data: result } }));
  const service = started(
    startService({
      name: 'bare route',
      entry: fileURLToPath(new URL('bare-route.ts', import.meta.url)),
      args: [body],
      log: join(folder, 'bare-route.log'),
      heapFlags: COORDINATOR_HEAP,
    }),
  );
  const { url } = z.object({ url: z.url() }).parse(await service.ready);
  const load = { connections: CONNECTIONS, seconds, body: JSON.stringify(input) };
  const asked: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    say(`autocannon over the view, round ${round + 1} of ${rounds}`);
    asked.push((await measureRoute(new URL('/trpc/fleet.ask', coordinator.url), load)).perSecond);
    bare.push((await measureRoute(new URL('/trpc/fleet.ask', url), load)).perSecond);
  }
  await service.stop();
  return [
    compared(
      'fleet.ask over a live view by autocannon, against a bare route of the same bytes',
      '/s',
      asked,
      bare,
      atLeast(0.5),
    ),
  ];
}
