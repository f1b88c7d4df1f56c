/**
 * `npm run loadtest -- faults`: a fleet in which a quarter of the sites is faulty, in every way that fault.ts knows, drawn anew
 * for each seed. Each seed: faults set, the fleet asked, every target judged, faults taken away, the fleet asked again. Then a
 * coordinator that is killed in the middle of a question, and one whose disk is full. `--seed` is the first of the seeds.
 */
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { chance } from '@fleet/node-agent/random.ts';
import type { FleetAskInput, FleetResult } from '@fleet/shared/api/ask.ts';
import { FLEET_DEADLINE_MS, REVISIONS_KEPT_MS } from '@fleet/shared/limits.ts';
import { questionBody } from '@fleet/shared/pengine.ts';
import { atMost, type Figure, plain, worst } from '../figures.ts';
import type { LoadOptions } from '../options.ts';
import { outcomesOverTime, type Plot } from '../page.ts';
import { peakMebibytes, pssMebibytes } from '../processes.ts';
import { drawFaults, FAULT_KINDS, FAULTS } from '../swarm/fault.ts';
import { inRunFolder, type Started } from '../swarm/folder.ts';
import { writeFleet } from '../swarm/members.ts';
import { type Swarm, startSwarm } from '../swarm/swarm.ts';
import { startWatched, type Watched } from '../watched/watched.ts';
import { type Healthy, healthyOf, type Judgement, judge } from './judge.ts';

const QUERY = 'at_risk_of_throttling(Node)';
const BODY = questionBody({ text: QUERY, variables: ['Node'], assumptions: [] }, true).body;
/** What an answer may come after the deadline, beside the delay of the event loop. */
const GRACE_MS = 50;
/** Until the first answer of all, which opens every session. */
const PATIENT_MS = 60_000;
/** The heap's ceiling, and what lies beside a heap. */
const MEMORY_MEBIBYTES = 1_280;
/** What a coordinator may hold more at the end than in the middle, when everything has happened to it a few times. */
const GROWTH = 1.25;
/** Answers until one must say that answers are not kept. */
const WARNED_WITHIN = 3;
/** A disk stays full past everything that is written now and then. */
const FULL_MS = REVISIONS_KEPT_MS + 5_000;
/** The killed coordinator is killed by then. */
const KILL_WITHIN_MS = 1_000;

const RIGHT = FAULT_KINDS.map((kind) => {
  const { share, says, outcomes } = FAULTS[kind];
  return `${kind} (${Number((share * 100).toPrecision(2))} %, ${says}): ${outcomes.join(' or ')}`;
});

export const NOTES = [
  `\`${QUERY}\` with proofs. Faults drawn by each seed, and the right outcome of each: ${RIGHT.join('; ')}. Every other site: as before.`,
  'Liars are real sites whose own replies are altered in front of their listener.',
  "The delay of the event loop is the longest of the coordinator's and the asker's in that question.",
];

export interface FaultOptions extends Pick<LoadOptions, 'sites' | 'seed' | 'seeds' | 'say'> {
  readonly deadlineMs?: number;
  /** How long the disk is full, at least. */
  readonly fullMs?: number;
}

interface Seeded extends Judgement {
  readonly ms: number;
  /** After the deadline and the delay of event loops. */
  readonly overMs: number;
  readonly loopMs: number;
  /** Targets that the next question, after the faults, did not cover. */
  readonly uncovered: number;
  readonly memory: number;
  readonly result: FleetResult;
}

