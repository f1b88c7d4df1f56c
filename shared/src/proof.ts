/**
 * The proof checker: accepts a proof or names the step that does not hold (docs/protocol.md section 3).
 *
 * It never searches. Each step is matched, in order, against the manifest's clause or its own kind, and
 * concludes one term that later steps may cite. What is taken on the site's word is only what
 * the site signs: facts, and the steps `absent` and `all`, which make the proof *attested*. Clauses, query, answer and
 * time are the caller's own. Twin of kb/proof/check.pl; both read the golden corpus in kb/test/golden.
 *
 * Two invariants carry it. A variable is only ever bound to a *value* (atom, number, list of values), so no `'$any'` and
 * no structure gets through a binding. And work is metered against the size of proof and query, so that a
 * forged proof costs no more than reading it, whatever the question's disjunctions.
 */
import { COMPARISONS, evaluate, holds, IDENTITIES } from './arithmetic.ts';
import { type Assumption, assumedAway } from './assume.ts';
import { checkFact, type Manifest } from './catalogue.ts';
import { asLogicError, LogicError } from './errors.ts';
import { outsideVariables } from './language.ts';
import { CLOCK_SKEW_MS, PROOF_READINGS, PROOF_STEPS, PROOF_WORK_PER_NODE } from './limits.ts';
import { type Body, bodyOf, type Goal, type Pattern, patternsOf, type ShownGoal } from './pattern.ts';
import {
  argumentsOf,
  compareTuples,
  compareValues,
  compound,
  float,
  hashTerm,
  int,
  isCompound,
  isValue,
  list,
  sameTerm,
  type Term,
  variable,
  writeTerm,
} from './term.ts';

export interface ProofClaim {
  /** Normal form of the question (language.ts). */
  readonly query: Term;
  /** The answer: a value for each answer variable. */
  readonly bindings: ReadonlyMap<string, Term>;
  /** The reply's time, in milliseconds since 1970 UTC. */
  readonly now: number;
  readonly manifest: Manifest;
  readonly assumptions: readonly Assumption[];
}

export interface ProofStanding {
  readonly standing: 'verified' | 'attested' | 'hypothetical';
  /** Numbers of the steps that are the site's word about its whole state. */
  readonly attested: readonly number[];
}

/** Throws `bad_proof`, or `stale_evidence` for a fact that was not valid at `now`; the message names the step. */
export function checkProof(proof: Term, claim: ProofClaim): ProofStanding {
  return new Checker(claim).check(proof);
}

/** What variables are bound to, by their numbers (pattern.ts). */
type Bound = (Term | undefined)[];

/** One way to read the premises so far: the next one, and what the variables are bound to. */
interface Reading {
  next: number;
  readonly bound: Bound;
}

class Checker {
  private readonly claim: ProofClaim;
  /** Conclusions by step number; 0 is unused. */
  private readonly conclusions: (Term | null)[] = [null];
  /** The last step that concludes a term of this hash, and for each step the one before it that does; 0 is none. */
  private readonly seen = new Map<number, number>();
  private readonly before: number[] = [0];
  private readonly attested: number[] = [];
  private work = 0;

  constructor(claim: ProofClaim) {
    this.claim = claim;
  }

  check(proof: Term): ProofStanding {
    const { query, bindings } = this.claim;
    if (proof.kind !== 'list' || proof.items.length === 0) bad('A proof is a list of steps.');
    if (proof.items.length > PROOF_STEPS) bad(`The proof has more than ${PROOF_STEPS} steps.`);
    this.work = PROOF_WORK_PER_NODE * (groundSize(proof) + size(query));
    for (const value of bindings.values()) if (!isValue(value)) bad('The answer is not made of values.');
    const { items } = proof;
    for (let i = 0; i < items.length; i++) this.numbered(items[i] as Term, i + 1, items.length);
    return { standing: this.standing(), attested: this.attested };
  }

  private standing(): ProofStanding['standing'] {
    if (this.claim.assumptions.length > 0) return 'hypothetical';
    return this.attested.length === 0 ? 'verified' : 'attested';
  }

  private numbered(item: Term, number: number, last: number): void {
    const [n, step] = isCompound(item, 'step', 2) ? item.args : [];
    if (step === undefined || n?.kind !== 'int' || Number(n.value) !== number)
      bad(`Step ${number} is not numbered ${number}.`);
    try {
      if (number === last) this.query(step, number);
      else this.conclude(this.conclusion(step, number));
    } catch (cause) {
      const { code, message } = asLogicError(cause);
      if (code === 'internal') throw cause;
      throw new LogicError(code === 'stale_evidence' ? code : 'bad_proof', `Step ${number}: ${message}`);
    }
  }

