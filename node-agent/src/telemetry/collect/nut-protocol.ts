/**
 * The text protocol of upsd (Network UPS Tools, RFC 9271): lines of words, a word with blanks in double quotes with
 * `\` before a quote or a backslash. Pure: what a line says, and when a list is whole.
 */

/** The words of a line; null where a quote is not closed or stands inside of a word. */
export function readWords(line: string): string[] | null {
  const words: string[] = [];
  const word = /[ \t]*(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^" \t\\]+))(?=[ \t]|$)/y;
  for (let at = 0; /[^ \t]/.test(line.slice(at)); at = word.lastIndex) {
    word.lastIndex = at;
    const found = word.exec(line);
    if (found === null) return null;
    words.push(found[2] ?? (found[1] ?? '').replace(/\\(.)/g, '$1'));
  }
  return words;
}

/** A line of words; they hold no line ends. */
export function writeWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[^\s"\\]+$/.test(word) ? word : `"${word.replace(/(["\\])/g, '\\$1')}"`))
    .join(' ');
}

export type Rows = readonly (readonly string[])[];

/** What a line made of a list: it goes on, it is whole, upsd refuses it (with its code), or it is none. */
export type ListStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'whole'; readonly rows: Rows }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'garbage' };

/** Reads one list, from `BEGIN LIST …` to `END LIST …`; rows come without the words that were asked for. */
export class ListReader {
  readonly #asked: readonly string[];
  readonly #rows: (readonly string[])[] = [];
  #begun = false;

  /** `asked` is what followed LIST: `UPS`, or `VAR rack`. */
  constructor(asked: readonly string[]) {
    this.#asked = asked;
  }

  take(line: string): ListStep {
    const words = readWords(line);
    if (words === null) return { kind: 'garbage' };
    if (!this.#begun) {
      if (words[0] === 'ERR') return { kind: 'refused', code: words[1] ?? '' };
      this.#begun = startsWith(words, ['BEGIN', 'LIST', ...this.#asked]);
      return { kind: this.#begun ? 'more' : 'garbage' };
    }
    if (startsWith(words, ['END', 'LIST', ...this.#asked])) return { kind: 'whole', rows: this.#rows };
    if (!startsWith(words, this.#asked)) return { kind: 'garbage' };
    this.#rows.push(words.slice(this.#asked.length));
    return { kind: 'more' };
  }
}

function startsWith(words: readonly string[], start: readonly string[]): boolean {
  return start.every((word, i) => words[i] === word);
}
