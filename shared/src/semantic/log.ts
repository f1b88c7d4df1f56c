/**
 * The log of translations: what had no query, which of two was meant, what a person made of a proposal. One JSON object a line in
 * `translations.jsonl` of a data folder, with the words as they were typed and nobody's name. An operator exports it as the next
 * training set; nothing else reads it, and nothing sends it anywhere.
 *
 * Writing never harms an answer: nobody waits for a note, what the disk refuses is dropped and told once, and what waits is
 * bounded. The file is bounded too: when it is full it becomes `translations.old.jsonl`, in the place of the one before. A line that a crash cut off is
 * ended before the next one and left out of an export.
 */
import { appendFile, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Translation } from '../api/translate.ts';
import { TRANSLATION_LOG_BYTES, TRANSLATION_NOTES_WAITING } from '../limits.ts';

/** One line, beside `at`. */
export type TranslationNote =
  | {
      readonly kind: 'abstain' | 'order' | 'unknown_name';
      readonly text: string;
      /** Of `unknown_name`: what the site does not have. */
      readonly names?: readonly string[];
    }
  | {
      /** `choice`: of a "did you mean"; `correction`: another query than was proposed, or one where none was. */
      readonly kind: 'choice' | 'correction';
      readonly text: string;
      readonly proposed: string | null;
      readonly query: string;
    };

/** What is noted of a translation by itself; null where there is nothing to learn before a person has said something. */
export function noteOf(translation: Translation): TranslationNote | null {
  const { kind, text } = translation;
  switch (kind) {
    case 'abstain':
    case 'order':
      return { kind, text };
    case 'unknown_name':
      return { kind, text, names: translation.names.map(({ written }) => written) };
    case 'query':
    case 'did_you_mean':
      return null;
  }
}

export interface TranslationLogOptions {
  /** Milliseconds since 1970 UTC. */
  readonly now: () => number;
  /** Told when the disk refuses, once until it takes a line again. */
  readonly refused: (cause: unknown) => void;
  readonly mostBytes?: number;
}

export class TranslationLog {
  readonly #file: string;
  readonly #old: string;
  readonly #options: Required<TranslationLogOptions>;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** What was noted last: a page that is loaded again says nothing new. */
  #recent: readonly string[] = [];
  #isRefusing = false;
  /** Bytes in the file; null before it was looked at. */
  #bytes: number | null = null;

  constructor(folder: string, options: TranslationLogOptions) {
    this.#file = join(folder, 'translations.jsonl');
    this.#old = join(folder, 'translations.old.jsonl');
    this.#options = { mostBytes: TRANSLATION_LOG_BYTES, ...options };
  }

  /** Whether the disk took it, now or a moment ago. Never rejects. */
  async note(note: TranslationNote): Promise<boolean> {
    const said = JSON.stringify(note);
    if (this.#recent.includes(said)) return true;
    if (this.#waiting >= TRANSLATION_NOTES_WAITING) return false;
    this.#recent = [...this.#recent.slice(1 - TRANSLATION_NOTES_WAITING), said];
    this.#waiting += 1;
    const line = `${JSON.stringify({ at: new Date(this.#options.now()).toISOString(), ...note })}\n`;
    const written = this.#last.then(() => this.#write(line));
    this.#last = written;
    try {
      return await written;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Everything that is kept, whole lines only, the oldest first. */
  async lines(): Promise<string> {
    await this.#last;
    const texts = await Promise.all([this.#old, this.#file].map(textOf));
    const whole = texts.flatMap((text) => text.split('\n')).filter(isObject);
    return whole.map((line) => `${line}\n`).join('');
  }

  /** What was noted until now is on the disk, or refused by it. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async #write(line: string): Promise<boolean> {
    try {
      this.#bytes ??= await endLine(this.#file);
      if (this.#bytes > 0 && this.#bytes + line.length > this.#options.mostBytes) {
        await rename(this.#file, this.#old);
        this.#bytes = 0;
      }
      await appendFile(this.#file, line, { mode: 0o600 });
      this.#bytes += Buffer.byteLength(line);
      this.#isRefusing = false;
      return true;
    } catch (cause) {
      this.#bytes = null;
      this.#recent = [];
      if (!this.#isRefusing) this.#options.refused(cause);
      this.#isRefusing = true;
      return false;
    }
  }
}

/** Ends a line that was cut off; gives the file's size. */
async function endLine(path: string): Promise<number> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    if (size === 0) return 0;
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    if (buffer.toString() === '\n') return size;
    await file.write('\n');
    return size + 1;
  } finally {
    await file.close();
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw cause;
  }
}

function isObject(line: string): boolean {
  if (!line.startsWith('{')) return false;
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}
