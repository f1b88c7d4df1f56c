/**
 * Types of arithmetic expressions in a question, and the conversion of integer literals beside floats: the half of
 * language.ts that knows nothing of the catalogue.
 */
import { fitsInteger } from './arithmetic.ts';
import { LogicError } from './errors.ts';
import { INTEGER_BITS } from './limits.ts';
import { compound, float, type Term } from './term.ts';

/** `literal`: of integer literals only, which may still become floats. */
export type Kind = 'integer' | 'float' | 'literal';

export interface Typed {
  readonly term: Term;
  readonly kind: Kind;
}

const SAME_KIND: ReadonlySet<string> = new Set(['+', '-', '*', 'min', 'max']);
const INTEGER_ONLY: ReadonlySet<string> = new Set(['//', 'mod']);
const KEEPS_KIND: ReadonlySet<string> = new Set(['abs', '-']);

/** An integer of the language, or `type_error`. */
export function shortInteger(value: bigint): bigint {
  if (!fitsInteger(value))
    throw new LogicError('type_error', `An integer is longer than ${INTEGER_BITS} bits.`);
  return value;
}

/** The type of a whole expression: literals stay as they are written. */
export function settled<T extends string>(kind: T): Exclude<T, 'literal'> | 'integer' {
  return kind === 'literal' ? 'integer' : (kind as Exclude<T, 'literal'>);
}

/**
 * Types `term` and converts its literals. `typeOf` gives a variable's base type or throws `unbound_argument`.
 * Throws `type_error`, `mixed_arithmetic`, or `unknown_predicate` for a function the language does not have.
 */
export function expression(term: Term, typeOf: (name: string) => string): Typed {
  switch (term.kind) {
    case 'var': {
      const kind = typeOf(term.name);
      if (kind !== 'integer' && kind !== 'float')
        throw new LogicError('type_error', `${term.name} of type ${kind} stands in arithmetic.`);
      return { term, kind };
    }
    case 'int':
      shortInteger(term.value);
      return { term, kind: 'literal' };
    case 'float':
      if (Object.is(term.value, -0))
        throw new LogicError('type_error', 'A float must be finite and not -0.0.');
      return { term, kind: 'float' };
    case 'atom':
      return noFunction(`${term.name}/0`);
    case 'list':
      return noFunction(term.items.length === 0 ? '[]/0' : '[|]/2');
    case 'compound':
      return structure(term.name, term.args, typeOf);
  }
}

function structure(name: string, args: readonly Term[], typeOf: (name: string) => string): Typed {
  const [first, second] = args as [Term, Term];
  if (args.length === 1 && KEEPS_KIND.has(name)) {
    const { term, kind } = expression(first, typeOf);
    return { term: compound(name, [term]), kind };
  }
  if (args.length === 1 && name === 'float')
    return { term: compound(name, [expression(first, typeOf).term]), kind: 'float' };
  const binary = args.length === 2 && (name === '/' || SAME_KIND.has(name) || INTEGER_ONLY.has(name));
  if (!binary) noFunction(`${name}/${args.length}`);
  const left = expression(first, typeOf);
  const right = expression(second, typeOf);
  const kinds = [left.kind, right.kind];
  if (INTEGER_ONLY.has(name) && kinds.includes('float')) mixed(`${name} takes integers.`);
  if (name === '/' && (kinds.includes('integer') || !kinds.includes('float')))
    mixed('/ takes floats: write float(X).');
  const { terms, kind } = sideBySide(left, right);
  return { term: compound(name, terms), kind };
}

/** Two operands as one kind: literals beside a float become floats. Throws `mixed_arithmetic`. */
export function sideBySide(left: Typed, right: Typed): { terms: [Term, Term]; kind: Kind } {
  if (left.kind === right.kind) return { terms: [left.term, right.term], kind: left.kind };
  if (left.kind === 'literal' && right.kind === 'float')
    return { terms: [literalFloats(left.term), right.term], kind: 'float' };
  if (left.kind === 'float' && right.kind === 'literal')
    return { terms: [left.term, literalFloats(right.term)], kind: 'float' };
  if (left.kind === 'float' || right.kind === 'float') mixed('An integer meets a float: write float(X).');
  return { terms: [left.term, right.term], kind: 'integer' };
}

/** An expression of integer literals only, literal by literal as floats. */
export function literalFloats(term: Term): Term {
  if (term.kind === 'int') return float(Number(shortInteger(term.value)));
  if (term.kind !== 'compound') return term;
  if (INTEGER_ONLY.has(term.name)) mixed(`${term.name} takes integers.`);
  return compound(term.name, term.args.map(literalFloats));
}

function mixed(message: string): never {
  throw new LogicError('mixed_arithmetic', message);
}

function noFunction(key: string): never {
  throw new LogicError('unknown_predicate', `${key} is not an arithmetic function of the language.`);
}
