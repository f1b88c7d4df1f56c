/**
 * A fleet question from beginning to end: plan (admit, select), fanout, verify, merge; then it is remembered.
 *
 *   what is wrong with the question itself is thrown, before any site is asked;
 *   what becomes of a site is a row of the coverage, and never another site's time;
 *   what fails its check is counted and named, and never merged;
 *   what holds for part of the fleet is never said of all of it.
 *
 * Replies are verified as they come in, while others are still awaited.
 */
import type { Answer, FleetAskInput, FleetResult } from '@fleet/shared/api/ask.ts';
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { FANOUT_AT_ONCE, FLEET_DEADLINE_MS, LATE_CHECK_MS } from '@fleet/shared/limits.ts';
import type { Caller } from '@fleet/shared/tokens.ts';
import pLimit, { type LimitFunction } from 'p-limit';
import type { Through } from '../composition/ask-through.ts';
import type { Clones } from '../sites/clones.ts';
import type { Registry } from '../sites/registry.ts';
import type { Sessions } from '../sites/sessions.ts';
import type { History } from '../views/history.ts';
import type { World } from '../world.ts';
import { type Gate, openGate } from './admit.ts';
import { setApart } from './apart.ts';
import { fanout, type Patience, type Reply } from './fanout.ts';
import { type Manifests, openManifests } from './manifests.ts';
import { merge } from './merge.ts';
import type { Part } from './part.ts';
import { type Plan, planQuestion } from './plan.ts';
import { startRemembering } from './remember.ts';
import type { Targets } from './select.ts';
import { learnSize, openSizes, refuseKnownSize, type Sizes } from './sizes.ts';
import { openTurn, type Turn } from './turn.ts';
import { type Verdict, verify } from './verify.ts';

/** What a site said the last time that it was asked this; `history` knows. */
export interface LastKnown {
  /** `query` and `assumptions` as the caller writes them. `at` is milliseconds since 1970 UTC. */
  of(
    query: string,
    assumptions: readonly string[],
    site: string,
  ): { readonly at: number; readonly answers: readonly Answer[] } | null;
}

/** What a fleet question needs; one of these lives as long as the coordinator. */
export interface Fleet {
  readonly registry: Registry;
  readonly sessions: Sessions;
  /** Told of each revision that a site signed for; left out, sites that are there twice go unnoticed. */
  readonly clones?: Pick<Clones, 'revision'> | undefined;
  readonly manifest: Manifest;
  readonly world: World;
  /** Questions at once, sites being asked at once, replies being checked at once. */
  readonly gate: Gate;
  readonly limit: LimitFunction;
  readonly turn: Turn;
  /** How sites behind other coordinators are asked, where there are any. */
  readonly through?: Through | undefined;
  /** Of other core rules. */
  readonly manifests: Manifests;
  readonly sizes: Sizes;
  readonly lastKnown?: LastKnown;
  /** Left out where answers are not kept. */
  readonly history?: History;
}

type FleetParts = Pick<
  Fleet,
  'registry' | 'sessions' | 'clones' | 'manifest' | 'world' | 'through' | 'lastKnown' | 'history'
> & {
  readonly manifests?: Manifests;
};

export function openFleet(parts: FleetParts): Fleet {
  return {
    manifests: openManifests(null),
    ...parts,
    gate: openGate(),
    limit: pLimit(FANOUT_AT_ONCE),
    turn: openTurn(parts.world),
    sizes: openSizes(),
  };
}

/** Whoever waits for the answer. */
export interface Waiting {
  /** Ends the question early; what is still open is then `cancelled`. */
  readonly cancel?: AbortSignal | undefined;
  /** Told of each target, in the order in which they end; of a join, all when it is done. */
  readonly tell?: (verdict: Verdict) => void;
  /** Who it is; loopback where left out. */
  readonly by?: Caller;
}

