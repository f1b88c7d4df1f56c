/**
 * The text of the state: Prolog renders it, this writes it. A generation is kept in the journal, written whole beside the
 * old one, synced, renamed over it, and the directory synced: whatever fails, the disk holds one complete generation, and
 * the journal knows which. Text may lag the journal by `STATE_TEXT_MS`; the journal covers the rest.
 */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { asLogicError } from '@fleet/shared/errors.ts';
import { STATE_TEXT_MS } from '@fleet/shared/limits.ts';
import type { Logger } from 'pino';
import type { World } from '../world.ts';
import type { FileOperations } from './files.ts';
import type { KeptText } from './journal.ts';

export interface StateTextParts {
  /** Path of `kb/state/state.pl`. */
  readonly file: string;
  readonly files: FileOperations;
  /** The engine's canonical text; throws while there is no engine. */
  readonly render: () => Promise<{ revision: number; text: string }>;
  /** Told of a text before it is written, to keep it: on the disk when this resolves. */
  readonly keep: (text: KeptText) => Promise<void>;
  /** Told when a revision is safe in text. */
  readonly onWritten: (revision: number) => void;
  readonly world: World;
  readonly log: Logger;
}

export class StateText {
  readonly #parts: StateTextParts;
  #written = -1;
  #wanted = -1;
  #callOff: (() => void) | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: StateTextParts) {
    this.#parts = parts;
  }

  /** The revision that the text on disk is known to hold; -1 before the first write. */
  get revision(): number {
    return this.#written;
  }

  /** Told of each revision the engine reached; the text follows within `STATE_TEXT_MS`. */
  follow(revision: number): void {
    this.#wanted = Math.max(this.#wanted, revision);
    if (this.#wanted > this.#written) this.#schedule();
  }

  /** Writes now what the engine holds. Throws what the file operation threw. */
  write(): Promise<void> {
    this.#callOff?.();
    this.#callOff = null;
    this.#writing = this.#writing.catch(() => {}).then(() => this.#writeOnce());
    return this.#writing;
  }

  /** The last text, as far as there is an engine to give it. */
  async stop(): Promise<void> {
    const behind = this.#wanted > this.#written;
    this.#callOff?.();
    await this.#writing.catch(() => {});
    if (!behind) return;
    await this.write().catch((cause) => this.#parts.log.warn({ err: cause }, 'last state text not written'));
    this.#callOff?.();
  }

  #schedule(): void {
    if (this.#callOff !== null) return;
    // Half of the allowance: rendering and the disk need the other half.
    this.#callOff = this.#parts.world.after(STATE_TEXT_MS / 2, () => {
      this.write().catch((cause) => this.#failed(cause));
    });
  }

  /** Without an engine there is nothing to write; the next one says when there is. */
  #failed(cause: unknown): void {
    const { code } = asLogicError(cause);
    if (code === 'not_ready' || code === 'engine_lost') return;
    this.#parts.log.error({ err: cause }, 'state text not written');
    this.#schedule();
  }

  async #writeOnce(): Promise<void> {
    const { revision, text } = await this.#parts.render();
    if (revision <= this.#written) return;
    await this.#parts.keep(await keptText(revision, text));
    await replaceFile(this.#parts.files, this.#parts.file, text);
    this.#written = revision;
    this.#parts.onWritten(revision);
    if (this.#wanted > revision) this.#schedule();
  }
}

/** Repetitive text: the fastest level makes it a tenth. */
const COMPRESSION = { level: 1 } as const;
const compress = promisify<string, typeof COMPRESSION, Buffer>(gzip);

/** A text as the journal keeps it. */
export async function keptText(revision: number, text: string): Promise<KeptText> {
  return { revision, digest: digestOf(text), content: await compress(text, COMPRESSION) };
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Puts `text` in the place of `file` so that the old or the new one is there, whole, at every moment. */
export async function replaceFile(files: FileOperations, file: string, text: string): Promise<void> {
  const temporary = join(dirname(file), '.state.pl.next');
  const handle = await files.open('state.temp.open', temporary, 'w');
  try {
    await files.write('state.temp.write', handle, text);
    await files.sync('state.temp.sync', handle);
  } finally {
    await files.close('state.temp.close', handle);
  }
  await files.rename('state.rename', temporary, file);
  const directory = await files.open('state.dir.open', dirname(file), 'r');
  try {
    await files.sync('state.dir.sync', directory);
  } finally {
    await files.close('state.dir.close', directory);
  }
}
