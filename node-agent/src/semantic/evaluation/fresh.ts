/**
 * Fresh questions: written by people who had not seen the phrasings that the model learns from, each with the query that a colleague would accept. They are
 * kept out of training, and decide (README.md).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import type { SiteNames } from '@fleet/shared/semantic/tag.ts';
import { type Term, writeTerm } from '@fleet/shared/term.ts';

export type Expected =
  | { readonly kind: 'query'; readonly queries: readonly string[] }
  | { readonly kind: 'abstain' | 'order' }
  | { readonly kind: 'unknown_name'; readonly name: string };

export interface FreshQuestion {
  readonly text: string;
  readonly expected: Expected;
  readonly at: string;
}

/** The names that fresh questions use. */
export const FRESH_SITE: SiteNames = {
  node: ['pve1', 'pve2', 'pve3', 'nas', 'attic-pi', 'edge07', 'titan', 'sentry'],
  vm: ['mail', 'dns', 'git', 'media', 'web-01', 'db1', 'homeassistant', 'jellyfin'],
  cluster: ['rack', 'lab'],
  ups: ['apc1', 'closet_ups'],
  zone: ['management', 'servers', 'storage', 'guest', 'iot'],
  mount: ['/', '/var', '/srv/data'],
  service: ['ssh', 'https', 'smb', 'mqtt', 'dns'],
};

/** Reads `question TAB query [TAB query ...]`, or `!abstain`, `!order`, `!unknown NAME` in the place of queries. */
export async function readFresh(file: string): Promise<FreshQuestion[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.flatMap((line, at) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const [text = '', ...said] = line.split('\t').map((part) => part.trim());
    return [{ text, expected: expectedOf(said), at: `${file.split('/').at(-1)}:${at + 1}` }];
  });
}

function expectedOf(said: readonly string[]): Expected {
  const [first = ''] = said;
  if (first === '!abstain') return { kind: 'abstain' };
  if (first === '!order') return { kind: 'order' };
  if (first.startsWith('!unknown')) return { kind: 'unknown_name', name: first.slice('!unknown'.length).trim() };
  return { kind: 'query', queries: said.filter((query) => query !== '') };
}

export const freshFile = (name: string): string => join(import.meta.dirname, 'fresh', `${name}.tsv`);

/**
 * Whether two queries ask the same: equal normal forms, whatever their variables are called, in whichever order their goals stand, with
 * `A > B` for `B < A`.
 */
export function asksTheSame(one: string, other: string, manifest: Manifest): boolean {
  return canonical(one, manifest) === canonical(other, manifest);
}

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
  if (term.name === '==' || term.name === '\\==' || term.name === ';' || term.name === '=:=' || term.name === '=\\=')
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
