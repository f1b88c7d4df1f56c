/**
 * What collectors give: a fact as a term, with the time that it was seen and the time until which it is evidence.
 */

import { type CatalogueEntry, checkFact, hasType, type Manifest } from '@fleet/shared/catalogue.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { COLLECT_VALID_TURNS } from '@fleet/shared/limits.ts';
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

/** What one pass of a collector is given besides the time. */
export interface Pass {
  /** Aborted when the time of the pass is over, and when the agent stops. */
  readonly signal: AbortSignal;
  /** Tells of a part that could not be read while others could: its facts go stale by themselves. */
  readonly missed: (what: LogicError) => void;
}

export interface Collector {
  /** The evidence's source, also the collector's name in the log and in `site.info`. */
  readonly source: string;
  /** What is seen at `now`. Rejects with a `source_...` code when nothing could be read. */
  collect(now: number, pass: Pass): Promise<readonly Observation[]>;
}

/** Facts that one source saw at `now`, as evidence until its third turn from then. */
export function seenBy(source: string, facts: readonly Term[], { now, everyMs }: SeenAt): Observation[] {
  const validUntil = now + COLLECT_VALID_TURNS * everyMs;
  return facts.map((seen) => ({ fact: seen, source, observedAt: now, validUntil }));
}

interface SeenAt {
  readonly now: number;
  readonly everyMs: number;
}

/** A fact from plain values: strings are atoms, bigints integers, numbers floats, booleans `true` and `false`. */
export function fact(name: string, ...values: readonly (string | bigint | number | boolean)[]): Term {
  return compound(name, values.map(value));
}

function value(given: string | bigint | number | boolean): Term {
  if (typeof given === 'string') return atom(given);
  if (typeof given === 'bigint') return int(given);
  if (typeof given === 'boolean') return atom(String(given));
  // Minus zero is no value of the language.
  return float(given + 0);
}

/** Whether things may be called so: what the catalogue takes for an atom. */
export function isName(text: string): boolean {
  return hasType(atom(text), 'atom');
}

/** The entry of a fact that the catalogue allows as state. Throws `bad_fact`. */
export function checkState(fact: Term, manifest: Manifest): CatalogueEntry {
  const entry = checkFact(fact, manifest);
  if (entry.kind === 'state') return entry;
  throw new LogicError('bad_fact', `${entry.name}/${entry.arity} is ${entry.kind}, not state.`);
}

/** The row of an observation. Throws `bad_fact`. */
export function toRow({ fact, source, observedAt, validUntil }: Observation, manifest: Manifest): JournalRow {
  checkState(fact, manifest);
  return { fact: writeTerm(fact), source, observedAt, validUntil };
}

/** Does it for what stands there, in a batch or a file. Throws `bad_fact` naming the place. */
export function atPlace<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const said = cause instanceof LogicError ? cause.message : String(cause);
    throw new LogicError('bad_fact', `${place}: ${said}`, cause);
  }
}
