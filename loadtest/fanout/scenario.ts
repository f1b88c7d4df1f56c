/**
 * `npm run loadtest -- fanout`: one coordinator, in a process of its own, over a swarm of whole sites on this machine. In
 * order: cold starts and memory, warm fan-outs beside bare clients of the same swarm, many askers at once, growth. What is
 * compared is measured in turns, so that the machine's moods fall on all alike.
 */
import { join } from 'node:path';
import { coordinatorFiles } from '@fleet/coordinator/config.ts';
import { realWorld } from '@fleet/node-agent/world.ts';
import type { AskResult, FleetAskInput } from '@fleet/shared/api/ask.ts';
import { questionBody } from '@fleet/shared/pengine.ts';
import { Tokens } from '@fleet/shared/tokens.ts';
import { atLeast, atMost, compared, type Figure, median, plain } from '../figures.ts';
import type { LoadOptions } from '../options.ts';
import { distribution, outcomesOverTime, type Plot } from '../page.ts';
import { cpuMilliseconds, pssMebibytes } from '../processes.ts';
import { inRunFolder, type Started } from '../swarm/folder.ts';
import { writeFleet } from '../swarm/members.ts';
import { type Swarm, startSwarm } from '../swarm/swarm.ts';
import { type Bare, type BareOptions, signatureCost, startBare } from './baselines.ts';
import { type Coordinator, startCoordinator } from './coordinator.ts';
import { h2loadCost } from './h2load-cost.ts';

/** One answer at nearly every site, and its proof has ten steps. */
const QUERY = 'at_risk_of_throttling(Node)';
const BODY = questionBody({ text: QUERY, variables: ['Node'], assumptions: [] }, false).body;
const PLAIN: FleetAskInput = { query: QUERY, prove: false, deadlineMs: 30_000 };
const PROVED: FleetAskInput = { ...PLAIN, prove: true };
/** Fan-outs before anything counts: code is compiled, sessions are there. */
const WARM_UP = 5;
const CLIENTS = 16;
const COLD_STARTS = 3;
/** Fleets that growth is measured over, in shares of the sites: of a thousand, 100 to 1,000 to 3,000. */
const GROWTH = [0.1, 1, 3] as const;
/** A swarm that all share one machine answers the first question slower than a fleet does: some of it says `busy`. */
const COMPLETE_WITHIN = 5;
/** Until what a fan-out left behind has been collected. */
const SETTLE_MS = 3_000;

export const NOTES = [
  `One question, \`${QUERY}\`, to every site: at most one answer each, whose proof has ten steps.`,
  'Sites are whole agents, hundreds a process on one swipl each; coordinator, bare clients, swarm and asker share this machine, so wall times are mostly the swarm answering.',
  'Bare: a loop that sends the same bytes to the same sites, reads every reply and drops it; undici as the coordinator has it.',
  'CPU is that of the one process that asks, from /proc/PID/task/*/schedstat.',
];

interface Round {
  readonly ms: number;
  /** Of the coordinator or the bare client. */
  readonly cpuMs: number;
  readonly bytes: number;
}

export async function measureFanout(options: LoadOptions) {
  return inRunFolder(async (folder, started) => {
    const { sites, seed, say } = options;
    const swarm = started(await startSwarm({ sites, seed, folder: join(folder, 'swarm'), say }));
    const fleet = { swarm, folder, options };
    const cold = await measureCold(fleet);
    const { data } = cold;
    const coordinator = started(await startCoordinator(data, join(folder, 'coordinator.log')));
    const shown = await checked(coordinator, sites);
    const warm = await measureWarm(fleet, coordinator, { data, started });
    const crowd = await measureCrowd(coordinator, options);
    await coordinator.stop();
    await swarm.stop();
    const growth = await measureGrowth(options, folder);
    return {
      figures: [...warm.figures, ...cold.figures, ...growth.figures, ...crowd],
      plots: [
        ...warm.plots,
        outcomesOverTime('Outcomes of one fan-out with proofs over time', shown.coverage),
        growth.plot,
      ],
      notes: [`${sites} sites, seed ${seed}; a reply of a plain question has ${warm.bytes} bytes.`],
    };
  });
}

interface Fleet {
  readonly swarm: Swarm;
  readonly folder: string;
  readonly options: LoadOptions;
}

