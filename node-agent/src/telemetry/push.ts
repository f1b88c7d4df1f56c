/**
 * Facts that a script pushes (`site.observe`): read, checked against the catalogue and journaled like what a collector
 * saw, with the caller's name as their source, so that a proof names who vouched for them.
 */
import type { ObserveInput, ObserveResult } from '@fleet/shared/api/observe.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { CLOCK_SKEW_MS, QUERY_TEXT_BYTES, TERM_DEPTH } from '@fleet/shared/limits.ts';
import { readTerm } from '@fleet/shared/term.ts';
import { atPlace, type Observation } from './observation.ts';
import { inSlices, observe, type TelemetryParts } from './pipeline.ts';

/** On the disk when this resolves. Throws `bad_fact` naming the position, `forbidden`, `too_large`, `not_stored`. */
export async function push(
  input: ObserveInput,
  caller: string,
  parts: Pick<TelemetryParts, 'manifest' | 'intake' | 'world'>,
): Promise<ObserveResult> {
  const now = parts.world.now();
  const read = (one: ObserveInput[number], index: number) =>
    atPlace(`Observation ${index}`, () => toObservation(one, caller, now));
  return observe(await inSlices(input, read), parts);
}

function toObservation(one: ObserveInput[number], caller: string, now: number): Observation {
  const { observedAt = now, validForMs } = one;
  if (observedAt > now + CLOCK_SKEW_MS)
    throw new LogicError('bad_fact', 'observedAt is in the future of this site.');
  const { term } = readTerm(one.fact, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH });
  if (term.kind === 'compound' && AGENT_PREDICATES.has(term.name))
    throw new LogicError('bad_fact', `${term.name} is what the rules decide, not what anyone observes.`);
  return { fact: term, source: caller, observedAt, validUntil: observedAt + validForMs };
}

/** Written by the alert pass alone: what a rule decided is not to be had by asking. */
const AGENT_PREDICATES: ReadonlySet<string> = new Set(['active_alert', 'alert_unknown']);