export async function measureFaults({
  sites,
  seed,
  say,
  seeds,
  deadlineMs = FLEET_DEADLINE_MS,
  fullMs = FULL_MS,
}: FaultOptions) {
  return inRunFolder(async (folder, started) => {
    const swarm = started(
      await startSwarm({ sites, seed, folder: join(folder, 'swarm'), fronts: true, say }),
    );
    const data = join(folder, 'fleet');
    writeFleet(swarm.members, data, swarm.addresses);
    const coordinator = started(await startWatched(data, folder));
    const healthy = await askHealthy(coordinator, sites);
    const test = { swarm, healthy, deadlineMs, say };
    const all: Seeded[] = [];
    for (let at = 0; at < seeds; at += 1) {
      say(`seed ${seed + at}, ${at + 1} of ${seeds}`);
      all.push(await oneSeed(coordinator, seed + at, test));
    }
    const peak = peakMebibytes(coordinator.pid);
    const disk = await fullDisk(coordinator, { ...test, seed, fullMs });
    const killed = await killMidway(coordinator, { ...test, data, folder, seed, started });
    return {
      figures: [...seedFigures(all, peak), ...disk, ...killed],
      plots: [
        ...all
          .slice(0, 1)
          .map(({ result }) => outcomesOverTime('Outcomes over time, first seed', result.coverage)),
        tookPlot(all, deadlineMs),
      ],
      notes: [
        `${sites} sites, seeds ${seed} to ${seed + seeds - 1}, deadline ${deadlineMs} ms.`,
        ...complaints(all),
      ],
    };
  });
}

interface Test {
  readonly swarm: Swarm;
  readonly healthy: Healthy;
  readonly deadlineMs: number;
  readonly say: (text: string) => void;
}

async function askHealthy(coordinator: Watched, sites: number): Promise<Healthy> {
  const result = await coordinator.ask({ query: QUERY, deadlineMs: PATIENT_MS });
  if (!result.complete || result.coverage.targets !== sites)
    throw new Error('the fleet is not well to begin with');
  return healthyOf(result);
}

async function oneSeed(coordinator: Watched, seed: number, test: Test): Promise<Seeded> {
  const { swarm, healthy, deadlineMs, say } = test;
  const faults = faultsOf(seed, test);
  await swarm.setFaults(faults, BODY);
  const { result, ms, loopMs } = await timed(coordinator, { query: QUERY, deadlineMs });
  const judged = judge(result, healthy, faults);
  await swarm.setFaults(new Map(), BODY);
  const { result: next } = await timed(coordinator, { query: QUERY, deadlineMs });
  const after = judge(next, healthy, new Map());
  const uncovered = new Set([...after.wrong, ...after.missing]).size;
  for (const wrong of [...judged.wrong.slice(0, 3), ...after.wrong.slice(0, 3)]) say(`  ${wrong}`);
  const memory = pssMebibytes([coordinator.pid]);
  return { ...judged, ms, loopMs, overMs: ms - deadlineMs - loopMs, uncovered, memory, result };
}

function faultsOf(seed: number, { healthy, deadlineMs }: Pick<Test, 'healthy' | 'deadlineMs'>) {
  const names = [...healthy.outcomes.keys()];
  return drawFaults({ names, answering: new Set(healthy.answers.keys()), deadlineMs, seed });
}

/** Asks, and how long it took the asker; with the delay of the event loops on both ends. */
async function timed(coordinator: Watched, input: FleetAskInput) {
  await coordinator.seen();
  const own = monitorEventLoopDelay({ resolution: 1 });
  own.enable();
  const began = performance.now();
  const result = await coordinator.ask(input);
  const ms = performance.now() - began;
  own.disable();
  const loopMs = Math.max((await coordinator.seen()).loopMs, own.max / 1e6);
  return { result, ms, loopMs };
}

function seedFigures(all: readonly Seeded[], peak: number): Figure[] {
  const count = (of: (one: Seeded) => number) => all.map(of);
  const memory = all.map((one) => one.memory);
  const middle = memory[Math.floor(memory.length / 2)] ?? 0;
  return [
    worst(
      'answer after deadline and event-loop delay',
      'ms',
      count((one) => one.overMs),
      atMost(GRACE_MS),
    ),
    worst(
      'event-loop delay in such a question',
      'ms',
      count((one) => one.loopMs),
    ),
    worst(
      'targets with another outcome than the right one',
      'targets',
      count((one) => one.wrong.length),
      atMost(0),
    ),
    worst(
      'liars not rejected by name',
      'sites',
      count((one) => one.believed.length),
      atMost(0),
    ),
    worst(
      'honest sites whose answers are not all there',
      'sites',
      count((one) => one.missing.length),
      atMost(0),
    ),
    worst(
      'targets that the next question does not cover',
      'targets',
      count((one) => one.uncovered),
      atMost(0),
    ),
    plain('coordinator memory at its peak', 'MiB', [peak], atMost(MEMORY_MEBIBYTES)),
    plain(
      'coordinator memory after the last seed, against the middle one',
      'x',
      [(memory.at(-1) ?? 0) / middle],
      atMost(GROWTH),
    ),
  ];
}

