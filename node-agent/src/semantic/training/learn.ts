/**
 * Turns what sites kept of translations (`logic-node translations`, JSON lines on standard input) into phrasings: `node learn.ts > phrasings/corrections.txt`.
 * Names and numbers of the query become placeholders, so that what is learned holds for every site. What was refused is printed as comments: somebody
 * who knows what was meant writes the query.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { type Manifest, readManifest } from '@fleet/shared/catalogue.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { kindsOf, LETTER } from '@fleet/shared/semantic/kinds.ts';
import { quantityAt } from '@fleet/shared/semantic/quantity.ts';
import { pieces } from '@fleet/shared/semantic/words.ts';
import { indicator, readTerm, type Term, writeTerm } from '@fleet/shared/term.ts';
import { z } from 'zod';

const note = z.object({ kind: z.string(), text: z.string(), query: z.string().optional() });

/** A section of phrasings: header and line; or why there is none. */
export function learned(text: string, query: string, manifest: Manifest): string {
  try {
    checkAsk(query, manifest);
  } catch (cause) {
    return `% ${query} is no query now (${(cause as Error).message}): ${text}`;
  }
  let sentence = pieces(text.toLowerCase().replace(/[(){}|]/g, ' '))
    .map(({ text: piece }) => piece)
    .join(' ');
  const { term } = readTerm(query, { bytes: 4096, depth: 40 });
  let goal = writeTerm(term);
  for (const [name, letter] of namesIn(term, manifest)) {
    const place = sentence.includes(`{${letter}}`) ? `{${letter}2}` : `{${letter}}`;
    if (!sentence.includes(name.toLowerCase()))
      return `% ${query} names ${name}, which the sentence does not: ${text}`;
    sentence = sentence.replaceAll(name.toLowerCase(), place);
    goal = goal.replaceAll(writeTerm({ kind: 'atom', name }), place);
  }
  if (hasNumber(sentence)) return `% a number to be replaced by {q} in both: = ${goal} <- ${sentence}`;
  return `= ${goal}\n${sentence}`;
}

function namesIn(term: Term, manifest: Manifest, found = new Map<string, string>()): Map<string, string> {
  if (term.kind !== 'compound') return found;
  const entry = manifest.entries.get(indicator(term) ?? '');
  term.args.forEach((arg, at) => {
    const argument = entry?.args[at];
    const [kind] = entry === undefined || argument === undefined ? [] : kindsOf(entry, argument);
    if (arg.kind === 'atom' && kind !== undefined) found.set(arg.name, LETTER[kind]);
    else namesIn(arg, manifest, found);
  });
  return found;
}

function hasNumber(sentence: string): boolean {
  const words = sentence.split(' ');
  return words.some((_, at) => quantityAt(words, at)?.isLoose === false);
}

async function main(): Promise<void> {
  const kb = join(import.meta.dirname, '../../../../kb/manifest.json');
  const manifest = readManifest(JSON.parse(await readFile(kb, 'utf8')));
  for (const line of (await readAll(process.stdin)).split('\n').filter((one) => one !== '')) {
    const { kind, text, query } = note.parse(JSON.parse(line));
    process.stdout.write(`${query === undefined ? `% ${kind}: ${text}` : learned(text, query, manifest)}\n`);
  }
}

if (import.meta.main) await main();
