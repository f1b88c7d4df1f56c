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
import {
  argumentsOf,
  compareTuples,
  compareValues,
  compound,
  float,
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

/** One way to read the premises so far: the next one, and what the variables are bound to. */
interface Reading {
  readonly next: number;
  readonly bound: Map<string, Term>;
}

class Checker {
  private readonly claim: ProofClaim;
  /** Conclusions by step number; 0 is unused. */
  private readonly conclusions: (Term | null)[] = [null];
  private readonly seen = new Set<string>();
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
    for (const [i, item] of proof.items.entries()) this.numbered(item, i + 1, proof.items.length);
    return { standing: this.standing(), attested: this.attested };
  }

  private standing(): ProofStanding['standing'] {
    if (this.claim.assumptions.length > 0) return 'hypothetical';
    return this.attested.length === 0 ? 'verified' : 'attested';
  }

  private numbered(item: Term, number: number, last: number): void {
    const [n, step] = isCompound(item, 'step', 2) ? item.args : [];
    if (step === undefined || n?.kind !== 'int' || n.value !== BigInt(number))
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
    const key = writeTerm(conclusion);
    if (this.seen.has(key)) bad('It concludes what an earlier step did.');
    this.seen.add(key);
    this.conclusions.push(conclusion);
  }

  private query(step: Term, number: number): void {
    if (!isCompound(step, 'query', 1)) bad('The last step must conclude the query.');
    const bound = new Map(this.claim.bindings);
    this.allUsed(this.claim.query, this.premises(step.args[0] as Term, number), [{ next: 0, bound }]);
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
    return numbers.items.map((n) => {
      const cited =
        n.kind === 'int' && n.value > 0n && n.value < BigInt(own) ? this.conclusions[Number(n.value)] : null;
      return cited ?? bad('It cites what is no earlier step.');
    });
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
    if (BigInt(now) > valid.value) throw new LogicError('stale_evidence', 'the fact was past its validity.');
    if (observed.value > BigInt(now + CLOCK_SKEW_MS))
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
    // A map of bindings of its own is what renames the clause apart.
    const bound = new Map<string, Term>();
    if (!this.matches(clause.head, head, bound)) bad('Its clause does not match.');
    this.allUsed(clause.body, premises, [{ next: 0, bound }]);
    return head;
  }

  // ---- aggregates ----

  private aggregate(
    step: { op: Term; over: Term; goal: Term; solutions: Term; result: Term },
    premises: readonly Term[],
  ): void {
    const [goal, over] = this.opened([step.goal, step.over]) as [Term, Term];
    const locals = outsideVariables(goal);
    const values: Term[] = [];
    let readings: readonly Reading[] = [{ next: 0, bound: new Map() }];
    let before: readonly Term[] | null = null;
    if (step.solutions.kind !== 'list') bad('Its solutions are no list.');
    for (const solution of step.solutions.items) {
      if (solution.kind !== 'list' || solution.items.length !== locals.length || !isValue(solution))
        bad('A solution is malformed.');
      if (before !== null && compareTuples(before, solution.items) >= 0)
        bad('Its solutions are not distinct and in order.');
      before = solution.items;
      const bound = new Map(locals.map((name, i) => [name, solution.items[i] as Term]));
      const value = over.kind === 'var' ? bound.get(over.name) : over;
      values.push(value ?? bad('A solution gives the aggregated variable no value.'));
      readings = this.useUp(
        goal,
        premises,
        readings.map(({ next }) => ({ next, bound: new Map(bound) })),
      );
      readings = distinct(readings.map(({ next }) => ({ next, bound: new Map() })));
    }
    if (!readings.some(({ next }) => next === premises.length))
      bad('Its premises do not show its solutions.');
    if (!sameTerm(recomputed(step.op, values), step.result)) bad('Its result is not that of its solutions.');
  }

  /** Terms with each `'$any'(I)` as a variable; refuses numbers that are not 0, 1, … in order of first occurrence. */
  private opened(terms: readonly Term[]): Term[] {
    const open = terms.map(withVariables);
    if (!this.closed(open, new Map()).every((term, i) => sameTerm(term, terms[i] as Term))) {
      bad('Its existential variables are not numbered in order.');
    }
    return open;
  }

  /** Terms with their bound variables put in and each other one as `'$any'(I)`, in order of first occurrence. */
  private closed(terms: readonly Term[], bound: ReadonlyMap<string, Term>): Term[] {
    const numbers = new Map<string, Term>();
    const close = (term: Term): Term => {
      this.spend(1);
      if (term.kind === 'list') return list(term.items.map(close));
      if (term.kind === 'compound') return compound(term.name, term.args.map(close));
      if (term.kind !== 'var') return term;
      const known = bound.get(term.name) ?? numbers.get(term.name);
      if (known !== undefined) return known;
      const any = compound('$any', [int(numbers.size)]);
      numbers.set(term.name, any);
      return any;
    };
    return terms.map(close);
  }

  // ---- using up premises ----

  private allUsed(goal: Term, premises: readonly Term[], readings: readonly Reading[]): void {
    if (this.useUp(goal, premises, readings).some(({ next }) => next === premises.length)) return;
    bad('Its premises are not those it needs.');
  }

  /** Every way in which `goal` uses up the next premises. Takes over the readings it is given. */
  private useUp(goal: Term, premises: readonly Term[], readings: readonly Reading[]): readonly Reading[] {
    this.spend(1 + readings.length);
    if (readings.length === 0 || (goal.kind === 'atom' && goal.name === 'true')) return readings;
    if (isCompound(goal, ',', 2)) {
      const left = this.useUp(goal.args[0] as Term, premises, readings);
      return this.useUp(goal.args[1] as Term, premises, left);
    }
    if (isCompound(goal, ';', 2)) {
      for (const { bound } of readings) this.spend(bound.size * 4);
      const copies = readings.map(({ next, bound }) => ({ next, bound: new Map(bound) }));
      const left = this.useUp(goal.args[0] as Term, premises, copies);
      return distinct([...left, ...this.useUp(goal.args[1] as Term, premises, readings)]);
    }
    const after: Reading[] = [];
    for (const { next, bound } of readings) {
      const premise = premises[next];
      if (premise !== undefined && this.shows(premise, goal, bound)) after.push({ next: next + 1, bound });
    }
    return after;
  }

  /** Whether a premise's conclusion is this goal, binding the goal's variables. */
  private shows(conclusion: Term, goal: Term, bound: Map<string, Term>): boolean {
    if (isCompound(goal, '\\+', 1))
      return sameTerm(compound('\\+', this.closed(goal.args, bound)), conclusion);
    if (!isCompound(goal, 'all', 4)) return this.matches(goal, conclusion, bound);
    if (!isCompound(conclusion, 'all', 4)) return false;
    const [op, over, inner, result] = goal.args as [Term, Term, Term, Term];
    const [op2, over2, inner2, result2] = conclusion.args as [Term, Term, Term, Term];
    const [closedInner, closedOver] = this.closed([inner, over], bound) as [Term, Term];
    return (
      sameTerm(op, op2) &&
      sameTerm(closedInner, inner2) &&
      sameTerm(closedOver, over2) &&
      this.matches(result, result2, bound)
    );
  }

  private matches(pattern: Term, term: Term, bound: Map<string, Term>): boolean {
    this.spend(1);
    if (pattern.kind === 'var') {
      const known = bound.get(pattern.name);
      if (known !== undefined) return sameTerm(known, term);
      if (!isValue(term)) return false;
      bound.set(pattern.name, term);
      return true;
    }
    if (pattern.kind === 'compound') {
      return (
        isCompound(term, pattern.name, pattern.args.length) &&
        pattern.args.every((arg, i) => this.matches(arg, term.args[i] as Term, bound))
      );
    }
    return sameTerm(pattern, term);
  }

  private spend(nodes: number): void {
    this.work -= nodes;
    if (this.work < 0) bad('It takes more work than a proof of its size may.');
  }
}

function bad(message: string): never {
  throw new LogicError('bad_proof', message);
}

/** Nodes of a ground term; refuses a variable. */
function groundSize(term: Term): number {
  if (term.kind === 'var') bad('A proof has no variables.');
  return size(term, groundSize);
}

function size(term: Term, inside: (term: Term) => number = size): number {
  const parts = term.kind === 'list' ? term.items : argumentsOf(term);
  let nodes = 1;
  for (const part of parts) nodes += inside(part);
  return nodes;
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
function distinct(readings: readonly Reading[]): readonly Reading[] {
  if (readings.length < 2) return readings;
  const byState = new Map<string, Reading>();
  for (const reading of readings) {
    const entries = [...reading.bound].map(([name, value]) => `${name}=${writeTerm(value)}`).sort();
    byState.set(`${reading.next} ${entries.join(' ')}`, reading);
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
