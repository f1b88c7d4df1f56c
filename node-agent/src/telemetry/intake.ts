/**
 * Group commit: batches that arrive while the disk is busy go into the journal together, in one transaction and as
 * one revision, so that the cost of a sync is shared by all who wait for it. Each is acknowledged, or refused with
 * `not_stored`, with its group. What comes in one turn of the event loop is a group: nothing waits for a timer. The next
 * group is written while the disk syncs the one before it.
 */
import { BATCH_OBSERVATIONS } from '@fleet/shared/limits.ts';
import type { World } from '../world.ts';
import type { Journal, JournalRow } from './journal.ts';

export interface IntakeParts {
  readonly journal: Journal;
  readonly world: World;
  /** Told when a group is on the disk. */
  readonly onJournaled: (rows: readonly JournalRow[]) => void;
}

interface Waiting {
  readonly rows: readonly JournalRow[];
  readonly taken: (revision: number) => void;
  readonly refused: (cause: unknown) => void;
}

export class Intake {
  readonly #parts: IntakeParts;
  #waiting: Waiting[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** The revision that holds the rows, once they are on the disk. Rejects with `not_stored`. */
  take(rows: readonly JournalRow[]): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    this.#waiting.push({ rows, taken: resolve, refused: reject });
    this.#last = promise.catch(() => {});
    return promise;
  }

  /** Resolves when what was taken so far is on the disk or refused. */
  async settled(): Promise<void> {
    await this.#last;
  }

  #flush(): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < all.length; ) {
      const group = groupFrom(all, from);
      this.#store(group);
      from += group.length;
    }
  }

  #store(group: readonly Waiting[]): void {
    const { journal, world } = this.#parts;
    const rows = group.flatMap((one) => one.rows);
    try {
      void this.#acknowledge(group, rows, journal.append(rows, world.now()));
    } catch (cause) {
      for (const one of group) one.refused(cause);
    }
  }

  async #acknowledge(
    group: readonly Waiting[],
    rows: readonly JournalRow[],
    revision: number,
  ): Promise<void> {
    const { journal, onJournaled } = this.#parts;
    try {
      await journal.durable();
    } catch (cause) {
      this.#withdraw(revision);
      for (const one of group) one.refused(cause);
      return;
    }
    for (const one of group) one.taken(revision);
    onJournaled(rows);
  }

  #withdraw(revision: number): void {
    try {
      this.#parts.journal.withdraw(revision);
    } catch {
      // What nobody was promised may hold: a source that tries again says the same.
    }
  }
}

/** As many as fit one batch, at least one. */
function groupFrom(all: readonly Waiting[], from: number): readonly Waiting[] {
  let rows = all[from]?.rows.length ?? 0;
  let to = from + 1;
  for (
    let next = all[to];
    next !== undefined && rows + next.rows.length <= BATCH_OBSERVATIONS;
    next = all[to]
  ) {
    rows += next.rows.length;
    to += 1;
  }
  return all.slice(from, to);
}
