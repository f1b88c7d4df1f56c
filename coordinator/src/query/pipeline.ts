/**
 * A fleet question from beginning to end: admit, select, fanout, verify, merge.
 *
 *   what is wrong with the question itself is thrown, before any site is asked;
 *   what becomes of a site is a row of the coverage, and never another site's time;
 *   what fails its check is counted and named, and never merged.
 *
 * Replies are verified as they come in, while others are still awaited.
 */
import type { AskResult, FleetAskInput } from '@fleet/shared/api/ask.ts';
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { FANOUT_AT_ONCE, FLEET_DEADLINE_MS } from '@fleet/shared/limits.ts';
import { questionBody } from '@fleet/shared/pengine.ts';
import pLimit, { type LimitFunction } from 'p-limit';
import type { Registry } from '../sites/registry.ts';
import type { Sessions } from '../sites/sessions.ts';
import type { World } from '../world.ts';
import { admit, type Gate, openGate } from './admit.ts';
import { fanout } from './fanout.ts';
import { merge } from './merge.ts';
import { select } from './select.ts';
import { type Verdict, verify } from './verify.ts';

/** What a fleet question needs; one of these lives as long as the coordinator. */
export interface Fleet {
  readonly registry: Registry;
  readonly sessions: Sessions;
  readonly manifest: Manifest;
  readonly world: World;
  /** Questions at once, sites being asked at once, replies being checked at once. */
  readonly gate: Gate;
  readonly limit: LimitFunction;
  readonly turn: LimitFunction;
}

export function openFleet(parts: Pick<Fleet, 'registry' | 'sessions' | 'manifest' | 'world'>): Fleet {
  return { ...parts, gate: openGate(), limit: pLimit(FANOUT_AT_ONCE), turn: pLimit(1) };
}

/** Whoever waits for the answer. */
export interface Waiting {
  /** Ends the question early; what is still open is then `cancelled`. */
  readonly cancel?: AbortSignal | undefined;
  /** Told of each target, in the order in which they end. */
  readonly tell?: (verdict: Verdict) => void;
}

/**
 * Asks the fleet, or the sites named. `cancel` ends it early; what is still open is then `cancelled`.
 * @throws LogicError for a query that may not be asked, a site that is not known, or too many questions
 */
export function askFleet(fleet: Fleet, input: FleetAskInput, cancel?: AbortSignal): Promise<AskResult> {
  return askFleetTelling(fleet, input, { cancel });
}

/** The same for one who wants to hear of each target as it ends. */
export async function askFleetTelling(
  fleet: Fleet,
  input: FleetAskInput,
  { cancel, tell = () => {} }: Waiting,
): Promise<AskResult> {
  const leave = fleet.gate.enter();
  try {
    const admitted = admit(input, fleet.manifest);
    const targets = select(fleet.registry, input.sites);
    const question = questionBody(admitted.asked, admitted.prove);
    const replies = fanout(fleet, targets, question, {
      deadlineMs: input.deadlineMs ?? FLEET_DEADLINE_MS,
      cancel,
    });
    const check = { ...admitted, question, manifest: fleet.manifest, turn: fleet.turn };
    const verdicts = await Promise.all(
      replies.map(async (reply) => {
        const verdict = await verify(check, await reply);
        tell(verdict);
        return verdict;
      }),
    );
    return merge(input.query, admitted, verdicts);
  } finally {
    leave();
  }
}
