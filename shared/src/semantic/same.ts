/**
 * When two queries ask the same: equal normal forms, whatever their variables are called, in whichever order their goals stand, with `A > B` for
 * `B < A`. Two voices that agree by this are run; fresh questions are judged by it.
 */
import type { Manifest } from '../catalogue.ts';
import { checkAsk } from '../language.ts';
import { type Term, writeTerm } from '../term.ts';

/** One text for all queries that ask the same. Throws what `checkAsk` throws. */
export function canonical(query: string, manifest: Manifest): string {
  const { goal } = checkAsk(query, manifest);
  const goals = conjuncts(turned(goal)).sort((a, b) => (shape(a) < shape(b) ? -1 : 1));
  const orders = permutations(goals);
  return orders.map((order) => numbered(order)).sort()[0] ?? '';
}

function conjuncts(term: Term): Term[] {
  return term.kind === 'compound' && term.name === ',' ? term.args.flatMap(conjuncts) : [term];
}

/** With comparisons one way round, and nested conjunctions in one order. */
function turned(term: Term): Term {
  if (term.kind !== 'compound') return term;
  const args = term.args.map(turned);
  const [left, right] = args as [Term, Term];
  if (term.name === '>') return { ...term, name: '<', args: [right, left] };
  if (term.name === '>=') return { ...term, name: '=<', args: [right, left] };
  if (
    term.name === '==' ||
    term.name === '\\==' ||
    term.name === ';' ||
    term.name === '=:=' ||
    term.name === '=\\='
  )
    return { ...term, args: [left, right].sort((a, b) => (shape(a) < shape(b) ? -1 : 1)) };
  return { ...term, args };
}

/** A term's text without the names of its variables. */
const shape = (term: Term): string => writeTerm(rename(term, () => 'V'));

function rename(term: Term, name: (old: string) => string): Term {
  if (term.kind === 'var') return { kind: 'var', name: name(term.name) };
  return term.kind === 'compound' ? { ...term, args: term.args.map((arg) => rename(arg, name)) } : term;
}

function numbered(goals: readonly Term[]): string {
  const names = new Map<string, string>();
  return goals
    .map((goal) =>
      writeTerm(
        rename(goal, (old) => {
          const known = names.get(old) ?? `V${names.size}`;
          names.set(old, known);
          return known;
        }),
      ),
    )
    .join(', ');
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  if (items.length > 5) return [[...items]];
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
}