/** The first answer must be a whole one: else everything after it would measure something else. */
async function checked(coordinator: Coordinator, sites: number): Promise<AskResult> {
  const result = await coordinator.ask(PROVED);
  if (!result.complete || result.coverage.targets !== sites || result.answers.length < sites / 2) {
    const odd = result.coverage.sites.find(({ outcome }) => outcome !== 'answered' && outcome !== 'empty');
    throw new Error(
      `not a complete answer: ${result.coverage.targets} targets, ${result.answers.length} answers, ${JSON.stringify(odd)}`,
    );
  }
  return result;
}

/* cold */

async function measureCold({ swarm, folder, options }: Fleet) {
  const data = join(folder, 'fleet');
  writeFleet(swarm.members, data, swarm.addresses);
  const bareOptions = optionsOfBare({ swarm, folder, data });
  const took: number[] = [];
  const connecting: number[] = [];
  const memory: number[] = [];
  const bareMemory: number[] = [];
  for (let round = 0; round < COLD_STARTS; round += 1) {
    options.say(`cold start ${round + 1} of ${COLD_STARTS}`);
    const first = await coldCoordinator(data, folder, options.sites);
    took.push(first.ms);
    memory.push(first.kib);
    const began = performance.now();
    const only = await startBare('connect', bareOptions);
    connecting.push(performance.now() - began);
    await only.stop();
    bareMemory.push(await bareSessions(bareOptions));
  }
  const figures: Figure[] = [
    compared(
      'coordinator memory a connected site, against a bare undici session',
      'KiB',
      memory,
      bareMemory,
      atMost(1.3),
    ),
    compared(
      'cold start to the first complete answer, against only connecting',
      'ms',
      took,
      connecting,
      atMost(1.3),
    ),
  ];
  return { data, figures };
}

/** From starting its process to the first complete answer, and what each session then holds. */
async function coldCoordinator(data: string, folder: string, sites: number) {
  const began = performance.now();
  const coordinator = await startCoordinator(data, join(folder, 'cold.log'));
  try {
    const before = pssMebibytes([coordinator.pid]);
    await complete(coordinator);
    const ms = performance.now() - began;
    await settle();
    return { ms, kib: ((pssMebibytes([coordinator.pid]) - before) * 1024) / sites };
  } finally {
    await coordinator.stop();
  }
}

/** How many sites had which outcome, for a message. */
function counts({ coverage }: AskResult): object {
  const said = coverage.sites.map(
    ({ outcome, code, message }) => `${outcome} ${code ?? ''} ${message ?? ''}`,
  );
  return Object.fromEntries([...Map.groupBy(said, (one) => one)].map(([one, all]) => [one, all.length]));
}

/** KiB a session: what the same client holds with all sites, above what it holds with none. */
async function bareSessions(options: BareOptions): Promise<number> {
  const held = async (addresses: BareOptions['addresses']) => {
    const bare = await startBare('undici', { ...options, addresses });
    await settle();
    const mebibytes = pssMebibytes([bare.pid]);
    await bare.stop();
    return mebibytes;
  };
  return (((await held(options.addresses)) - (await held(new Map()))) * 1024) / options.addresses.size;
}

const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

function optionsOfBare({
  swarm,
  folder,
  data,
}: Pick<Fleet, 'swarm' | 'folder'> & { data: string }): BareOptions {
  return { folder, addresses: swarm.addresses, identity: coordinatorFiles(data).authority, body: BODY };
}

/* warm */

interface WarmParts {
  readonly data: string;
  readonly started: Started;
}

async function measureWarm(
  { swarm, folder, options }: Fleet,
  coordinator: Coordinator,
  { data, started }: WarmParts,
) {
  const { sites, rounds, say } = options;
  const bareOptions = optionsOfBare({ swarm, folder, data });
  const undici = started(await startBare('undici', bareOptions));
  const http2 = started(await startBare('http2', bareOptions));
  const all = { plain: [] as Round[], proved: [] as Round[], undici: [] as Round[], http2: [] as Round[] };
  const checks: number[] = [];
  const h2load: { cpuUs: number; wallUs: number }[] = [];
  for (let at = 0; at < WARM_UP; at += 1) {
    for (const input of [PLAIN, PROVED]) await coordinator.time(input);
    for (const bare of [undici, http2]) await bare.round();
  }
  const bodyBytes = Math.round((await undici.round()).bytes / sites);
  for (let round = 0; round < rounds; round += 1) {
    say(`warm fan-outs, round ${round + 1} of ${rounds}`);
    all.plain.push(...(await repeated(options, asked(coordinator, PLAIN))));
    all.undici.push(...(await repeated(options, fetched(undici))));
    all.proved.push(...(await repeated(options, asked(coordinator, PROVED))));
    all.http2.push(...(await repeated(options, fetched(http2))));
    checks.push(signatureCost(bodyBytes));
    h2load.push(await byH2load({ swarm, folder, sites }));
  }
  await Promise.all([undici.stop(), http2.stop()]);
  return { figures: warmFigures(all, { sites, checks, h2load }), plots: warmPlots(all), bytes: bodyBytes };
}

