/**
 * Clauses and goals in the form in which the proof checker goes through them: variables numbered, so that what they are bound to is
 * a row of an array; conjunctions flat, each goal told apart once. Made when the manifest is read, or a question asked;
 * a proof has many steps by the same few clauses.
 */
import { isCompound, type Term } from './term.ts';
import type { Atom, Float, Integer, Variable } from './term-shape.ts';

/** A term whose variables have numbers. */
export type Pattern =
  | (Variable & { readonly at: number })
  | Atom
  | Integer
  | Float
  | { readonly kind: 'list'; readonly items: readonly Pattern[] }
  | { readonly kind: 'compound'; readonly name: string; readonly args: readonly Pattern[] };

/** One goal of a conjunction. */
export type Goal =
  | ShownGoal
  | { readonly kind: 'either'; readonly left: readonly Goal[]; readonly right: readonly Goal[] };

/** A goal that one premise shows, by the way in which it does. */
export type ShownGoal =
  | { readonly kind: 'plain'; readonly pattern: Pattern }
  | { readonly kind: 'absent'; readonly goal: Pattern }
  | {
      readonly kind: 'all';
      readonly op: Term;
      readonly over: Pattern;
      readonly goal: Pattern;
      readonly result: Pattern;
    };

/** Goals, and the names of the variables by their numbers. */
export interface Body {
  readonly goals: readonly Goal[];
  readonly variables: readonly string[];
}

export interface Rule extends Body {
  readonly head: Pattern;
}

export function ruleOf(head: Term, body: Term): Rule {
  const numbering = new Numbering();
  return { head: numbering.pattern(head), goals: numbering.goals(body), variables: numbering.variables };
}

export function bodyOf(goal: Term): Body {
  const numbering = new Numbering();
  return { goals: numbering.goals(goal), variables: numbering.variables };
}

/** Terms that share their variables. */
export function patternsOf(terms: readonly Term[]): Pattern[] {
  const numbering = new Numbering();
  return terms.map((term) => numbering.pattern(term));
}

/** Numbers variables in order of their first occurrence. */
class Numbering {
  readonly variables: string[] = [];
  readonly #numbers = new Map<string, number>();

  pattern(term: Term): Pattern {
    switch (term.kind) {
      case 'var':
        return { kind: 'var', name: term.name, at: this.#number(term.name) };
      case 'list':
        return { kind: 'list', items: term.items.map((item) => this.pattern(item)) };
      case 'compound':
        return { kind: 'compound', name: term.name, args: term.args.map((arg) => this.pattern(arg)) };
      default:
        return term;
    }
  }

  /** `goals` with those of the term added. */
  goals(term: Term, goals: Goal[] = []): Goal[] {
    const [a, b, c, d] = (term.kind === 'compound' ? term.args : []) as [Term, Term, Term, Term];
    if (isCompound(term, ',', 2)) return this.goals(b, this.goals(a, goals));
    if (term.kind === 'atom' && term.name === 'true') return goals;
    goals.push(this.#goal(term, [a, b, c, d]));
    return goals;
  }

  #goal(term: Term, [a, b, c, d]: readonly [Term, Term, Term, Term]): Goal {
    if (isCompound(term, ';', 2)) return { kind: 'either', left: this.goals(a), right: this.goals(b) };
    if (isCompound(term, '\\+', 1)) return { kind: 'absent', goal: this.pattern(a) };
    if (!isCompound(term, 'all', 4)) return { kind: 'plain', pattern: this.pattern(term) };
    return { kind: 'all', op: a, over: this.pattern(b), goal: this.pattern(c), result: this.pattern(d) };
  }

  #number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.variables.length);
    return this.variables.push(name) - 1;
  }
}
