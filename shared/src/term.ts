/**
 * Terms: the values of the whole system, as data. This module holds what makes and compares them, and their one order; term-shape.ts
 * has their types, term-reader.ts turns text into terms, and term-writer.ts turns them into their one canonical text.
 *
 * A term is a plain readonly object told apart by `kind`. Integers are BigInt and floats are numbers, so
 * that the two can never meet by accident (SHARP-EDGES 5). Lists are proper lists and a kind of their own:
 * a proof is one long list, and nesting it cell by cell would cost depth and memory.
 */
import type { Atom, Compound, Float, Integer, List, Term, Variable } from './term-shape.ts';

export { type ReadTerm, readTerm } from './term-reader.ts';
export { isNormalName } from './term-scanner.ts';
export { writeAtom, writeFloat, writeTerm } from './term-writer.ts';
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
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!sameTerm(a[i] as Term, b[i] as Term)) return false;
  return true;
}

/** 32 bits that are the same for the same term. Whoever wants can make terms that differ and share them. */
export function hashTerm(term: Term): number {
  switch (term.kind) {
    case 'var':
    case 'atom':
      return hashName(term.name);
    case 'int':
      return hashNumber(Number(term.value));
    case 'float':
      return ~hashNumber(term.value);
    case 'list':
      return hashTerms(term.items, LIST_HASH);
    case 'compound':
      return hashTerms(term.args, hashName(term.name));
  }
}

const FNV_PRIME = 16777619;
/** Where that of a list begins, as that of a structure begins with its name's. */
const LIST_HASH = 0x5bd1e995;

function hashTerms(terms: readonly Term[], start: number): number {
  let hash = start ^ terms.length;
  for (let i = 0; i < terms.length; i++) hash = Math.imul(hash, FNV_PRIME) ^ hashTerm(terms[i] as Term);
  return hash;
}

function hashName(name: string): number {
  let hash = name.length;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), FNV_PRIME);
  return hash;
}

const number = new Float64Array(1);
const halves = new Int32Array(number.buffer);

function hashNumber(value: number): number {
  number[0] = value;
  return Math.imul((halves[0] as number) ^ Math.imul(halves[1] as number, FNV_PRIME), FNV_PRIME);
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

/** The goals of a conjunction, in order; any other goal is one of its own. */
export function conjuncts(goal: Term): Term[] {
  return isCompound(goal, ',', 2) ? goal.args.flatMap(conjuncts) : [goal];
}

/** A term with its leaves (variables, atoms, numbers) replaced. */
export function mapLeaves(term: Term, change: (leaf: Term) => Term): Term {
  switch (term.kind) {
    case 'compound':
      return compound(
        term.name,
        term.args.map((arg) => mapLeaves(arg, change)),
      );
    case 'list':
      return list(term.items.map((item) => mapLeaves(item, change)));
    default:
      return change(term);
  }
}

/** A term with values in the place of variables; a variable without one stays. */
export function substitute(term: Term, values: ReadonlyMap<string, Term>): Term {
  return mapLeaves(term, (leaf) => (leaf.kind === 'var' ? (values.get(leaf.name) ?? leaf) : leaf));
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
