/**
 * Reads the phrasings that the model learns from: text files beside this one, one sentence pattern a line under the query that it asks for
 * (README.md says how they are written).
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A pattern: `(a|b|)` is one of them, or nothing; groups nest. */
export type Pattern = readonly (string | readonly Pattern[])[];

export interface Section {
  /** `=` a query, `+` a condition, `#` a value, `!` no query, `<` and `>` what may stand before and after. */
  readonly mark: '=' | '+' | '#' | '!' | '<' | '>';
  /** The query, or `kind: goal`, or the name of what it is. */
  readonly head: string;
  readonly lines: readonly { readonly text: string; readonly at: string }[];
}

export async function readPhrasings(folder: string): Promise<Section[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.txt')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap((text, at) => sectionsOf(text, files[at] ?? ''));
}

function sectionsOf(text: string, file: string): Section[] {
  const sections: { mark: Section['mark']; head: string; lines: { text: string; at: string }[] }[] = [];
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('%')) continue;
    const header = /^([=+#!<>]) (.*)$/.exec(line);
    if (header !== null) {
      sections.push({ mark: header[1] as Section['mark'], head: (header[2] ?? '').trim(), lines: [] });
    } else sections.at(-1)?.lines.push({ text: line, at: `${file}:${at + 1}` });
  }
  return sections;
}

/** Throws a SyntaxError with the place where brackets do not match. */
export function parsePattern(text: string, at: string): Pattern {
  let i = 0;
  const sequence = (inside: boolean): Pattern => {
    const items: (string | Pattern[])[] = [];
    let literal = '';
    const flush = () => {
      if (literal !== '') items.push(literal);
      literal = '';
    };
    while (i < text.length) {
      const char = text[i];
      if (inside && (char === '|' || char === ')')) break;
      i += 1;
      if (char === ')') throw new SyntaxError(`${at}: a bracket closes that was not opened`);
      if (char !== '(') {
        literal += char;
        continue;
      }
      flush();
      items.push(group());
    }
    flush();
    return items;
  };
  const group = (): Pattern[] => {
    const ways: Pattern[] = [];
    for (;;) {
      ways.push(sequence(true));
      if (i >= text.length) throw new SyntaxError(`${at}: a bracket is not closed`);
      i += 1;
      if (text[i - 1] === ')') return ways;
    }
  };
  return sequence(false);
}

/** One sentence of the pattern, by a draw for each group. */
export function expand(pattern: Pattern, draw: (count: number) => number): string {
  return pattern
    .map((item) => (typeof item === 'string' ? item : expand(item[draw(item.length)] ?? [], draw)))
    .join('');
}

/** All words that a pattern can give. */
export function literals(pattern: Pattern): string {
  return pattern.map((item) => (typeof item === 'string' ? item : item.map(literals).join(' '))).join(' ');
}