  private conclude(conclusion: Term): void {
    const hash = hashTerm(conclusion);
    const last = this.seen.get(hash) ?? 0;
    for (let at = last; at !== 0; at = this.before[at] as number) {
      // Terms that differ meet here only where somebody made them for it.
      this.spend(size(conclusion));
      if (sameTerm(this.conclusions[at] as Term, conclusion)) bad('It concludes what an earlier step did.');
    }
    this.seen.set(hash, this.conclusions.length);
    this.before.push(last);
    this.conclusions.push(conclusion);
  }

  private query(step: Term, number: number): void {
    if (!isCompound(step, 'query', 1)) bad('The last step must conclude the query.');
    const { goals, variables } = queryBody(this.claim.query);
    const bound = variables.map((name) => this.claim.bindings.get(name));
    this.allUsed(goals, this.premises(step.args[0] as Term, number), bound);
  }

  private conclusion(step: Term, number: number): Term {
    const [a, b, c, d, e, f] = argumentsOf(step) as [Term, Term, Term, Term, Term, Term];
    if (isCompound(step, 'fact', 2)) return this.fact(a, b);
    if (isCompound(step, 'assumed', 1)) return this.assumed(a);
    if (isCompound(step, 'rule', 3)) return this.rule(a, b, this.premises(c, number));
    if (isCompound(step, 'eval', 1)) return computed(a);
    if (isCompound(step, 'absent', 1)) {
      this.attested.push(number);
      this.opened([a]);
      return compound('\\+', [a]);
    }
    if (isCompound(step, 'all', 6)) {
      this.attested.push(number);
      this.aggregate({ op: a, over: b, goal: c, solutions: d, result: e }, this.premises(f, number));
      return compound('all', [a, b, c, e]);
    }
    return bad('It is none of fact, assumed, rule, eval, absent, all.');
  }

  /** The conclusions that a step cites: earlier ones only. */
  private premises(numbers: Term, own: number): Term[] {
    if (numbers.kind !== 'list') bad('Its premises are no list.');
    const cited: Term[] = [];
    for (const n of numbers.items) {
      const at = n.kind === 'int' ? Number(n.value) : 0;
      const conclusion = at > 0 && at < own ? this.conclusions[at] : null;
      cited.push(conclusion ?? bad('It cites what is no earlier step.'));
    }
    return cited;
  }

  private fact(fact: Term, evidence: Term): Term {
    const { now, manifest } = this.claim;
    if (evidence.kind === 'atom' && evidence.name === 'clock') {
      return sameTerm(fact, compound('now', [int(now)]))
        ? fact
        : bad('It tells another time than the reply.');
    }
    const { kind } = checkFact(fact, manifest);
    if (assumedAway(fact, this.claim.assumptions, manifest))
      bad('The question assumes that it is otherwise.');
    if (evidence.kind === 'atom' && evidence.name === 'inventory' && kind === 'inventory') return fact;
    if (!isCompound(evidence, 'evidence', 3) || kind !== 'state') bad('Its evidence is not of its kind.');
    const [source, observed, valid] = evidence.args;
    if (source?.kind !== 'atom' || observed?.kind !== 'int' || valid?.kind !== 'int')
      bad('Its evidence is malformed.');
    if (now > valid.value) throw new LogicError('stale_evidence', 'the fact was past its validity.');
    if (observed.value > now + CLOCK_SKEW_MS)
      throw new LogicError('stale_evidence', 'the fact was observed after the reply.');
    return fact;
  }

  private assumed(fact: Term): Term {
    const known = this.claim.assumptions.some((one) => one.holds && sameTerm(one.fact, fact));
    return known ? fact : bad('The question does not assume that.');
  }

  private rule(id: Term, head: Term, premises: readonly Term[]): Term {
    const [name, arity, n] = isCompound(id, 'clause', 3) ? id.args : [];
    if (name?.kind !== 'atom' || arity?.kind !== 'int' || n?.kind !== 'int') bad('It names no clause.');
    const clause = this.claim.manifest.clauses.get(`${name.name}/${arity.value}#${n.value}`);
    if (clause === undefined) bad('The bundle has no such clause.');
    if (!argumentsOf(head).every(isValue)) bad('Its head is not made of values.');
    const { rule } = clause;
    // Bindings of its own are what renames the clause apart.
    const bound = unbound(rule);
    if (!this.matches(rule.head, head, bound)) bad('Its clause does not match.');
    this.allUsed(rule.goals, premises, bound);
    return head;
  }

  // ---- aggregates ----