/** What a reader of the report must know of what went wrong. */
function complaints(all: readonly Seeded[]): string[] {
  return [...new Set(all.flatMap(({ wrong }) => wrong))].slice(0, 10).map((text) => `Wrong: ${text}`);
}

/** The coordinator can write nothing while it is asked: its answers do not depend on that. */
async function fullDisk(
  coordinator: Watched,
  { seed, fullMs, ...test }: Test & { readonly seed: number; readonly fullMs: number },
): Promise<Figure[]> {
  test.say('a full disk at the coordinator');
  const faults = faultsOf(seed, test);
  await test.swarm.setFaults(faults, BODY);
  coordinator.fullDisk(true);
  const until = performance.now() + fullMs;
  const ask = () => coordinator.ask({ query: QUERY, deadlineMs: test.deadlineMs });
  const first = await ask();
  // The history is written behind the answers: one that follows says that they are not kept.
  let [result, tries] = [await ask(), 1];
  while (!warned(result) && tries < WARNED_WITHIN) [result, tries] = [await ask(), tries + 1];
  const quiet = warned(result) ? 0 : 1;
  while (performance.now() < until) result = await ask();
  coordinator.fullDisk(false);
  await test.swarm.setFaults(new Map(), BODY);
  const during = [first, result].map((one) => faulty(judge(one, test.healthy, faults)));
  const after = judge(await ask(), test.healthy, new Map());
  return [
    worst('wrong outcomes and missing answers with a full disk', 'targets', during, atMost(0)),
    worst('full disks that no answer warns of', 'disks', [quiet], atMost(0)),
    worst('the same when there is room again', 'targets', [faulty(after)], atMost(0)),
  ];
}

const warned = ({ warnings = [] }: FleetResult) => warnings.length > 0;

const faulty = ({ wrong, believed, missing }: Judgement) => wrong.length + believed.length + missing.length;

interface Killing extends Test {
  readonly data: string;
  readonly folder: string;
  readonly seed: number;
  readonly started: Started;
}

/** Its asker is told by a broken connection, never by half an answer, and the next coordinator on that folder covers everything. */
async function killMidway(coordinator: Watched, killing: Killing): Promise<Figure[]> {
  const { data, folder, seed, healthy, deadlineMs, swarm, say, started } = killing;
  say('kill -9 of the coordinator in the middle of a question');
  const faults = faultsOf(seed, killing);
  await swarm.setFaults(faults, BODY);
  const asking = coordinator.ask({ query: QUERY, deadlineMs }).then(
    () => 1,
    () => 0,
  );
  await sleep(KILL_WITHIN_MS * chance(seed, 'kill', 'coordinator'));
  process.kill(coordinator.pid, 'SIGKILL');
  const answered = await asking;
  await swarm.setFaults(new Map(), BODY);
  const began = performance.now();
  const next = started(await startWatched(data, folder));
  const result = await next.ask({ query: QUERY, deadlineMs: PATIENT_MS });
  const ms = performance.now() - began;
  await next.stop();
  return [
    worst('answers given by a coordinator that was killed before', 'answers', [answered], atMost(0)),
    worst(
      'wrong outcomes and missing answers of the next coordinator',
      'targets',
      [faulty(judge(result, healthy, new Map()))],
      atMost(0),
    ),
    plain('from kill -9 to the next complete answer', 'ms', [ms]),
  ];
}

function tookPlot(all: readonly Seeded[], deadlineMs: number): Plot {
  const bars = all.map(({ ms }, at) => ({ name: `${at + 1}`, value: ms }));
  return { kind: 'bars', title: `What each seed's question took (deadline ${deadlineMs} ms)`, y: 'ms', bars };
}
