/**
 * The closed language of questions: what may be asked, and its one normal form (docs/protocol.md section 1).
 *
 * Twin of kb/proof/language.pl, in the same order, so that both report the same first error; a differential
 * test holds them together. A question is refused here before any site hears of it, and a proof is
 * checked against the normal form made here, never against a site's reading of the text.
 */
import { COMPARISONS, IDENTITIES } from './arithmetic.ts';
import { type Assumption, assumptionTerm, checkAssumptions } from './assume.ts';
import type { Manifest } from './catalogue.ts';
import { baseType, hasType, typeText } from './catalogue.ts';
import { type ErrorCode, LogicError } from './errors.ts';
import {
  expression,
  type Kind,
  literalFloats,
  settled,
  shortInteger,
  sideBySide,
} from './language-arithmetic.ts';
import { QUERY_TEXT_BYTES, TERM_DEPTH } from './limits.ts';
import {
  argumentsOf,
  atom,
  compound,
  eachVariable,
  float,
  indicator,
  isCompound,
  list,
  readTerm,
  type Term,
  variable,
  variablesOf,
  writeTerm,
} from './term.ts';

export interface CheckedAsk {
  /** Canonical text of the goal as it was asked, without what is around it: `prove/2`, `assuming/2`. */
  readonly text: string;
  /** What is assumed to hold or not to hold. */
  readonly assumptions: readonly Assumption[];
  /** Its normal form: what a proof must conclude. */
  readonly goal: Term;
  /** Answer variables, the columns of an answer. */
  readonly variables: readonly string[];
  /** Base types of the variables, by name. */
  readonly types: ReadonlyMap<string, Base>;
  /** The question was `prove(Goal, Proof)`. */
  readonly prove: boolean;
}

/** Base type of a variable: `atom`, `integer`, `float`, or a list of one as `list(atom)`. */
export type Base = string;

/** What the walk knows: mutable `types`, and what stays the same throughout. */
interface Walk {
  readonly manifest: Manifest;
  readonly types: Map<string, Base>;
  /** Occurrences of each variable in the whole question. */
  readonly whole: ReadonlyMap<string, number>;
  readonly answered: ReadonlySet<string>;
  /** How many goals have been copied so far, for names of their own. */
  copies: number;
}

/** The names of the variables that have a value at one point of the walk. */
type Bound = ReadonlySet<string>;

interface Checked {
  readonly goal: Term;
  readonly bound: Bound;
}

function refuse(code: ErrorCode, message: string): never {
  throw new LogicError(code, message);
}

export interface AskOptions {
  /** Names the answer variables: a list or a structure of variables. Left out, they are the named ones. */
  readonly template?: string;
  /** Assumptions beside those that the question carries itself. */
  readonly assume?: readonly Term[];
}

/**
 * Reads and checks a question. Throws `LogicError` with the codes of docs/protocol.md section 1.
 */
export function checkAsk(text: string, manifest: Manifest, options: AskOptions = {}): CheckedAsk {
  const { template, assume = [] } = options;
  const bounds = { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH };
  const { term } = readTerm(text, bounds);
  const [inner, carried] = withoutAssumptions(term);
  const prove = isCompound(inner, 'prove', 2);
  const [surface, proof] = prove ? (inner.args as [Term, Term]) : [inner, null];
  const assumptions = checkAssumptions([...carried, ...assume], manifest);
  const proofName = proof === null ? null : proofVariable(surface, proof);
  const named =
    template === undefined ? answerVariables(surface) : templateVariables(readTerm(template, bounds).term);
  const variables = named.filter((name) => name !== proofName);
  const types = new Map<string, Base>();
  const goal = checkGoal(surface, { manifest, answerVariables: variables, types });
  refuseNamedLocals(surface);
  return { text: writeTerm(surface), goal, variables, types, prove, assumptions };
}

function withoutAssumptions(term: Term): [Term, readonly Term[]] {
  if (!isCompound(term, 'assuming', 2)) return [term, []];
  const [carried, inner] = term.args as [Term, Term];
  if (carried.kind !== 'list') refuse('type_error', 'Assumptions are a list of facts.');
  return [inner, carried.items];
}

/** The ask as it is sent: `goal` with its assumptions around it. */
export function assuming(goal: string, assumptions: readonly Assumption[]): string {
  if (assumptions.length === 0) return goal;
  return `assuming(${writeTerm(list(assumptions.map(assumptionTerm)))},${goal})`;
}

/**
 * Refuses a variable with a name that is local to a negation: whoever wrote it wanted to know which, and a negation
 * tells of none. `forall` and aggregates say what their variables range over; there, names are welcome.
 */