  private aggregate(
    step: { op: Term; over: Term; goal: Term; solutions: Term; result: Term },
    premises: readonly Term[],
  ): void {
    const [goal, over] = this.opened([step.goal, step.over]) as [Term, Term];
    const body = bodyOf(goal);
    const locals = outsideVariables(goal);
    const numbers = locals.map((name) => body.variables.indexOf(name));
    const aggregated = over.kind === 'var' ? locals.indexOf(over.name) : null;
    const values: Term[] = [];
    let readings: readonly Reading[] = [{ next: 0, bound: [] }];
    let before: readonly Term[] | null = null;
    if (step.solutions.kind !== 'list') bad('Its solutions are no list.');
    for (const solution of step.solutions.items) {
      if (solution.kind !== 'list' || solution.items.length !== locals.length || !isValue(solution))
        bad('A solution is malformed.');
      if (before !== null && compareTuples(before, solution.items) >= 0)
        bad('Its solutions are not distinct and in order.');
      before = solution.items;
      const value = aggregated === null ? over : solution.items[aggregated];
      values.push(value ?? bad('A solution gives the aggregated variable no value.'));
      const begun = readings.map(({ next }) => {
        const bound = unbound(body);
        for (const [i, number] of numbers.entries()) bound[number] = solution.items[i];
        return { next, bound };
      });
      const ended = this.useUp(body.goals, premises, begun);
      readings = distinct(ended.map(({ next }) => ({ next, bound: [] })));
    }
    if (!readings.some(({ next }) => next === premises.length))
      bad('Its premises do not show its solutions.');
    if (!sameTerm(recomputed(step.op, values), step.result)) bad('Its result is not that of its solutions.');
  }

  /** Terms with each `'$any'(I)` as a variable; refuses numbers that are not 0, 1, … in order of first occurrence. */
  private opened(terms: readonly Term[]): Term[] {
    const open = terms.map(withVariables);
    if (!this.closed(patternsOf(open), []).every((term, i) => sameTerm(term, terms[i] as Term))) {
      bad('Its existential variables are not numbered in order.');
    }
    return open;
  }

  /** Terms with their bound variables put in and each other one as `'$any'(I)`, in order of first occurrence. */
  private closed(patterns: readonly Pattern[], bound: Readonly<Bound>): Term[] {
    const numbers = new Map<number, Term>();
    const close = (pattern: Pattern): Term => {
      this.spend(1);
      if (pattern.kind === 'list') return list(pattern.items.map(close));
      if (pattern.kind === 'compound') return compound(pattern.name, pattern.args.map(close));
      if (pattern.kind !== 'var') return pattern;
      const known = bound[pattern.at] ?? numbers.get(pattern.at);
      if (known !== undefined) return known;
      const any = compound('$any', [int(numbers.size)]);
      numbers.set(pattern.at, any);
      return any;
    };
    return patterns.map(close);
  }

  // ---- using up premises ----

  private allUsed(goals: readonly Goal[], premises: readonly Term[], bound: Bound): void {
    for (const { next } of this.useUp(goals, premises, [{ next: 0, bound }]))
      if (next === premises.length) return;
    bad('Its premises are not those it needs.');
  }

  /** Every way in which all of `goals` use up the next premises. Takes over the readings it is given. */
  private useUp(goals: readonly Goal[], premises: readonly Term[], readings: Reading[]): Reading[] {
    let left = readings;
    for (const goal of goals) {
      if (left.length === 0) break;
      this.spend(1 + left.length);
      if (goal.kind !== 'either') this.useNext(goal, premises, left);
      else {
        for (const { bound } of left) this.spend(4 * boundIn(bound));
        const copies = left.map(({ next, bound }) => ({ next, bound: bound.slice() }));
        const either = this.useUp(goal.left, premises, copies);
        left = distinct([...either, ...this.useUp(goal.right, premises, left)]);
      }
    }
    return left;
  }

  /** The readings that go on with a goal that one premise shows. */
  private useNext(goal: ShownGoal, premises: readonly Term[], readings: Reading[]): void {
    let kept = 0;
    for (const reading of readings) {
      const premise = premises[reading.next];
      if (premise === undefined || !this.shows(premise, goal, reading.bound)) continue;
      reading.next += 1;
      readings[kept++] = reading;
    }
    readings.length = kept;
  }

  /** Whether a premise's conclusion is this goal, binding the goal's variables. */
  private shows(conclusion: Term, goal: ShownGoal, bound: Bound): boolean {
    switch (goal.kind) {
      case 'plain':
        return this.matches(goal.pattern, conclusion, bound);
      case 'absent':
        return sameTerm(compound('\\+', this.closed([goal.goal], bound)), conclusion);
      case 'all': {
        if (!isCompound(conclusion, 'all', 4)) return false;
        const [op, over, inner, result] = conclusion.args as [Term, Term, Term, Term];
        const [closedInner, closedOver] = this.closed([goal.goal, goal.over], bound) as [Term, Term];
        return (
          sameTerm(goal.op, op) &&
          sameTerm(closedInner, inner) &&
          sameTerm(closedOver, over) &&
          this.matches(goal.result, result, bound)
        );
      }
    }
  }

