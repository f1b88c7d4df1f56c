/**
 * What-if: facts that a question adds or takes away (docs/protocol.md section 1). Twin of kb/proof/assume.pl: the same
 * assumptions are accepted, and the same facts count as assumed away when a proof is checked.
 */
import { checkFact, keyPositions, type Manifest } from './catalogue.ts';
import { LogicError } from './errors.ts';
import { shortInteger } from './language-arithmetic.ts';
import { ASSUMPTIONS, QUERY_TEXT_BYTES, TERM_DEPTH } from './limits.ts';
import {
  argumentsOf,
  compound,
  float,
  indicator,
  isCompound,
  readTerm,
  sameTerm,
  type Term,
} from './term.ts';

export interface Assumption {
  /** Ground, of a state or inventory predicate. */
  readonly fact: Term;
  /** False: it is taken away. */
  readonly holds: boolean;
}

/** Reads texts as an API takes them: `node_up(pve1,false)`, or `\+ vm_host(web,pve1)`. Throws `syntax_error`, `too_large`. */
export function readAssumptions(texts: readonly string[]): Term[] {
  return texts.map((text) => readTerm(text, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term);
}

/** Throws `too_large`, `type_error`, `unknown_predicate`. */
export function checkAssumptions(terms: readonly Term[], manifest: Manifest): Assumption[] {
  if (terms.length > ASSUMPTIONS)
    throw new LogicError(
      'too_large',
      `There are ${terms.length} assumptions, at most ${ASSUMPTIONS} are taken.`,
    );
  const all = terms.map((term) => assumption(term, manifest));
  const ordered = [...all.filter(({ holds }) => !holds), ...all.filter(({ holds }) => holds)];
  ordered.forEach((one, i) => {
    for (const other of ordered.slice(i + 1)) refuseConflict(one, other, manifest);
  });
  return ordered;
}

/** The term that a question carries: `Fact`, or `\+ Fact`. */
export function assumptionTerm({ fact, holds }: Assumption): Term {
  return holds ? fact : compound('\\+', [fact]);
}

/** Whether an assumption says that this fact does not hold: it is taken away, or another value is in its place. */
export function assumedAway(fact: Term, assumptions: readonly Assumption[], manifest: Manifest): boolean {
  return assumptions.some((one) =>
    one.holds ? samePlace(fact, one.fact, manifest) : sameTerm(fact, one.fact),
  );
}

function assumption(given: Term, manifest: Manifest): Assumption {
  const holds = !isCompound(given, '\\+', 1);
  const fact = holds ? given : ((given as { args: readonly Term[] }).args[0] as Term);
  const key = fact.kind === 'atom' || fact.kind === 'compound' ? indicator(fact) : null;
  if (key === null) refuse('An assumption is a fact, or \\+ before a fact.');
  const entry = manifest.entries.get(key);
  if (entry === undefined) throw new LogicError('unknown_predicate', `${key} is not in the catalogue.`);
  if (entry.kind !== 'state' && entry.kind !== 'inventory')
    refuse(`${key} is ${entry.kind}: only state and inventory can be assumed.`);
  const args = argumentsOf(fact).map((value, i) =>
    value.kind === 'int' && entry.args[i]?.type === 'float'
      ? float(Number(shortInteger(value.value)))
      : value,
  );
  const typed = fact.kind === 'compound' ? compound(fact.name, args) : fact;
  try {
    checkFact(typed, manifest);
  } catch (cause) {
    throw new LogicError('type_error', (cause as Error).message, cause);
  }
  return { fact: typed, holds };
}

function refuseConflict(one: Assumption, other: Assumption, manifest: Manifest): void {
  if (sameTerm(one.fact, other.fact)) refuse('The same fact is assumed twice.');
  if (one.holds && other.holds && samePlace(one.fact, other.fact, manifest))
    refuse(`Two assumptions give ${indicator(one.fact)} another value for the same key.`);
}

/** Two facts of one state predicate with the same key. */
function samePlace(a: Term, b: Term, manifest: Manifest): boolean {
  const key = indicator(a);
  if (key === null || key !== indicator(b)) return false;
  const entry = manifest.entries.get(key);
  if (entry?.kind !== 'state') return false;
  const [left, right] = [argumentsOf(a), argumentsOf(b)];
  return keyPositions(entry).every((i) => sameTerm(left[i] as Term, right[i] as Term));
}

function refuse(message: string): never {
  throw new LogicError('type_error', message);
}