export function refuseNamedLocals(goal: Term): void {
  const whole = occurrences(goal);
  const walk = (term: Term): void => {
    if (isCompound(term, '\\+', 1)) {
      const [inner] = term.args as [Term];
      const inside = occurrences(inner);
      const local = outsideVariables(inner).find(
        (name) => !name.startsWith('_') && inside.get(name) === whole.get(name),
      );
      if (local !== undefined) {
        const advice = `Put a goal that gives it one before, or write _${local} to say "none at all".`;
        refuse('free_variable', `${local} has no value before the negation. ${advice}`);
      }
      walk(inner);
    } else if (isCompound(term, ',', 2) || isCompound(term, ';', 2)) term.args.forEach(walk);
  };
  walk(goal);
}

function proofVariable(goal: Term, proof: Term): string {
  if (proof.kind !== 'var') refuse('type_error', 'The second argument of prove/2 is a variable.');
  if (variablesOf(goal).includes(proof.name))
    refuse('type_error', "The proof's variable occurs in the goal.");
  return proof.name;
}

function templateVariables(template: Term): string[] {
  const columns = template.kind === 'list' ? template.items : argumentsOf(template);
  const plain = template.kind === 'list' || template.kind === 'compound';
  if (!plain || columns.some(({ kind }) => kind !== 'var')) {
    refuse('type_error', 'A template is a list, or a structure, of variables.');
  }
  return variablesOf(...columns);
}

/** Named variables with an occurrence outside negations and aggregates, in order of first occurrence. */
export function answerVariables(goal: Term): string[] {
  const outer = new Set(outsideVariables(goal));
  return variablesOf(goal).filter((name) => outer.has(name) && !name.startsWith('_'));
}

/**
 * The variables of a goal outside its own nested negations and aggregates, in order of first occurrence: for
 * the goal of an aggregate, the tuple that makes a solution. An aggregate's result is outside of it.
 */
export function outsideVariables(goal: Term): string[] {
  const names = new Set<string>();
  const walk = (term: Term): void => {
    if (isCompound(term, ',', 2) || isCompound(term, ';', 2)) term.args.forEach(walk);
    else if (isCompound(term, 'aggregate_all', 3)) walk(term.args[2] as Term);
    else if (isCompound(term, 'all', 4)) walk(term.args[3] as Term);
    else if (isCompound(term, 'top', 3)) term.args.slice(1).forEach(walk);
    else if (isCompound(term, 'forall', 2)) return;
    else if (!isCompound(term, '\\+', 1)) eachVariable(term, (name) => names.add(name));
  };
  walk(goal);
  return [...names];
}

/** The normal form of a goal whose answer variables all get a value. Throws as `checkAsk` does. */
export function checkGoal(
  goal: Term,
  {
    manifest,
    answerVariables: answers,
    types = new Map(),
  }: {
    readonly manifest: Manifest;
    readonly answerVariables: readonly string[];
    /** Is given the type of each variable. */
    readonly types?: Map<string, Base>;
  },
): Term {
  const walk: Walk = {
    manifest,
    types,
    whole: occurrences(goal),
    answered: new Set(answers),
    copies: 0,
  };
  const checked = check(goal, walk, new Set());
  for (const name of answers) {
    if (!checked.bound.has(name)) refuse('non_ground_answer', `${name} has no value in every answer.`);
  }
  return checked.goal;
}

export function occurrences(...terms: readonly Term[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) eachVariable(term, (name) => counts.set(name, (counts.get(name) ?? 0) + 1));
  return counts;
}

function check(goal: Term, walk: Walk, bound: Bound): Checked {
  if (goal.kind === 'var') refuse('type_error', 'A variable stands where a goal should.');
  if (goal.kind === 'atom' && goal.name === 'true') return { goal, bound };
  if (goal.kind === 'compound') {
    const [first, second, third] = goal.args as [Term, Term, Term];
    switch (`${goal.name}/${goal.args.length}`) {
      case ',/2': {
        const left = check(first, walk, bound);
        const right = check(second, walk, left.bound);
        return { goal: compound(',', [left.goal, right.goal]), bound: right.bound };
      }
      case ';/2': {
        const left = check(first, walk, bound);
        const right = check(second, walk, bound);
        return {
          goal: compound(';', [left.goal, right.goal]),
          bound: new Set([...left.bound].filter((name) => right.bound.has(name))),
        };
      }
      case '\\+/1':
        refuseFree(walk, bound, first);
        return { goal: compound('\\+', [check(first, walk, bound).goal]), bound };
      case 'forall/2': {
        refuseFree(walk, bound, first, second);
        const some = check(first, walk, bound);
        refuseFree(walk, some.bound, second);
        const other = compound('\\+', [check(second, walk, some.bound).goal]);
        return { goal: compound('\\+', [compound(',', [some.goal, other])]), bound };
      }
      case 'top/3':
        return checkTop(first, second, third, { walk, bound });
      case 'aggregate_all/3':
        return checkAggregate({ spec: first, inner: second, result: third }, walk, bound);
      case 'is/2':
        return checkIs(first, second, walk, bound);
    }
    if (goal.args.length === 2 && COMPARISONS.has(goal.name))
      return { goal: checkComparison(goal.name, first, second, { walk, bound }), bound };
    if (goal.args.length === 2 && IDENTITIES.has(goal.name))
      return { goal: checkIdentity(goal.name, first, second, { walk, bound }), bound };
  }
  return checkAtom(goal, walk, bound);
}

