/**
 * Terms: the values of the whole system, as data. This module holds their one canonical text and their one order;
 * term-shape.ts has their types, term-reader.ts turns text into terms.
 *
 * A term is a plain readonly object told apart by `kind`. Integers are BigInt and floats are numbers, so
 * that the two can never meet by accident (SHARP-EDGES 5). Lists are proper lists and a kind of their own:
 * a proof is one long list, and nesting it cell by cell would cost depth and memory.
 */
import type { Atom, Compound, Float, Integer, List, Term, Variable } from './term-shape.ts';

export { readTerm } from './term-reader.ts';
export { isNormalName } from './term-scanner.ts';
export type { Float, Integer, Term };

export const variable = (name: string): Variable => ({ kind: 'var', name });
export const atom = (name: string): Atom => ({ kind: 'atom', name });
export const int = (value: bigint | number): Integer => ({ kind: 'int', value: BigInt(value) });
export const float = (value: number): Float => ({ kind: 'float', value });
export const list = (items: readonly Term[]): List => ({ kind: 'list', items });
export const compound = (name: string, args: readonly Term[]): Compound => ({ kind: 'compound', name, args });

/** `name/arity` of a goal or structure; an atom has arity 0. Null for anything that has no name. */
export function indicator(term: Term): string | null {
  if (term.kind === 'atom') return `${term.name}/0`;
  return term.kind === 'compound' ? `${term.name}/${term.args.length}` : null;
}

/** The arguments of a structure; none for an atom. */
export function argumentsOf(term: Term): readonly Term[] {
  return term.kind === 'compound' ? term.args : [];
}

/** Whether `term` is the structure `name/arity`. */
export function isCompound<Name extends string>(
  term: Term,
  name: Name,
  arity: number,
): term is Compound & { readonly name: Name } {
  return term.kind === 'compound' && term.args.length === arity && term.name === name;
}

/** Structural equality; variables by name, floats by their bits. */
export function sameTerm(a: Term, b: Term): boolean {
  if (a === b) return true;
  switch (a.kind) {
    case 'var':
      return b.kind === 'var' && a.name === b.name;
    case 'atom':
      return b.kind === 'atom' && a.name === b.name;
    case 'int':
      return b.kind === 'int' && a.value === b.value;
    case 'float':
      return b.kind === 'float' && Object.is(a.value, b.value);
    case 'list':
      return b.kind === 'list' && sameTerms(a.items, b.items);
    case 'compound':
      return b.kind === 'compound' && a.name === b.name && sameTerms(a.args, b.args);
  }
}

function sameTerms(a: readonly Term[], b: readonly Term[]): boolean {
  return a.length === b.length && a.every((item, i) => sameTerm(item, b[i] as Term));
}

/** Whether `term` is a value of the language: an atom, a number, or a list of values. Ground by form. */
export function isValue(term: Term): boolean {
  switch (term.kind) {
    case 'atom':
    case 'int':
      return true;
    case 'float':
      return Number.isFinite(term.value) && !Object.is(term.value, -0);
    case 'list':
      return term.items.every(isValue);
    default:
      return false;
  }
}

