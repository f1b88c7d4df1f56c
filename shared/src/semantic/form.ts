/**
 * The form in which the model writes a query: the language itself (docs/protocol.md section 1) with a space between all that is one word to
 * the model, placeholders for names and numbers, and variables named by their order. `spell` makes it of a term, for training;
 * `readForm` makes a query for this site of what the model wrote.
 */
import type { CatalogueArgument, CatalogueEntry, Manifest } from '../catalogue.ts';
import { LogicError } from '../errors.ts';
import {
  argumentsOf,
  atom,
  compound,
  conjuncts,
  eachVariable,
  indicator,
  int,
  isCompound,
  mapLeaves,
  readTerm,
  substitute,
  type Term,
  variable,
} from '../term.ts';
import type { Compound } from '../term-shape.ts';
import { quantityFor } from './quantity.ts';
import { pascal } from './sentence.ts';
import type { Reading } from './tag.ts';

const INFIX = new Set(['>', '<', '>=', '=<', '=:=', '=\\=', '==', '\\==', 'is', '+', '-', '*']);

/** What the model says when there is no query. */
export const NO_QUERY = { abstain: '!abstain', order: '!order', unknown: '!unknown' } as const;

/** A query as the model's words. Placeholders are atoms that begin with `@`. */
export function spell(term: Term): string {
  return conjunction(renamed(term));
}

function conjunction(term: Term): string {
  return isPair(term, ',') ? `${conjunction(term.args[0])} , ${conjunction(term.args[1])}` : one(term);
}

function one(term: Term): string {
  switch (term.kind) {
    case 'var':
      return term.name;
    case 'atom':
      return term.name;
    case 'int':
    case 'float':
      return String(term.value);
    case 'list':
      throw new LogicError('type_error', 'A query that the model writes has no lists.');
    case 'compound':
      return structure(term.name, term.args);
  }
}

function structure(name: string, args: readonly Term[]): string {
  const [first, second] = args;
  if (first !== undefined && second !== undefined && args.length === 2) {
    if (name === ',') return `( ${conjunction(first)} , ${conjunction(second)} )`;
    if (name === ';') return `( ${either(first)} ; ${either(second)} )`;
    if (INFIX.has(name)) return `${one(first)} ${name} ${one(second)}`;
  }
  if (first !== undefined && args.length === 1) {
    if (name === '\\+') return `\\+ ${one(first)}`;
    if (name === '-') return `- ${one(first)}`;
  }
  return `${name}( ${args.map(one).join(' , ')} )`;
}

/** `( a ; b ; c )`, not nested. */
function either(term: Term): string {
  return isPair(term, ';') ? `${either(term.args[0])} ; ${either(term.args[1])}` : conjunction(term);
}

function isPair(term: Term, name: string): term is Compound & { readonly args: readonly [Term, Term] } {
  return isCompound(term, name, 2);
}

/** What tells nothing of the variables in it. */
const CLOSED = new Set(['\\+/1', 'forall/2', 'aggregate_all/3']);

/** Variables by their order: `A`, `B`, ...; those local to a negation `_A`, ...; one that occurs once and matters to nobody is `_`. */
function renamed(term: Term): Term {
  const occurrences = new Map<string, number>();
  eachVariable(term, (name) => occurrences.set(name, (occurrences.get(name) ?? 0) + 1));
  const inside = closedVariables(term);
  const names = new Map<string, string>();
  let count = 0;
  for (const [name, times] of occurrences) {
    const local = name.startsWith('_');
    if ((local || inside.has(name)) && times === 1) names.set(name, '_');
    else names.set(name, `${local ? '_' : ''}${String.fromCharCode(65 + count++)}`);
  }
  return mapLeaves(term, (leaf) => (leaf.kind === 'var' ? variable(names.get(leaf.name) ?? '_') : leaf));
}

function closedVariables(term: Term, found = new Set<string>()): Set<string> {
  if (term.kind !== 'compound') return found;
  if (CLOSED.has(indicator(term) ?? '')) {
    // The result of an aggregate is what was asked for.
    const closed = term.name === 'aggregate_all' ? term.args.slice(0, 2) : term.args;
    for (const arg of closed) eachVariable(arg, (name) => found.add(name));
  } else for (const arg of term.args) closedVariables(arg, found);
  return found;
}

/** A query that the model may have written is at most so long, in characters. */
const FORM_BYTES = 4096;

/** Reads what `spell` writes. Throws `syntax_error`. */
export function readSpelled(text: string): Term {
  const quoted = text.trim().replace(/@[a-z]\d/g, "'$&'");
  return readTerm(quoted, { bytes: FORM_BYTES, depth: 32 }).term;
}

/**
 * The query that the model wrote, with the names and numbers of the sentence in it. Throws `syntax_error`, and `type_error` where a number
 * cannot be what it stands for.
 */
export function readForm(text: string, reading: Reading, manifest: Manifest): Term {
  const form = readSpelled(text);
  const meant = argumentsByVariable(form, manifest);
  const put = (name: string, argument: Place): Term => named(name, argument, reading);
  return withNames(computed(fill(form, { manifest, meant, put })), meant);
}

/** The argument that each placeholder of a form stands for. */
export function placesOf(form: Term, manifest: Manifest): Map<string, Place> {
  const places = new Map<string, Place>();
  const put = (name: string, argument: Place): Term => {
    if (!places.has(name)) places.set(name, argument);
    return atom(name);
  };
  fill(form, { manifest, meant: argumentsByVariable(form, manifest), put });
  return places;
}

type Place = Pick<CatalogueArgument, 'type' | 'unit'>;