// ---- atoms of the catalogue ----

function checkAtom(goal: Term, walk: Walk, bound: Bound): Checked {
  const key = goal.kind === 'list' && goal.items.length > 0 ? '[|]/2' : indicator(goal);
  if (key === null) refuse('type_error', 'A number or list stands where a goal should.');
  const entry = walk.manifest.entries.get(key);
  if (entry === undefined) refuse('unknown_predicate', `${key} is not in the catalogue.`);
  const args = argumentsOf(goal).map((arg, i) => {
    const { type, mode } = entry.args[i] ?? { type: 'atom' as const, mode: '-' as const };
    if (arg.kind !== 'var')
      return constant(arg, () => `Argument ${i + 1} of ${key} must be ${typeText(type)}.`, type);
    if (mode === '+' && !bound.has(arg.name))
      refuse('unbound_argument', `Argument ${i + 1} of ${key} must have a value before the call.`);
    giveType(arg.name, baseType(type), walk);
    return arg;
  });
  const names = variablesOf(...args);
  return {
    goal: goal.kind === 'compound' ? compound(goal.name, args) : goal,
    bound: names.length === 0 ? bound : new Set([...bound, ...names]),
  };
}

function constant(value: Term, message: () => string, type: Parameters<typeof hasType>[1]): Term {
  if (value.kind === 'int' && type === 'float') return float(Number(shortInteger(value.value)));
  if (!hasType(value, type)) refuse('type_error', message());
  return value;
}

/** One base type for each variable. */
function giveType(name: string, base: Base, { types }: Walk): void {
  const known = types.get(name);
  if (known === undefined) types.set(name, base);
  else if (known !== base) refuse('type_error', `${name} is used as ${known} and as ${base}.`);
}

// ---- comparisons ----

interface Place {
  readonly walk: Walk;
  readonly bound: Bound;
}

function typed(term: Term, { walk, bound }: Place): { term: Term; kind: Kind } {
  return expression(term, (name) => {
    if (!bound.has(name)) refuse('unbound_argument', `${name} has no value yet in arithmetic.`);
    return walk.types.get(name) ?? 'atom';
  });
}

function checkComparison(op: string, a: Term, b: Term, place: Place): Term {
  const left = typed(a, place);
  const right = typed(b, place);
  return compound(op, sideBySide(left, right).terms);
}

function checkIs(target: Term, expr: Term, walk: Walk, bound: Bound): Checked {
  if (target.kind !== 'var' || bound.has(target.name)) {
    refuse('type_error', 'The left side of is/2 must be a new variable: compare with =:=.');
  }
  const { term, kind } = typed(expr, { walk, bound });
  giveType(target.name, settled(kind), walk);
  return { goal: compound('is', [target, term]), bound: new Set(bound).add(target.name) };
}

function checkIdentity(op: string, a: Term, b: Term, place: Place): Term {
  const left = identityKind(a, place);
  const right = identityKind(b, place);
  if (left === 'literal' && right === 'float') return compound(op, [literalFloats(a), b]);
  if (left === 'float' && right === 'literal') return compound(op, [a, literalFloats(b)]);
  if (settled(left) !== settled(right))
    refuse('type_error', 'The two sides of a comparison have different types.');
  return compound(op, [a, b]);
}

function identityKind(term: Term, { walk, bound }: Place): Kind | Base {
  if (term.kind === 'var') {
    if (!bound.has(term.name)) refuse('unbound_argument', `${term.name} has no value yet in a comparison.`);
    return walk.types.get(term.name) ?? 'atom';
  }
  if (term.kind === 'int') {
    shortInteger(term.value);
    return 'literal';
  }
  if (hasType(term, 'float')) return 'float';
  return hasType(term, 'atom')
    ? 'atom'
    : refuse('type_error', '== and \\== compare variables, atoms and numbers.');
}

// ---- negation and aggregates ----

