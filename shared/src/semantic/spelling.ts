/**
 * Words that the model knows, and the nearest one to a word that it does not: one typo a sentence cost ten points of accuracy when the
 * model had to read it (the measurement), so spelling is corrected before.
 */

import { UNIT_WORDS } from './quantity.ts';

/** Edits (insert, delete, replace, swap of neighbours) between two words, or `limit + 1` when there are more. */
export function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) row.push(edits({ a, b, i, j, row, last, before }));
    if (Math.min(...row) > limit) return limit + 1;
    before = last;
    last = row;
  }
  return last[b.length] ?? limit + 1;
}

interface Cell {
  readonly a: string;
  readonly b: string;
  readonly i: number;
  readonly j: number;
  readonly row: readonly number[];
  readonly last: readonly number[];
  readonly before: readonly number[];
}

function edits({ a, b, i, j, row, last, before }: Cell): number {
  const same = a[i - 1] === b[j - 1];
  const best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
  const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
  return swapped ? Math.min(best, (before[j - 2] ?? 0) + 1) : best;
}

/** How many edits a word of that length may be away from what it is taken for. */
export function tolerated(length: number): number {
  if (length < 4) return 0;
  return length < 8 ? 1 : 2;
}

/** The candidate with the fewest edits, the first of several; null where none is near enough. */
export function nearest(word: string, candidates: Iterable<string>): { word: string; edits: number } | null {
  let limit = tolerated(word.length);
  if (limit === 0) return null;
  let found: { word: string; edits: number } | null = null;
  for (const candidate of candidates) {
    if (candidate.length < 3) continue;
    const edits = distance(word, candidate, limit);
    if (edits > limit || (found !== null && edits >= found.edits)) continue;
    found = { word: candidate, edits };
    limit = edits;
  }
  return found;
}

export class Lexicon {
  /** Every word that the model has a token for. */
  readonly #known: ReadonlySet<string>;
  /** Words of questions about a site, the most used first: what a typo is taken for. */
  readonly #domain: ReadonlySet<string>;
  /** Words that things are often called by: in a question, the name of something that the site does not have. */
  readonly #standIns: ReadonlySet<string>;
  readonly #corrected = new Map<string, string | null>();

  /** `domain`: words of the training questions, the most used first; `general`: what else the model knows; `standIns`: usual names. */
  constructor(domain: readonly string[], general: readonly string[], standIns: readonly string[] = []) {
    this.#standIns = new Set(standIns);
    this.#domain = new Set(domain);
    this.#known = new Set([...domain, ...general, ...UNIT_WORDS]);
  }

  knows(word: string): boolean {
    return this.#known.has(word);
  }

  /** Whether it is a word that people use when they ask about any site: a name that is such a word needs a cue. */
  isOrdinary(word: string): boolean {
    return this.#domain.has(word);
  }

  isStandIn(word: string): boolean {
    return this.#standIns.has(word);
  }

  /** The word itself where it is known, else the nearest one; null where there is none. */
  correct(word: string): string | null {
    if (this.#known.has(word)) return word;
    const kept = this.#corrected.get(word);
    if (kept !== undefined) return kept;
    const found = nearest(word, this.#domain)?.word ?? null;
    // Bounded: anyone can send words.
    if (this.#corrected.size >= 4096) this.#corrected.clear();
    this.#corrected.set(word, found);
    return found;
  }
}
