/**
 * `ask --say` of both command lines: a sentence becomes a query, which is shown and asked at once; where two are meant, a person at a terminal
 * says which, or edits one. What is said of the translation goes before the answer; with JSON there is one object with both.
 */
import { createInterface } from 'node:readline/promises';
import type { z } from 'zod';
import type { FleetTranslation, fleetCorrectionInput, Translation } from './api/translate.ts';
import { renderTranslation } from './render-translation.ts';

/** Exit statuses beside those of a question: two queries are meant and nobody chose; there is no query. */
export const SAY_EXIT = { choose: 4, none: 5 } as const;

export interface Talk<R> {
  readonly program: string;
  readonly json: boolean;
  translate(text: string): Promise<Translation | FleetTranslation>;
  /** Keeps what a person made of it. */
  correct(correction: z.input<typeof fleetCorrectionInput>): Promise<unknown>;
  ask(query: string): Promise<R>;
  words(result: R): string | Promise<string>;
  status(result: R): number;
}

/** Where a person answers; null where nobody does. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

export function terminalOf({ stdin, stderr }: Pick<NodeJS.Process, 'stdin' | 'stderr'>): Terminal | null {
  return stdin.isTTY === true && stderr.isTTY === true ? { input: stdin, output: stderr } : null;
}

/** Says it, asks, prints to `print`; the exit status. Throws what the calls throw. */
export async function converse<R>(
  text: string,
  talk: Talk<R>,
  { terminal, print }: { readonly terminal: Terminal | null; readonly print: (line: string) => void },
): Promise<number> {
  const translation = await talk.translate(text);
  const site = 'site' in translation ? translation.site : undefined;
  if (!talk.json) print(renderTranslation(translation, { program: talk.program, site }));
  const query = await queryOf(translation, talk, talk.json ? null : terminal);
  if (query === null) {
    if (talk.json) print(JSON.stringify({ translation, result: null }));
    return translation.kind === 'did_you_mean' ? SAY_EXIT.choose : SAY_EXIT.none;
  }
  const result = await talk.ask(query);
  print(talk.json ? JSON.stringify({ translation, result }) : `\n${(await talk.words(result)).trimEnd()}`);
  return talk.status(result);
}

async function queryOf<R>(
  translation: Translation | FleetTranslation,
  talk: Talk<R>,
  terminal: Terminal | null,
): Promise<string | null> {
  if (translation.kind === 'query') return translation.query;
  if (translation.kind !== 'did_you_mean' || terminal === null) return null;
  const { text, options } = translation;
  const queries = options.map(({ query }) => query);
  const [first] = queries;
  if (first === undefined) return null;
  const query = await chosen(queries, terminal);
  if (query === null) return null;
  const site = 'site' in translation ? { site: translation.site } : {};
  const correction = { text, proposed: first, query, choice: queries.includes(query), ...site };
  // Keeping it is a favour to the next model: it is not to cost this answer, and a refused query is refused when it is asked.
  await talk.correct(correction).catch(() => {});
  return query;
}

/** Null for anything but a number of the list or `e`, and where the terminal ends (Ctrl-C, Ctrl-D). */
async function chosen(queries: readonly string[], { input, output }: Terminal): Promise<string | null> {
  const lines = createInterface({ input, output, terminal: true });
  const ended = new Promise<''>((resolve) => lines.once('close', () => resolve('')));
  const answer = (prompt: string) => Promise.race([lines.question(prompt), ended]);
  try {
    const numbers = queries.map((_, i) => i + 1).join(', ');
    const said = (await answer(`${numbers}, e to edit, anything else for none: `)).trim();
    if (said !== 'e') return queries[Number(said) - 1] ?? null;
    const edited = answer('Query: ');
    lines.write(queries[0] ?? '');
    return (await edited).trim() || null;
  } finally {
    lines.close();
  }
}