  private matches(pattern: Pattern, term: Term, bound: Bound): boolean {
    this.spend(1);
    if (pattern.kind === 'var') {
      const known = bound[pattern.at];
      if (known !== undefined) return sameTerm(known, term);
      if (!isValue(term)) return false;
      bound[pattern.at] = term;
      return true;
    }
    if (pattern.kind !== 'compound') return sameTerm(pattern, term);
    const { args } = pattern;
    if (!isCompound(term, pattern.name, args.length)) return false;
    for (let i = 0; i < args.length; i++)
      if (!this.matches(args[i] as Pattern, term.args[i] as Term, bound)) return false;
    return true;
  }

  private spend(nodes: number): void {
    this.work -= nodes;
    if (this.work < 0) bad('It takes more work than a proof of its size may.');
  }
}

function bad(message: string): never {
  throw new LogicError('bad_proof', message);
}

/** The checked form of a question: of one for the many rows and sites that answer it. */
const queries = new WeakMap<Term, Body>();

function queryBody(query: Term): Body {
  const known = queries.get(query) ?? bodyOf(query);
  queries.set(query, known);
  return known;
}

function boundIn(bound: Bound): number {
  return bound.reduce((count, value) => count + (value === undefined ? 0 : 1), 0);
}

function unbound({ variables }: Body): Bound {
  return new Array<Term | undefined>(variables.length).fill(undefined);
}

/** Nodes of a ground term; refuses a variable. */
function groundSize(term: Term): number {
  if (term.kind === 'var') bad('A proof has no variables.');
  const parts = partsOf(term);
  let nodes = 1;
  for (let i = 0; i < parts.length; i++) nodes += groundSize(parts[i] as Term);
  return nodes;
}

function size(term: Term): number {
  return partsOf(term).reduce((nodes, part) => nodes + size(part), 1);
}

function partsOf(term: Term): readonly Term[] {
  return term.kind === 'list' ? term.items : argumentsOf(term);
}

/** A ground comparison, identity or `is` that holds. */
function computed(goal: Term): Term {
  const [a, b] = goal.kind === 'compound' && goal.args.length === 2 ? goal.args : [];
  if (goal.kind !== 'compound' || a === undefined || b === undefined) bad('It is nothing to compute.');
  const { name } = goal;
  if (!COMPARISONS.has(name) && !IDENTITIES.has(name) && name !== 'is') bad('It is nothing to compute.');
  if (IDENTITIES.has(name) && !(isValue(a) && isValue(b))) bad('It compares what are no values.');
  if (!holds(name, a, b)) bad('It does not hold.');
  return goal;
}

/** `'$any'(I)` as a variable; its name starts with `$`, which no variable of a question or clause does. */
function withVariables(term: Term): Term {
  if (isCompound(term, '$any', 1)) return variable(`$${writeTerm(term.args[0] as Term)}`);
  if (term.kind === 'list') return list(term.items.map(withVariables));
  return term.kind === 'compound' ? compound(term.name, term.args.map(withVariables)) : term;
}

/** Readings that differ, and not too many of them. */
function distinct(readings: Reading[]): Reading[] {
  if (readings.length < 2) return readings;
  const byState = new Map<string, Reading>();
  for (const reading of readings) {
    const values = reading.bound.map((value) => (value === undefined ? '' : writeTerm(value)));
    // No text of a value has a line end.
    byState.set(`${reading.next}\n${values.join('\n')}`, reading);
  }
  if (byState.size > PROOF_READINGS) bad(`There are more than ${PROOF_READINGS} ways to read its premises.`);
  return [...byState.values()];
}

function recomputed(op: Term, values: readonly Term[]): Term {
  if (isCompound(op, 'sum', 1) && op.args[0]?.kind === 'atom') {
    const zero =
      op.args[0].name === 'integer'
        ? int(0)
        : op.args[0].name === 'float'
          ? float(0)
          : bad('It sums what is no number.');
    return values.reduce<Term>((sum, value) => evaluate(compound('+', [sum, value])), zero);
  }
  switch (op.kind === 'atom' ? op.name : '') {
    case 'count':
      return int(values.length);
    case 'set':
      return list(
        values
          .toSorted(compareValues)
          .filter((value, i, sorted) => i === 0 || !sameTerm(value, sorted[i - 1] as Term)),
      );
    case 'list':
      return list([...values]);
    case 'min':
    case 'max': {
      if (values.length === 0) bad('Nothing has no least or greatest value.');
      const name = op.kind === 'atom' ? op.name : '';
      return values.map(evaluate).reduce((best, value) => evaluate(compound(name, [best, value])));
    }
    default:
      return bad('It is no aggregate of the language.');
  }
}
