/**
 * Answers on their way to the disk. Taking one costs a place in a list; making bytes of it happens between other work, and the
 * writer has one batch at a time. While the disk will not take them they wait, up to a bound; past it they are counted, and the
 * next row that is made says how many were lost.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { FleetResult } from '@fleet/shared/api/ask.ts';
import {
  HISTORY_AGAIN_MS,
  HISTORY_AGAIN_WAITING,
  HISTORY_BATCH,
  HISTORY_COMMIT_MS,
  HISTORY_RETRY_MS,
  HISTORY_WAITING_BYTES,
  HISTORY_WAITING_PARTS,
  LAST_KNOWN_EVERY_MS,
} from '@fleet/shared/limits.ts';
import { type Answered, type Encoded, encodeAgain, encodeRun } from './content.ts';
import type { RecentAnswers } from './recent.ts';
import type { Write } from './writing.ts';

/** What became of an answer: its bytes, then its row. */
interface Run {
  encoded: Encoded | null;
  id: number | null;
}

/** How often an answer was given again to one asker. */
interface Repeats {
  readonly run: Run;
  readonly askedBy: string;
  readonly at: number;
  last: number;
  times: number;
}

interface Taken {
  readonly answered: Answered;
  readonly run: Run;
}

interface Ready {
  readonly entry: Encoded;
  /** Null for an answer given again. */
  readonly run: Run | null;
}

export class WriteQueue {
  readonly #write: Write;
  readonly #recent: RecentAnswers;
  readonly #onFault: (cause: unknown) => void;
  readonly #taken: Taken[] = [];
  readonly #ready: Ready[] = [];
  readonly #repeats = new Map<Run, Map<string, Repeats>>();
  readonly #runs = new WeakMap<FleetResult, Run>();
  /** Repeats are counted for a while before a row is made of them. */
  #repeatsDue = false;
  #repeatTimer: NodeJS.Timeout | null = null;
  /** What sites answered last gets to the disk even if nobody asks any more. */
  #recentArmed = false;
  /** Sites and answers in what is taken, bytes in what is ready. */
  #parts = 0;
  #bytes = 0;
  #lost = 0;
  #working: Promise<void> | null = null;
  #hurry = new AbortController();

  constructor(write: Write, recent: RecentAnswers, onFault: (cause: unknown) => void) {
    this.#write = write;
    this.#recent = recent;
    this.#onFault = onFault;
  }

  take(answered: Answered): void {
    const run = this.#runs.get(answered.result);
    if (run !== undefined) {
      this.#repeat(run, answered);
      return;
    }
    this.#takeRun(answered);
    this.#recent.take(answered);
    this.#armRecent();
    this.#begin();
  }

  /** Resolves when all that was taken is on the disk, or will not get there now. */
  async flush(): Promise<void> {
    this.#hurry.abort();
    while (this.#working !== null) await this.#working;
    await this.#encodeRepeats();
    if (this.#recent.waiting || this.#ready.length > 0) await this.#commit();
    this.#hurry = new AbortController();
  }

  #armRecent(): void {
    if (this.#recentArmed) return;
    this.#recentArmed = true;
    setTimeout(() => {
      this.#recentArmed = false;
      this.#begin();
    }, LAST_KNOWN_EVERY_MS).unref();
  }

  #begin(): void {
    this.#working ??= this.#work();
  }

  #takeRun(answered: Answered): void {
    const { coverage, answers } = answered.result;
    const parts = coverage.sites.length + answers.length;
    if (this.#parts + parts > HISTORY_WAITING_PARTS || this.#bytes > HISTORY_WAITING_BYTES) {
      this.#lost += 1;
      return;
    }
    const run = { encoded: null, id: null };
    this.#parts += parts;
    this.#taken.push({ answered, run });
    this.#runs.set(answered.result, run);
  }

