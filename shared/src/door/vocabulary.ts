/**
 * The functors that may reach Prolog. SWI-Prolog never collects a functor, so a text with fresh ones is an attack
 * by itself (SHARP-EDGES 8): the names that a question may use are those of the catalogue and of the language.
 * Whether they are used rightly is for Prolog's own vetting; this only bounds what it has to read.
 */
import type { Manifest } from '../catalogue.ts';
import { LogicError } from '../errors.ts';
import { NAME_CHARACTERS } from '../limits.ts';
import { argumentsOf, compound, type Term, variable } from '../term.ts';

/** Names and arities of docs/protocol.md section 1. */
const LANGUAGE: readonly string[] = [
  ...[
    ',',
    ';',
    '<',
    '>',
    '=<',
    '>=',
    '=:=',
    '=\\=',
    '==',
    '\\==',
    'is',
    '+',
    '-',
    '*',
    '/',
    '//',
    'mod',
    'min',
    'max',
    'prove',
    'why_not',
    'assuming',
    'forall',
  ].map((name) => `${name}/2`),
  ...['\\+', '-', 'abs', 'float', 'sum', 'min', 'max', 'set', 'list'].map((name) => `${name}/1`),
  'top/3',
  'aggregate_all/3',
];

/** Names that answer templates brought along so far; `v` is what pengine_rpc/3 uses. */
const TEMPLATE_NAMES = 64;
const PLAIN_NAME = /^[a-z][A-Za-z0-9_]{0,31}$/;

export class Vocabulary {
  readonly #functors: ReadonlySet<string>;
  readonly #templateFunctors = new Set<string>();

  /** `more` are goals, `name/arity`, that whoever owns this door knows beside the catalogue. */
  constructor(manifest: Manifest, more: readonly string[] = []) {
    this.#functors = new Set([...LANGUAGE, ...manifest.entries.keys(), ...more]);
  }

  /** Throws `unknown_predicate` with the first functor, from the left, that no question may use. */
  checkGoal(goal: Term): void {
    if (goal.kind === 'atom' && goal.name.length > NAME_CHARACTERS)
      throw new LogicError('too_large', `A name has at most ${NAME_CHARACTERS} characters.`);
    const parts = goal.kind === 'compound' ? goal.args : goal.kind === 'list' ? goal.items : [];
    if (goal.kind === 'compound' && !this.#functors.has(`${goal.name}/${goal.args.length}`)) {
      throw new LogicError('unknown_predicate', `${goal.name}/${goal.args.length} is not in the catalogue.`);
    }
    for (const part of parts) this.checkGoal(part);
  }

  /** A template is a variable, or a list or plainly named compound of variables. Throws `bad_request`. */
  checkTemplate(template: Term): void {
    if (template.kind === 'var') return;
    if (template.kind === 'compound') this.#admitName(template.name, template.args.length);
    else if (template.kind !== 'list' && (template.kind !== 'atom' || !PLAIN_NAME.test(template.name)))
      throw badTemplate();
    const columns = template.kind === 'list' ? template.items : argumentsOf(template);
    if (columns.some((column) => column.kind !== 'var')) throw badTemplate();
  }

  #admitName(name: string, arity: number): void {
    const functor = `${name}/${arity}`;
    if (!PLAIN_NAME.test(name)) throw badTemplate();
    if (name === 'v' || this.#functors.has(functor) || this.#templateFunctors.has(functor)) return;
    if (this.#templateFunctors.size >= TEMPLATE_NAMES) {
      throw new LogicError('bad_request', 'Too many different template names so far: use a list, or v(..).');
    }
    this.#templateFunctors.add(functor);
  }
}

function badTemplate(): LogicError {
  return new LogicError('bad_request', 'A template is a list of variables, or a plain name with variables.');
}

/** The term with variables that start with `_` renamed so that stock servers leave them out of answers. */
export function hideAnonymous(term: Term): Term {
  switch (term.kind) {
    case 'var':
      return term.name.startsWith('_') ? variable(`_V${term.name}`) : term;
    case 'compound':
      return compound(term.name, term.args.map(hideAnonymous));
    case 'list':
      return { kind: 'list', items: term.items.map(hideAnonymous) };
    default:
      return term;
  }
}
