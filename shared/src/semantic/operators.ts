/** A query as a person would type it: operators between their sides, no more brackets than needed. */
import type { Term } from '../term.ts';
import { writeTerm } from '../term.ts';

const PRIORITY: Readonly<Record<string, readonly [own: number, left: number, right: number]>> = {
  ';': [1100, 1099, 1100],
  ',': [1000, 999, 1000],
  ...Object.fromEntries(
    ['<', '>', '=<', '>=', '=:=', '=\\=', '==', '\\==', 'is'].map((name) => [name, [700, 699, 699] as const]),
  ),
  '+': [500, 500, 499],
  '-': [500, 500, 499],
  '*': [400, 400, 399],
};

/** Text of the language in operator notation; reads back as the same term. */
export function asTyped(term: Term, most = 1200): string {
  if (term.kind !== 'compound') return writeTerm(term);
  const [first, second] = term.args;
  const priority = PRIORITY[term.name];
  if (first !== undefined && second !== undefined && term.args.length === 2 && priority !== undefined) {
    const [own, left, right] = priority;
    const sign = term.name === ',' ? ', ' : ` ${term.name} `;
    return bracketed(`${asTyped(first, left)}${sign}${asTyped(second, right)}`, own > most);
  }
  if (first !== undefined && term.args.length === 1 && term.name === '\\+')
    return bracketed(`\\+ ${asTyped(first, 900)}`, most < 900);
  if (first !== undefined && term.args.length === 1 && term.name === '-' && first.kind === 'var')
    return `-${first.name}`;
  const name = writeTerm({ kind: 'atom', name: term.name });
  return `${name}(${term.args.map((arg) => asTyped(arg, 999)).join(', ')})`;
}

const bracketed = (text: string, needs: boolean): string => (needs ? `(${text})` : text);