/** Refuses a variable of `inner` that has no value before it and occurs outside as well. */
function refuseFree({ whole, answered }: Walk, bound: Bound, ...inner: readonly Term[]): void {
  for (const [name, count] of occurrences(...inner)) {
    if (bound.has(name) || (count === whole.get(name) && !answered.has(name))) continue;
    refuse(
      'free_variable',
      `${name} is used in a negation or aggregate and outside it, but has no value before it.`,
    );
  }
}

/** A solution of the goal with fewer than K distinct solutions of larger V: a second copy of the goal counts them. */
function checkTop(most: Term, over: Term, inner: Term, { walk, bound }: Place): Checked {
  if (most.kind !== 'int' || most.value < 1n)
    refuse('type_error', 'The first argument of top/3 is a whole number, 1 or more.');
  shortInteger(most.value);
  if (over.kind !== 'var' || bound.has(over.name))
    refuse('type_error', 'The second argument of top/3 is a variable that its goal gives a value.');
  const checked = check(inner, walk, bound);
  if (!checked.bound.has(over.name))
    refuse('unbound_argument', `The goal of top/3 gives ${over.name} no value.`);
  const type = walk.types.get(over.name);
  if (type !== 'integer' && type !== 'float') refuse('type_error', 'top/3 needs a number.');
  refuseOpenLocals(inner, checked.bound);
  // Names that no text has: the reader takes no variable that starts with $.
  walk.copies += 1;
  const fresh = (name: string) => `$${walk.copies}${name}`;
  const rename = (term: Term): Term => {
    if (term.kind === 'var') return bound.has(term.name) ? term : variable(fresh(term.name));
    return term.kind === 'compound' ? compound(term.name, term.args.map(rename)) : term;
  };
  const larger = compound(',', [rename(checked.goal), compound('>', [rename(over), over])]);
  const count = variable(fresh(''));
  walk.types.set(count.name, 'integer');
  const counted = compound('all', [atom('count'), list([]), larger, count]);
  const fewer = compound('<', [count, most]);
  return {
    goal: compound(',', [checked.goal, compound(',', [counted, fewer])]),
    bound: new Set(checked.bound).add(count.name),
  };
}

interface Aggregate {
  readonly spec: Term;
  readonly inner: Term;
  readonly result: Term;
}

function checkAggregate({ spec, inner, result }: Aggregate, walk: Walk, bound: Bound): Checked {
  const { name, over } = readSpec(spec);
  refuseFree(walk, bound, inner, spec);
  if (result.kind === 'var' && variablesOf(inner, spec).includes(result.name)) {
    refuse('free_variable', 'The result of an aggregate occurs inside it.');
  }
  const checked = check(inner, walk, bound);
  refuseOpenLocals(inner, checked.bound);
  const { op, type } = aggregateType(name, over, walk, checked.bound);
  const goal = compound('all', [op, over, checked.goal, result]);
  if (result.kind !== 'var') {
    const fits = (type === 'integer' || type === 'float') && hasType(result, type);
    if (!fits) refuse('type_error', 'The result of an aggregate is a variable or a number of its type.');
    return { goal, bound };
  }
  giveType(result.name, type, walk);
  return { goal, bound: new Set(bound).add(result.name) };
}

/** A disjunction can leave a local without a value; a solution is a tuple of values. */
function refuseOpenLocals(inner: Term, bound: Bound): void {
  const open = outsideVariables(inner).find((one) => !bound.has(one));
  if (open !== undefined)
    refuse('unbound_argument', `${open} has no value in every solution of the aggregate.`);
}

const AGGREGATES: ReadonlySet<string> = new Set(['sum', 'min', 'max', 'set', 'list']);

function readSpec(spec: Term): { name: string; over: Term } {
  if (spec.kind === 'atom' && spec.name === 'count') return { name: 'count', over: list([]) };
  const over =
    spec.kind === 'compound' && spec.args.length === 1 && AGGREGATES.has(spec.name)
      ? spec.args[0]
      : undefined;
  if (over?.kind !== 'var')
    refuse('type_error', 'An aggregate is one of count, sum(V), min(V), max(V), set(V), list(V).');
  return { name: (spec as { name: string }).name, over };
}

function aggregateType(name: string, over: Term, { types }: Walk, bound: Bound): { op: Term; type: Base } {
  if (over.kind !== 'var') return { op: atom('count'), type: 'integer' };
  if (!bound.has(over.name))
    refuse('unbound_argument', `The goal of the aggregate gives ${over.name} no value.`);
  const type = types.get(over.name) ?? 'atom';
  if (name === 'set' || name === 'list') return { op: atom(name), type: `list(${type})` };
  if (type !== 'integer' && type !== 'float') refuse('type_error', `${name} needs a number.`);
  return { op: name === 'sum' ? compound('sum', [atom(type)]) : atom(name), type };
}
