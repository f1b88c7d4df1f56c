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
import { verify } from './verify.ts';

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

/**
 * Asks the fleet, or the sites named. `cancel` ends it early; what is still open is then `cancelled`.
 * @throws LogicError for a query that may not be asked, a site that is not known, or too many questions
 */
export async function askFleet(fleet: Fleet, input: FleetAskInput, cancel?: AbortSignal): Promise<AskResult> {
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
    const verdicts = await Promise.all(replies.map(async (reply) => verify(check, await reply)));
    return merge(input.query, admitted, verdicts);
  } finally {
    leave();
  }
}