type Rounds = Readonly<Record<'plain' | 'proved' | 'undici' | 'http2', readonly Round[]>>;

interface Beside {
  readonly sites: number;
  /** CPU microseconds of a signature check. */
  readonly checks: readonly number[];
  readonly h2load: readonly { readonly cpuUs: number; readonly wallUs: number }[];
}

function warmFigures(all: Rounds, { sites, checks, h2load }: Beside): Figure[] {
  const cpu = (rounds: readonly Round[]) => rounds.map(({ cpuMs }) => (cpuMs * 1000) / sites);
  const wall = (rounds: readonly Round[]) => rounds.map(({ ms }) => ms);
  const plainCpu = median(cpu(all.plain));
  const extra = cpu(all.proved).map((one) => one - plainCpu);
  const h2loadCpu = h2load.map(({ cpuUs }) => cpuUs);
  const h2loadWall = h2load.map(({ wallUs }) => (wallUs * sites) / 1000);
  return [
    compared(
      'CPU a site, plain question, against a bare undici loop',
      'µs',
      cpu(all.plain),
      cpu(all.undici),
      atMost(1.5),
    ),
    compared(
      'wall, plain question, against a bare undici loop',
      'ms',
      wall(all.plain),
      wall(all.undici),
      atMost(1.5),
    ),
    compared(
      'CPU a site of h2load on one of the sites, against the undici loop',
      'µs',
      h2loadCpu,
      cpu(all.undici),
    ),
    compared(
      'wall of as many requests of h2load on one of the sites, against the undici loop',
      'ms',
      h2loadWall,
      wall(all.undici),
    ),
    compared(
      'CPU a site of a bare node:http2 loop, against the undici loop',
      'µs',
      cpu(all.http2),
      cpu(all.undici),
    ),
    compared(
      'wall of a bare node:http2 loop, against the undici loop',
      'ms',
      wall(all.http2),
      wall(all.undici),
    ),
    compared('CPU a site, with proofs, against plain', 'µs', cpu(all.proved), cpu(all.plain)),
    compared(
      'CPU a site that proofs add to plain, against a signature check alone',
      'µs',
      extra,
      checks,
      atMost(1.5),
    ),
    compared('wall, with proofs, against plain', 'ms', wall(all.proved), wall(all.plain)),
  ];
}

function warmPlots(all: Rounds): Plot[] {
  const of = (key: 'ms' | 'cpuMs') =>
    Object.fromEntries(
      Object.entries(all).map(([name, rounds]) => [name, rounds.map((round) => round[key])]),
    );
  return [
    distribution('Fan-outs by wall time', 'ms', of('ms')),
    distribution('Fan-outs by CPU time of the one that asks', 'ms', of('cpuMs')),
  ];
}

/** Fan-outs one after the other for the seconds of a measurement, three at least. */
async function repeated({ seconds }: LoadOptions, once: () => Promise<Round>): Promise<Round[]> {
  const rounds: Round[] = [];
  const until = performance.now() + seconds * 1000;
  while (rounds.length < 3 || performance.now() < until) rounds.push(await once());
  return rounds;
}

function asked(coordinator: Coordinator, input: FleetAskInput): () => Promise<Round> {
  return () => costed(coordinator.pid, () => coordinator.time(input));
}

function fetched(bare: Bare): () => Promise<Round> {
  return () => costed(bare.pid, () => bare.round());
}

async function costed(pid: number, run: () => Promise<{ ms: number; bytes: number }>): Promise<Round> {
  const before = cpuMilliseconds(pid);
  const said = await run();
  return { ...said, cpuMs: cpuMilliseconds(pid) - before };
}