/**
 * Asks the fleet, or the targets named. `cancel` ends it early; what is still open is then `cancelled`.
 * @throws LogicError for a query that may not be asked, a site that is not known, too many questions, or too few answers
 */
export function askFleet(fleet: Fleet, input: FleetAskInput, cancel?: AbortSignal): Promise<FleetResult> {
  return askFleetTelling(fleet, input, { cancel });
}

/** The same for one who wants to hear of each target as it ends. */
export async function askFleetTelling(
  fleet: Fleet,
  input: FleetAskInput,
  { cancel, tell = () => {}, by }: Waiting,
): Promise<FleetResult> {
  const leave = fleet.gate.enter();
  const remembering = startRemembering(fleet, input, by);
  try {
    const plan = planQuestion(input, fleet);
    refuseKnownSize(plan, fleet.sizes);
    const patience = { deadlineMs: input.deadlineMs ?? FLEET_DEADLINE_MS, cancel };
    const alone = plan.join === null ? tell : () => {};
    const verdicts = await Promise.all(
      plan.parts.map((part) => askPart(fleet, part, { patience, maxAgeMs: plan.maxAgeMs, tell: alone })),
    );
    for (const [i, part] of plan.parts.entries()) learnSize(fleet.sizes, part, verdicts[i] ?? []);
    const result = withLastKnown(merge(plan, verdicts, fleet.manifest.bundle), fleet.lastKnown, input);
    refuseBelowShare(plan, result);
    if (plan.join !== null) for (const outcome of result.coverage.sites) tell({ outcome, answers: [] });
    return remembering(result);
  } finally {
    leave();
  }
}

interface Asking {
  readonly patience: Patience;
  readonly maxAgeMs: number | null;
  readonly tell: (verdict: Verdict) => void;
}

/** One goal at all its targets: one verdict each. */
function askPart(fleet: Fleet, part: Part, { patience, maxAgeMs, tell }: Asking): Promise<Verdict[]> {
  const { admitted, question, targets } = part;
  const replies = fanout(fleet, targets.asked, question, patience);
  const check = {
    ...admitted,
    question,
    manifest: fleet.manifest,
    manifests: fleet.manifests,
    clones: fleet.clones,
    turn: fleet.turn,
    due: fleet.world.elapsed() + patience.deadlineMs + LATE_CHECK_MS,
  };
  const own = fleet.manifest.bundle;
  return Promise.all(
    [...targets.skipped.map(skip), ...replies].map(async (awaited) => {
      const reply = await awaited;
      const verdict = setApart(await verify(check, reply), reply, { own, maxAgeMs });
      tell(verdict);
      return verdict;
    }),
  );
}

function skip({ site, reason }: Targets['skipped'][number]): Promise<Reply> {
  return Promise.resolve({ kind: 'none', site, ms: 0, outcome: 'skipped', error: null, reason });
}

/** What the missing sites said the last time, beside the answer. */
function withLastKnown(
  result: FleetResult,
  lastKnown: LastKnown | undefined,
  { query, assume = [] }: FleetAskInput,
): FleetResult {
  if (lastKnown === undefined || result.kind === 'join') return result;
  const missing = result.coverage.sites.filter(
    ({ outcome }) => outcome !== 'answered' && outcome !== 'empty' && outcome !== 'stale',
  );
  const known = missing.flatMap(({ site }) => {
    const before = lastKnown.of(query, assume, site);
    return before === null ? [] : [{ site, ...before }];
  });
  return { ...result, lastKnown: known };
}

export function refuseBelowShare({ share }: Plan, { coverage }: FleetResult): void {
  const good = coverage.answered + coverage.empty;
  if (share === 0 || (coverage.targets > 0 && good >= share * coverage.targets)) return;
  const wanted = share === 1 ? 'all of them' : `a share of ${share}`;
  throw new LogicError(
    'partial_coverage',
    `${good} of ${coverage.targets} sites answered, and ${wanted} must`,
    undefined,
    { coverage },
  );
}