interface Filling {
  readonly manifest: Manifest;
  /** The argument that a variable stands for. */
  readonly meant: ReadonlyMap<string, Meant>;
  /** What comes in the place of an atom. */
  readonly put: (name: string, argument: Place) => Term;
}

export interface Meant extends Pick<CatalogueArgument, 'type' | 'unit' | 'name'> {
  readonly entry?: CatalogueEntry;
}

const COUNT: Meant = { name: 'count', type: 'integer' };

export function argumentsByVariable(form: Term, { entries }: Manifest): Map<string, Meant> {
  const meant = new Map<string, Meant>();
  const note = (term: Term | undefined, argument: Meant) => {
    if (term?.kind === 'var' && !meant.has(term.name)) meant.set(term.name, argument);
  };
  const walk = (term: Term): void => {
    if (term.kind !== 'compound') return;
    const entry = entries.get(indicator(term) ?? '');
    if (entry !== undefined)
      entry.args.forEach((argument, at) => {
        note(term.args[at], { ...argument, entry });
      });
    for (const arg of term.args) walk(arg);
    if (term.name === 'aggregate_all') noteResult(term.args, note, meant);
    if (term.name === 'is') noteDerived(term.args, note, meant);
  };
  walk(form);
  return meant;
}

type Note = (term: Term | undefined, argument: Meant) => void;

/** The result of a count is a number of things; of a sum or maximum it is what its variable is. */
function noteResult([spec, , result]: readonly Term[], note: Note, meant: ReadonlyMap<string, Meant>): void {
  if (spec?.kind === 'atom') note(result, COUNT);
  const [over] = spec === undefined ? [] : argumentsOf(spec);
  const argument = over?.kind === 'var' ? meant.get(over.name) : undefined;
  if (spec?.kind === 'compound' && argument !== undefined)
    note(result, { ...argument, name: `${spec.name}_${argument.name}` });
}

function noteDerived([left, right]: readonly Term[], note: Note, meant: ReadonlyMap<string, Meant>): void {
  const argument = right === undefined ? undefined : firstMeant(right, meant);
  if (argument !== undefined) note(left, { ...argument, name: 'value' });
}

function firstMeant(term: Term, meant: ReadonlyMap<string, Meant>): Meant | undefined {
  if (term.kind === 'var') return meant.get(term.name);
  for (const arg of argumentsOf(term)) {
    const found = firstMeant(arg, meant);
    if (found !== undefined) return found;
  }
  return undefined;
}

const COMPARISONS = new Set(['>', '<', '>=', '=<', '=:=', '=\\=']);

function fill(term: Term, filling: Filling): Term {
  if (term.kind === 'atom') return filling.put(term.name, COUNT);
  if (term.kind !== 'compound') return term;
  const entry = filling.manifest.entries.get(indicator(term) ?? '');
  if (entry !== undefined)
    return compound(
      term.name,
      term.args.map((arg, at) =>
        arg.kind === 'atom' ? filling.put(arg.name, entry.args[at] ?? COUNT) : arg,
      ),
    );
  if (COMPARISONS.has(term.name) || term.name === 'is') {
    const argument = firstMeant(term, filling.meant) ?? COUNT;
    return compound(
      term.name,
      term.args.map((arg) => (arg.kind === 'atom' ? filling.put(arg.name, argument) : fill(arg, filling))),
    );
  }
  return compound(
    term.name,
    term.args.map((arg) => fill(arg, filling)),
  );
}

function named(name: string, argument: Place, reading: Reading): Term {
  if (!name.startsWith('@')) return atom(name);
  const entity = reading.entities.get(name);
  if (entity !== undefined) return atom(entity.name);
  const quantity = reading.quantities.get(name);
  const text = quantity === undefined ? null : quantityFor(quantity, argument);
  if (text === null) throw new LogicError('type_error', `${name} cannot stand there.`);
  return readTerm(text, { bytes: 64, depth: 1 }).term;
}

/** `L is 1 + 1, boot_level(U, L)` is `boot_level(U, 2)`: what needs no fact is computed here, as a person would. */
function computed(goal: Term): Term {
  const goals = conjuncts(goal);
  const values = new Map<string, Term>();
  const rest = goals.filter((one) => {
    const value = isPair(one, 'is') ? sum(one.args[1]) : null;
    if (value === null || !isPair(one, 'is') || one.args[0].kind !== 'var') return true;
    values.set(one.args[0].name, value);
    return false;
  });
  if (values.size === 0 || rest.length === 0) return goal;
  const joined = rest.reduceRight((right, left) => compound(',', [left, right]));
  return substitute(joined, values);
}

/** The value of a sum or difference of two integers. */
function sum(term: Term): Term | null {
  const isPlus = isPair(term, '+');
  if (!isPlus && !isPair(term, '-')) return null;
  const [left, right] = term.args;
  if (left.kind !== 'int' || right.kind !== 'int') return null;
  return int(isPlus ? left.value + right.value : left.value - right.value);
}

/** Variables named after the arguments they stand for: `Node`, `Temp`, `Node2`. */
function withNames(term: Term, meant: ReadonlyMap<string, Meant>): Term {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  eachVariable(term, (name) => {
    if (names.has(name)) return;
    const word = pascal(meant.get(name)?.name ?? 'value');
    const base = name.startsWith('_') ? `_${word}` : word;
    let free = base;
    for (let n = 2; taken.has(free); n++) free = `${base}${n}`;
    taken.add(free);
    names.set(name, free);
  });
  return mapLeaves(term, (leaf) =>
    leaf.kind === 'var' ? variable(names.get(leaf.name) ?? leaf.name) : leaf,
  );
}
