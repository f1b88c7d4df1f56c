/**
 * Fresh questions: written by people who had not seen the phrasings that the model learns from, each with the query that a colleague would accept. They are
 * kept out of training, and decide (README.md).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Expected =
  | { readonly kind: 'query'; readonly queries: readonly string[] }
  | { readonly kind: 'abstain' | 'order' }
  | { readonly kind: 'unknown_name'; readonly name: string };

export interface FreshQuestion {
  readonly text: string;
  readonly expected: Expected;
  readonly at: string;
}

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
  if (first.startsWith('!unknown'))
    return { kind: 'unknown_name', name: first.slice('!unknown'.length).trim() };
  return { kind: 'query', queries: said.filter((query) => query !== '') };
}

/** The inventory of the site that they ask about. */
export const SITE_FILE = join(import.meta.dirname, 'fresh-site.pl');
export const freshFile = (name: string): string => join(import.meta.dirname, 'fresh', `${name}.tsv`);
