/**
 * What collectors give: a fact as a term, with the time that it was seen and the time until which it is evidence.
 */

import { checkFact, type Manifest } from '@fleet/shared/catalogue.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { atom, compound, float, int, type Term, writeTerm } from '@fleet/shared/term.ts';
import type { JournalRow } from './journal.ts';

export interface Observation {
  readonly fact: Term;
  readonly source: string;
  /** ms since 1970 */
  readonly observedAt: number;
  /** ms since 1970 */
  readonly validUntil: number;
}

export interface Collector {
  /** The evidence's source, also the collector's name in the log. */
  readonly source: string;
  collect(now: number): Promise<readonly Observation[]>;
}

/** A fact from plain values: strings are atoms, bigints integers, numbers floats, booleans `true` and `false`. */
export function fact(name: string, ...values: readonly (string | bigint | number | boolean)[]): Term {
  return compound(name, values.map(value));
}

function value(given: string | bigint | number | boolean): Term {
  if (typeof given === 'string') return atom(given);
  if (typeof given === 'bigint') return int(given);
  if (typeof given === 'boolean') return atom(String(given));
  return float(given);
}

/** The row of an observation that the catalogue allows as state. Throws `bad_fact`. */
export function toRow(observation: Observation, manifest: Manifest): JournalRow {
  const entry = checkFact(observation.fact, manifest);
  if (entry.kind !== 'state')
    throw new LogicError('bad_fact', `${entry.name}/${entry.arity} is ${entry.kind}, not state.`);
  const { source, observedAt, validUntil } = observation;
  return { fact: writeTerm(observation.fact), source, observedAt, validUntil };
}
