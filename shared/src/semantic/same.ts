/**
 * When two queries ask the same: equal normal forms, whatever their variables are called, in whichever order their goals stand, with `A > B` for
 * `B < A`. Two voices that agree by this are run; fresh questions are judged by it.
 */
import type { Manifest } from '../catalogue.ts';
import { checkAsk } from '../language.ts';
import { conjuncts, mapLeaves, type Term, variable, writeTerm } from '../term.ts';

/** One text for all queries that ask the same. Throws what `checkAsk` throws. */
export function canonical(query: string, manifest: Manifest): string {
  const { goal } = checkAsk(query, manifest);
  const goals = conjuncts(turned(goal)).sort((a, b) => (shape(a) < shape(b) ? -1 : 1));
  return permutations(goals).map(numbered).sort()[0] ?? '';
}

/** With comparisons one way round, and nested conjunctions in one order. */
function turned(term: Term): Term {
  if (term.kind !== 'compound') return term;
  const args = term.args.map(turned);
  const [left, right] = args as [Term, Term];
  if (term.name === '>') return { ...term, name: '<', args: [right, left] };
  if (term.name === '>=') return { ...term, name: '=<', args: [right, left] };
  if (EITHER_WAY.has(term.name))
    return { ...term, args: [left, right].sort((a, b) => (shape(a) < shape(b) ? -1 : 1)) };
  return { ...term, args };
}

/** What says the same with its sides changed. */
const EITHER_WAY = new Set([';', '==', '\\==', '=:=', '=\\=']);

/** A term's text without the names of its variables. */
const shape = (term: Term): string => writeTerm(rename(term, () => 'V'));

function rename(term: Term, name: (old: string) => string): Term {
  return mapLeaves(term, (leaf) => (leaf.kind === 'var' ? variable(name(leaf.name)) : leaf));
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

/** Goals up to which every order is tried: 120 of them. A longer query is compared in the one order. */
const ORDERED = 5;

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1 || items.length > ORDERED) return [[...items]];
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
}