async function byH2load({ swarm, folder, sites }: { swarm: Swarm; folder: string; sites: number }) {
  const [[name, address] = ['', '']] = swarm.addresses;
  tokens ??= new Tokens(swarm.home(name), realWorld).create('bench', 'viewer');
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${tokens}` };
  const target = { url: `https://${address}/pengine/create`, headers, body: BODY };
  return h2loadCost(folder, target, Math.max(4000, sites));
}

/** Made once: a token is shown when it is made. */
let tokens: string | null = null;

/* many askers */

/** As many clients as a coordinator takes, each asking again when it has its answer. */
async function measureCrowd(coordinator: Coordinator, options: LoadOptions): Promise<Figure[]> {
  const alone: number[] = [];
  const together: number[] = [];
  const spread: number[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    options.say(`${CLIENTS} clients, round ${round + 1} of ${options.rounds}`);
    alone.push((await askers(coordinator, 1, options)).perSecond);
    const crowd = await askers(coordinator, CLIENTS, options);
    together.push(crowd.perSecond);
    const medians = crowd.each.map(median);
    spread.push(Math.max(...medians) / Math.min(...medians));
  }
  return [
    compared(`questions a second, ${CLIENTS} clients, against one`, '/s', together, alone, atLeast(1)),
    plain(`slowest client's median of ${CLIENTS}, against the fastest's`, 'x', spread, atMost(1.5)),
  ];
}

async function askers(coordinator: Coordinator, count: number, { seconds }: LoadOptions) {
  const began = performance.now();
  // Long enough for each of many to ask a few times.
  const until = began + seconds * 1000 * Math.max(1, Math.sqrt(count));
  const each = await Promise.all(
    Array.from({ length: count }, async () => {
      const took: number[] = [];
      while (took.length < 3 || performance.now() < until) took.push((await coordinator.time(PLAIN)).ms);
      return took;
    }),
  );
  const total = each.reduce((sum, took) => sum + took.length, 0);
  return { each, perSecond: (total * 1000) / (performance.now() - began) };
}

/* growth */

/** The same question over fleets of a larger swarm and of parts of it, each with a coordinator of its own, in turns. */
async function measureGrowth(options: LoadOptions, folder: string) {
  const sizes = GROWTH.map((share) => Math.max(1, Math.round(options.sites * share)));
  const most = Math.max(...sizes);
  const swarm = await startSwarm({ ...options, sites: most, folder: join(folder, 'grown') });
  const costs = new Map<number, number[]>(sizes.map((size) => [size, []]));
  const coordinators = await Promise.all(
    sizes.map(async (size) => {
      const data = join(folder, `fleet-${size}`);
      writeFleet(swarm.members, data, new Map([...swarm.addresses].slice(0, size)));
      return startCoordinator(data, join(folder, `growth-${size}.log`));
    }),
  );
  try {
    for (const one of coordinators) await complete(one);
    for (let at = 0; at < WARM_UP; at += 1) for (const one of coordinators) await one.time(PLAIN);
    for (let round = 0; round < options.rounds; round += 1) {
      options.say(`growth, round ${round + 1} of ${options.rounds}`);
      for (const [at, size] of sizes.entries()) {
        const rounds = await repeated(options, asked(coordinators[at] as Coordinator, PLAIN));
        costs.get(size)?.push(...rounds.map(({ cpuMs }) => (cpuMs * 1000) / size));
      }
    }
    for (const one of coordinators) await complete(one);
  } finally {
    await Promise.all([...coordinators, swarm].map((one) => one.stop()));
  }
  const [smallest = 0, ...larger] = sizes;
  const figures = larger.map((size) =>
    compared(
      `CPU a site, ${size} sites against ${smallest}`,
      'µs',
      costs.get(size) ?? [],
      costs.get(smallest) ?? [],
      atMost(1.25),
    ),
  );
  const bars = sizes.map((size) => ({ name: `${size} sites`, value: median(costs.get(size) ?? []) }));
  const plot: Plot = { kind: 'bars', title: 'CPU of the coordinator a site, plain question', y: 'µs', bars };
  return { figures, plot };
}

/** Asks until every site has answered. */
async function complete(coordinator: Coordinator): Promise<void> {
  let result = await coordinator.ask(PLAIN);
  for (let asked = 1; !result.complete && asked < COMPLETE_WITHIN; asked += 1)
    result = await coordinator.ask(PLAIN);
  if (!result.complete)
    throw new Error(`no complete answer of ${COMPLETE_WITHIN}: ${JSON.stringify(counts(result))}`);
}