  #repeat(run: Run, { askedBy, at }: Answered): void {
    const askers = this.#repeats.get(run) ?? new Map<string, Repeats>();
    this.#repeats.set(run, askers);
    const known = askers.get(askedBy);
    if (known === undefined) askers.set(askedBy, { run, askedBy, at, last: at, times: 1 });
    else {
      known.last = at;
      known.times += 1;
    }
    if (this.#repeats.size > HISTORY_AGAIN_WAITING) this.#repeatsDue = true;
    if (this.#repeatsDue) this.#begin();
    this.#repeatTimer ??= setTimeout(() => {
      this.#repeatsDue = true;
      this.#begin();
    }, HISTORY_AGAIN_MS).unref();
  }

  /** Goes on until nothing waits that could be written; while the disk refuses, it tries again now and then. */
  async #work(): Promise<void> {
    try {
      do {
        await this.#wait(HISTORY_COMMIT_MS);
        await this.#encode();
        if (!(await this.#commit())) {
          if (this.#hurry.signal.aborted) return;
          await this.#wait(HISTORY_RETRY_MS);
        }
      } while (this.#taken.length > 0 || this.#ready.length > 0 || this.#repeatsDue);
    } finally {
      this.#working = null;
    }
  }

  /** A wait that a flush cuts short, and that keeps no process from ending. */
  async #wait(ms: number): Promise<void> {
    const { signal } = this.#hurry;
    if (!signal.aborted) await delay(ms, undefined, { signal, ref: false }).catch(() => {});
  }

  async #encode(): Promise<void> {
    for (;;) {
      const next = this.#taken.shift();
      if (next === undefined) break;
      const { coverage, answers } = next.answered.result;
      this.#parts -= coverage.sites.length + answers.length;
      const lost = this.#lost;
      try {
        next.run.encoded = await encodeRun(next.answered, lost);
        this.#lost -= lost;
        this.#add({ entry: next.run.encoded, run: next.run });
      } catch (cause) {
        this.#drop(next, cause);
      }
    }
    if (this.#repeatsDue || this.#hurry.signal.aborted) await this.#encodeRepeats();
  }

  async #encodeRepeats(): Promise<void> {
    clearTimeout(this.#repeatTimer ?? undefined);
    this.#repeatTimer = null;
    this.#repeatsDue = false;
    for (const [run, askers] of this.#repeats) {
      if (run.id === null || run.encoded === null) continue; // once its row has a number
      this.#repeats.delete(run);
      for (const { askedBy, times, at, last } of askers.values())
        this.#add({
          entry: await encodeAgain({ of: run.id, askedBy, times, at, last }, run.encoded),
          run: null,
        });
    }
  }

  /** An answer that cannot be made into bytes is a fault of ours, and not a reason to keep no other. */
  #drop({ answered, run }: Taken, cause: unknown): void {
    this.#lost += 1;
    this.#runs.delete(answered.result);
    this.#repeats.delete(run);
    this.#onFault(cause);
  }

  #add(ready: Ready): void {
    this.#bytes += ready.entry.packed.length;
    this.#ready.push(ready);
  }

  async #commit(): Promise<boolean> {
    const batch = this.#ready.slice(0, HISTORY_BATCH);
    const lastKnown = this.#recent.due || this.#hurry.signal.aborted ? this.#recent.give() : [];
    if (batch.length === 0 && lastKnown.length === 0) return true;
    const reply = await this.#write({ rows: batch.map(({ entry }) => entry), lastKnown });
    if (!reply.ok) {
      this.#recent.takeBack(lastKnown);
      return false;
    }
    this.#ready.splice(0, batch.length);
    for (const [i, { entry, run }] of batch.entries()) {
      this.#bytes -= entry.packed.length;
      if (run === null) continue;
      run.id = reply.ids[i] ?? null;
      // Of a run that is stored, only what a repeat of it says is kept.
      run.encoded = { ...entry, packed: Buffer.alloc(0) };
    }
    return true;
  }
}