/** Atoms in the order of their code points; JavaScript's own `<` goes by UTF-16 units. */
function compareNames(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // A surrogate stands for a code point above every other unit.
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    if (xHigh !== yHigh) return xHigh ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

const RANK = { var: 0, float: 1, int: 1, atom: 2, list: 3, compound: 4 } as const;

/**
 * Canonical order of values: negative, zero or positive. Numbers by value, atoms by code point, lists
 * item by item. Columns have one type each, so the order between kinds only has to be total: an integer
 * beside a float goes by value, then the float first, as in Prolog's standard order.
 */
export function compareValues(a: Term, b: Term): number {
  if (RANK[a.kind] !== RANK[b.kind]) return RANK[a.kind] - RANK[b.kind];
  if ((a.kind === 'int' || a.kind === 'float') && (b.kind === 'int' || b.kind === 'float')) {
    if (a.value < b.value) return -1;
    if (a.value > b.value) return 1;
    return a.kind === b.kind ? 0 : a.kind === 'float' ? -1 : 1;
  }
  if (a.kind === 'list' && b.kind === 'list') return compareTuples(a.items, b.items);
  if (a.kind === 'compound' && b.kind === 'compound') {
    return a.args.length - b.args.length || compareNames(a.name, b.name) || compareTuples(a.args, b.args);
  }
  return compareNames((a as Atom).name, (b as Atom).name);
}

/** Canonical order of tuples: from left to right, a shorter one before those it begins. */
export function compareTuples(a: readonly Term[], b: readonly Term[]): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const order = compareValues(a[i] as Term, b[i] as Term);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

const PLAIN_ATOM = /^(?:[a-z][A-Za-z0-9_]*|[;<>+*/-]|\/\/|:-|=<|>=|=:=|=\\=|==|\\==|\\\+)$/;
// Quotes, backslashes, and what is invisible or breaks lines is escaped; all else stands as it is.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const ESCAPED = /['\\\u0000-\u001f\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]/g;

function escapeCharacter(char: string): string {
  if (char === "'") return "\\'";
  if (char === '\\') return '\\\\';
  if (char === '\n') return '\\n';
  if (char === '\t') return '\\t';
  return `\\x${char.charCodeAt(0).toString(16)}\\`;
}

/** An atom's name as text, quoted where both readers need it. */
export function writeAtom(name: string): string {
  return PLAIN_ATOM.test(name) ? name : `'${name.replace(ESCAPED, escapeCharacter)}'`;
}

/**
 * The shortest text that reads back as the same double, laid out as SWI-Prolog does: an exponent only
 * below 1e-4 and for whole numbers of more than 15 digits.
 */
export function writeFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const size = Math.abs(value);
  // Where neither language writes an exponent, both write the same digits.
  if (size >= 1e-4 && size < 1e15) return Number.isInteger(value) ? `${value}.0` : String(value);
  const [mantissa = '', exponent = ''] = size.toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const point = Number(exponent) + 1;
  const sign = value < 0 ? '-' : '';
  if (point <= -4 || (point > 15 && digits.length <= point)) {
    return `${sign}${digits[0]}.${digits.slice(1) || '0'}e${point > 0 ? '+' : ''}${point - 1}`;
  }
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (digits.length > point) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  return `${sign}${digits.padEnd(point, '0')}.0`;
}

/** Canonical text (docs/protocol.md section 1): quoted, no operators, no spaces. */
export function writeTerm(term: Term): string {
  switch (term.kind) {
    case 'var':
      return term.name;
    case 'atom':
      return writeAtom(term.name);
    case 'int':
      return term.value.toString();
    case 'float':
      return writeFloat(term.value);
    case 'list':
      return `[${writeTerms(term.items)}]`;
    case 'compound':
      return `${writeAtom(term.name)}(${writeTerms(term.args)})`;
  }
}

function writeTerms(terms: readonly Term[]): string {
  let text = '';
  for (let i = 0; i < terms.length; i++) text += (i === 0 ? '' : ',') + writeTerm(terms[i] as Term);
  return text;
}

/** Calls `visit` with the name of every occurrence of a variable, from left to right. */
export function eachVariable(term: Term, visit: (name: string) => void): void {
  if (term.kind === 'var') visit(term.name);
  else if (term.kind === 'list') for (const item of term.items) eachVariable(item, visit);
  else if (term.kind === 'compound') for (const arg of term.args) eachVariable(arg, visit);
}

/** Distinct variables in order of first occurrence. */
export function variablesOf(...terms: readonly Term[]): string[] {
  const names = new Set<string>();
  for (const term of terms) eachVariable(term, (name) => names.add(name));
  return [...names];
}
