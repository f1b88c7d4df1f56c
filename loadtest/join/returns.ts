/**
 * Sites that come back all at once: after a power cut that took them and their coordinator, watched until every site has told where it
 * is and the fleet has answered whole; and after a network that was away for a moment, which leaves them all but their sessions.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { coordinatorFiles } from '@fleet/coordinator/config.ts';
import type { FleetAskInput } from '@fleet/shared/api/ask.ts';
import {
  ANNOUNCE_SPREAD_MS,
  FLEET_DEADLINE_MS,
  HANDSHAKES_AT_ONCE,
  MEMBERSHIP_RETRY_AFTER_S,
  MEMBERSHIP_RETRY_MS,
  PROBES_AT_ONCE,
  TLS_CONNECTIONS,
} from '@fleet/shared/limits.ts';
import { questionBody } from '@fleet/shared/pengine.ts';
import { type BareOptions, startBare } from '../fanout/baselines.ts';
import { atLeast, atMost, compared, type Figure, plain, worst } from '../figures.ts';
import { distribution, type Plot, type Point } from '../page.ts';
import { cpuMilliseconds, peakMebibytes } from '../processes.ts';
import type { Asked, Handshakes, Seen } from '../watched/inside.ts';
import { startWatched, type Watched } from '../watched/watched.ts';
import type { JoinTest } from './joins.ts';

const QUERY = 'at_risk_of_throttling(Node)';
const BODY = questionBody({ text: QUERY, variables: ['Node'], assumptions: [] }, false).body;
const PROVED: FleetAskInput = { query: QUERY };
const PLAIN: FleetAskInput = { query: QUERY, prove: false, deadlineMs: 30_000 };
/** What an answer may come after its deadline, beside the delay of the event loop: as in `faults`. */
const GRACE_MS = 50;
/** Between two questions: sites, coordinator and asker share the machine. */
const REST_MS = 1_000;
const LOOK_MS = 100;
/**
 * A site that told later than this is late: the spread of the first tellings, and two tries that failed or were turned away, each with the longest wait
 * that there is after it.
 */
const LATE_MS =
  ANNOUNCE_SPREAD_MS + 2 * MEMBERSHIP_RETRY_AFTER_S * 1_000 + MEMBERSHIP_RETRY_MS * (2 ** 1 + 2 ** 2);
/** A return that is not over by then has failed. */
const GIVE_UP_MS = 4 * LATE_MS;
/** Evenly spread tellings would be so many each second; chance alone makes the busiest second of a small swarm half as much more. */
const BUSIEST = 2;
/**
 * Against a client that only connects, with the same bound: that makes one handshake a site, and a return three, for a telling, a look at
 * the site that tells, and a session.
 */
const RETURN = 3;
/** Lost sessions that are resumed; the rest is room for sites that gave no ticket in time. */
const RESUMED = 99;
/** What is resumed is not to cost more than what a bare loop pays for whole handshakes: as the warm fan-out's goal. */
const AFTER_CUT = 1.5;
/** Half of what its heap may grow to: the other half is for the questions that come with a return. */
const MEMORY_MEBIBYTES = 512;
/** The network is away for this long. */
const AWAY_MS = 500;
const CONNECTS = 3;

interface Question {
  readonly at: number;
  readonly ms: number;
  /** After the deadline and the delay of the event loop. */
  readonly overMs: number;
  readonly complete: boolean;
  readonly answering: number;
}

interface Return {
  /** Milliseconds since the return, all. */
  readonly firstComplete: number;
  readonly tellings: readonly number[];
  readonly told: readonly number[];
  readonly questions: readonly Question[];
  readonly sessions: Handshakes;
  readonly looks: Handshakes;
  readonly listener: Handshakes;
  /** Handshakes of all three kinds under way, over time. */
  readonly underWay: readonly Point[];
  readonly cpuMs: number;
}

export interface ReturnTest extends JoinTest {
  readonly addresses: ReadonlyMap<string, string>;
  /** Where sites find their coordinator. */
  readonly tls: string;
}

export async function measureReturns(test: ReturnTest): Promise<{ figures: Figure[]; plots: Plot[] }> {
  const { sites, options, started } = test;
  options.say('power cut: sites and coordinator');
  process.kill(test.coordinator.pid, 'SIGKILL');
  await Promise.all([sites.powerOff(), test.coordinator.stop()]);
  options.say('sites start again');
  await sites.powerOn();
  const { coordinator, ...back } = await oneReturn(test, () =>
    startWatched(test.data, test.folder, { tls: test.tls }),
  );
  started(coordinator);
  const connecting = await onlyConnecting(test);
  const cuts = await measureCuts({ ...test, coordinator });
  return {
    figures: [
      ...returnFigures(back, { sites: options.sites, connecting }),
      ...cuts,
      plain(
        'coordinator memory at its peak',
        'MiB',
        [peakMebibytes(coordinator.pid)],
        atMost(MEMORY_MEBIBYTES),
      ),
    ],
    plots: plotsOf(back),
  };
}

async function oneReturn(
  { sites, options }: ReturnTest,
  start: () => Promise<Watched>,
): Promise<Return & { coordinator: Watched }> {
  const began = Date.now();
  options.say('they are back');
  const [coordinator] = await Promise.all([start(), sites.begin()]);
  const cpu = cpuMilliseconds(coordinator.pid);
  const log = new ReturnLog(coordinator, began, options.sites);
  const watching = watch(log, options);
  const questions = await askMeanwhile(log);
  await watching;
  return { coordinator, ...log.result(), questions, cpuMs: cpuMilliseconds(coordinator.pid) - cpu };
}

/** Takes what the coordinator sees, as it sees it. */
class ReturnLog {
  readonly coordinator: Watched;
  readonly #began: number;
  readonly #sites: number;
  readonly #kinds: Record<'sessions' | 'looks' | 'listener', Handshakes> = {
    sessions: { most: 0, done: 0, resumed: 0, open: 0 },
    looks: { most: 0, done: 0, resumed: 0, open: 0 },
    listener: { most: 0, done: 0, resumed: 0, open: 0 },
  };
  readonly #asked: Asked[] = [];
  readonly #told = new Map<string, number>();
  readonly #underWay: Point[] = [];
  readonly #loops: Point[] = [];
  firstComplete = Number.NaN;

  constructor(coordinator: Watched, began: number, sites: number) {
    this.coordinator = coordinator;
    this.#began = began;
    this.#sites = sites;
  }

  now(): number {
    return Date.now() - this.#began;
  }

  get told(): number {
    return this.#told.size;
  }

  /** Every site has told, and the fleet has answered whole. */
  get over(): boolean {
    return this.#told.size >= this.#sites && !Number.isNaN(this.firstComplete);
  }

  async look(): Promise<void> {
    this.#take(await this.coordinator.seen());
  }

  #take(seen: Seen): void {
    const at = this.now();
    for (const kind of ['sessions', 'looks', 'listener'] as const) {
      const sum = this.#kinds[kind];
      sum.most = Math.max(sum.most, seen[kind].most);
      sum.done += seen[kind].done;
      sum.resumed += seen[kind].resumed;
    }
    this.#underWay.push([at / 1000, seen.sessions.most + seen.looks.most + seen.listener.most]);
    this.#loops.push([at, seen.loopMs]);
    for (const one of seen.asked.filter(({ path }) => path === '/moved')) {
      this.#asked.push(one);
      if (one.status === 200 && !this.#told.has(one.who)) this.#told.set(one.who, one.at - this.#began);
    }
  }

  /** The longest delay of the event loop since then. */
  loopSince(at: number): number {
    return Math.max(0, ...this.#loops.filter(([when]) => when >= at).map(([, ms]) => ms));
  }

  result(): Omit<Return, 'questions' | 'cpuMs'> {
    return {
      firstComplete: this.firstComplete,
      ...this.#kinds,
      underWay: this.#underWay,
      tellings: this.#asked.map(({ at }) => at - this.#began),
      told: [...this.#told.values()],
    };
  }
}

async function watch(log: ReturnLog, { sites, say }: ReturnTest['options']): Promise<void> {
  let next = 0;
  while (!log.over && log.now() < GIVE_UP_MS) {
    await Promise.all([log.look(), sleep(LOOK_MS)]);
    if (log.now() < next) continue;
    next = log.now() + 2_000;
    say(`  after ${Math.round(log.now() / 1000)} s ${log.told} of ${sites} sites have told where they are`);
  }
}

async function askMeanwhile(log: ReturnLog): Promise<Question[]> {
  const questions: Question[] = [];
  while (!log.over && log.now() < GIVE_UP_MS) {
    const at = log.now();
    const own = monitorEventLoopDelay({ resolution: 1 });
    own.enable();
    const began = performance.now();
    const { complete, coverage } = await log.coordinator.ask(PROVED);
    const ms = performance.now() - began;
    own.disable();
    await log.look();
    const loopMs = Math.max(log.loopSince(at), own.max / 1e6);
    const answering = coverage.sites.filter(({ outcome }) => ['answered', 'empty'].includes(outcome)).length;
    questions.push({ at, ms, overMs: ms - FLEET_DEADLINE_MS - loopMs, complete, answering });
    if (complete && Number.isNaN(log.firstComplete)) log.firstComplete = at + ms;
    await sleep(REST_MS);
  }
  return questions;
}

interface Beside {
  readonly sites: number;
  readonly connecting: readonly number[];
}

function returnFigures(back: Return, { sites, connecting }: Beside): Figure[] {
  const late = back.told.filter((at) => at > LATE_MS).length;
  const even = sites / (ANNOUNCE_SPREAD_MS / 1000);
  return [
    compared(
      'power cut: until the first complete answer, against only connecting with the same bound',
      'ms',
      [back.firstComplete],
      connecting,
      atMost(RETURN),
    ),
    plain('power cut: sites that never told', 'sites', [sites - back.told.length], atMost(0)),
    plain('power cut: sites that told late', 'sites', [late], atMost(0)),
    plain('power cut: until the last has told', 'ms', [Math.max(...back.told)]),
    compared(
      'power cut: tellings in the busiest second, against evenly spread',
      '/s',
      [busiestSecond(back.tellings)],
      [even],
      atMost(BUSIEST),
    ),
    worst(
      'power cut: answers after deadline and event-loop delay',
      'ms',
      back.questions.map(({ overMs }) => overMs),
      atMost(GRACE_MS),
    ),
    plain(
      'power cut: handshakes for sessions under way at once',
      'handshakes',
      [back.sessions.most],
      atMost(HANDSHAKES_AT_ONCE),
    ),
    plain('power cut: looks at sites under way at once', 'looks', [back.looks.most], atMost(PROBES_AT_ONCE)),
    plain(
      'power cut: handshakes at the listener under way at once',
      'handshakes',
      [back.listener.most],
      atMost(TLS_CONNECTIONS),
    ),
    plain('power cut: coordinator CPU a site, questions included', 'ms', [back.cpuMs / sites]),
  ];
}

function busiestSecond(at: readonly number[]): number {
  const seconds = Map.groupBy(at, (ms) => Math.floor(ms / 1000));
  return Math.max(0, ...[...seconds.values()].map((all) => all.length));
}

function share({ done, resumed }: Handshakes): number {
  return (100 * resumed) / done;
}

function optionsOfBare({ addresses, data, folder }: ReturnTest): BareOptions {
  return { folder, addresses, identity: coordinatorFiles(data).authority, body: BODY };
}

async function onlyConnecting(test: ReturnTest): Promise<number[]> {
  const took: number[] = [];
  for (let round = 0; round < CONNECTS; round += 1) {
    test.options.say(`only connecting, ${round + 1} of ${CONNECTS}`);
    const began = performance.now();
    const bare = await startBare('connect', { ...optionsOfBare(test), atOnce: HANDSHAKES_AT_ONCE });
    took.push(performance.now() - began);
    await bare.stop();
  }
  return took;
}

interface Round {
  readonly ms: number;
  readonly cpuMs: number;
}

/** Every session lost at once, sites and coordinator as they were: asked again, in turns with a bare loop that has no tickets. */
async function measureCuts(test: ReturnTest): Promise<Figure[]> {
  const { sites, coordinator, options } = test;
  const bare = await startBare('undici', optionsOfBare(test));
  const ours: Round[] = [];
  const theirs: Round[] = [];
  let incomplete = 0;
  const resumed: number[] = [];
  const most: number[] = [];
  const costed = async (pid: number, run: () => Promise<unknown>): Promise<Round> => {
    await sites.cut();
    await sleep(AWAY_MS);
    while ((await coordinator.seen()).sessions.open > 0) await sleep(LOOK_MS);
    const [cpu, began] = [cpuMilliseconds(pid), performance.now()];
    await run();
    return { ms: performance.now() - began, cpuMs: cpuMilliseconds(pid) - cpu };
  };
  await coordinator.ask(PLAIN);
  for (let round = 0; round < options.rounds; round += 1) {
    options.say(`network cut, round ${round + 1} of ${options.rounds}`);
    const ask = async () => {
      if (!(await coordinator.ask(PLAIN)).complete) incomplete += 1;
    };
    ours.push(await costed(coordinator.pid, ask));
    const { sessions } = await coordinator.seen();
    resumed.push(share(sessions));
    most.push(sessions.most);
    theirs.push(await costed(bare.pid, () => bare.round()));
  }
  await bare.stop();
  const of = (rounds: readonly Round[], key: keyof Round) => rounds.map((one) => one[key]);
  const perSite = (rounds: readonly Round[]) => of(rounds, 'cpuMs').map((ms) => ms / options.sites);
  return [
    plain('network cut: answers that were not complete', 'answers', [incomplete], atMost(0)),
    worst('network cut: sessions resumed', '%', resumed, atLeast(RESUMED)),
    worst(
      'network cut: handshakes for sessions under way at once',
      'handshakes',
      most,
      atMost(HANDSHAKES_AT_ONCE),
    ),
    compared(
      'network cut: the next complete answer, against a bare undici loop without tickets',
      'ms',
      of(ours, 'ms'),
      of(theirs, 'ms'),
      atMost(AFTER_CUT),
    ),
    compared('network cut: CPU a site of that', 'ms', perSite(ours), perSite(theirs), atMost(AFTER_CUT)),
  ];
}

function plotsOf({ told, questions, underWay }: Return): Plot[] {
  const line = (title: string, y: string, points: readonly Point[]): Plot => ({
    kind: 'lines',
    title,
    x: 's since the power is back',
    y,
    series: [{ name: '', points }],
  });
  const tellings = told.toSorted((a, b) => a - b).map((at, index): Point => [at / 1000, index + 1]);
  const answering = questions.map(({ at, answering }): Point => [at / 1000, answering]);
  return [
    line('Sites that have told where they are', 'sites', tellings),
    distribution('When sites told', 'ms since the power is back', { sites: told }),
    line('Sites in the answer to a question, by when it was asked', 'sites', answering),
    line('Handshakes of the coordinator under way, of every kind', 'handshakes', underWay),
  ];
}
