/**
 * Keeps Prolog at the journal's last revision that is on the disk. One loop does it for both cases: after an append it commits what is missing;
 * after a restart of the engine it replays, in the order of the revisions, what the text did not hold yet. So content at
 * revision R never depends on how often anything was restarted. Batches that wait are committed together: one by one, a
 * replay would never end while others push as fast.
 */
import { asLogicError, LogicError } from '@fleet/shared/errors.ts';
import { BATCH_OBSERVATIONS, COMMIT_REVISIONS, JOURNAL_REVISIONS_KEPT } from '@fleet/shared/limits.ts';
import type { Logger } from 'pino';
import type { Batches, Bridge } from '../prolog/bridge.ts';
import type { Journal, JournalRow } from './journal.ts';

export interface StateSyncParts {
  readonly journal: Journal;
  /** Resolves when what was observed so far is journaled. */
  readonly journaled: () => Promise<void>;
  /** Told of each revision that Prolog holds. */
  readonly onRevision: (revision: number) => void;
  readonly log: Logger;
}

export class StateSync {
  readonly #parts: StateSyncParts;
  /** The revision that Prolog holds. */
  #revision = 0;
  #running: Promise<void> = Promise.resolve();
  #queued = false;

  constructor(parts: StateSyncParts) {
    this.#parts = parts;
  }

  get revision(): number {
    return this.#revision;
  }

  /**
   * Brings a fresh engine, which has loaded the text, to what was the journal's last revision when this began: the end moves
   * on while others push, and `follow` goes after it. Throws when it cannot.
   */
  async restore(bridge: Bridge): Promise<void> {
    await this.#running.catch(() => {});
    const { revision } = await bridge.ready();
    const { journal, log } = this.#parts;
    const last = journal.lastRevision;
    if (revision > last) {
      log.warn(
        { text: revision, journal: last },
        'the state text is ahead of the journal: going on from the text',
      );
      journal.continueFrom(revision);
    }
    this.#revision = revision;
    await this.#catchUp(bridge, journal.durableRevision);
    this.#parts.onRevision(this.#revision);
  }

  /** After an append: commits what Prolog lacks. Losing the engine is no error here, the next one is restored. */
  follow(bridge: Bridge): Promise<void> {
    if (this.#queued) return this.#running;
    this.#queued = true;
    this.#running = this.#running
      .catch(() => {})
      .then(async () => {
        this.#queued = false;
        await this.#catchUp(bridge, Number.POSITIVE_INFINITY);
        this.#parts.onRevision(this.#revision);
      })
      .catch((cause) => this.#parts.log.warn({ err: asLogicError(cause) }, 'state not committed yet'));
    return this.#running;
  }

  /** Resolves when what was observed so far is committed, or the engine is lost. */
  async settled(): Promise<void> {
    await this.#parts.journaled();
    await this.#running;
  }

  /** Forgets batches that the text has held for long. */
  prune(textRevision: number): void {
    this.#parts.journal.prune(textRevision - JOURNAL_REVISIONS_KEPT);
  }

  async #catchUp(bridge: Bridge, target: number): Promise<void> {
    while (this.#revision < Math.min(target, this.#parts.journal.durableRevision)) {
      const held = await this.#commit(bridge, this.#waiting());
      if (held <= this.#revision) throw new LogicError('internal', `The engine stays at revision ${held}.`);
      this.#revision = held;
    }
  }

  /** What comes next, as much as one commit takes: one batch at least. */
  #waiting(): Batches {
    const last = this.#parts.journal.durableRevision;
    const from = this.#revision + 1;
    const rows = [...this.#batch(from)];
    let to = from;
    while (to < last && to - from < COMMIT_REVISIONS - 1) {
      const next = this.#batch(to + 1);
      if (rows.length + next.length > BATCH_OBSERVATIONS) break;
      rows.push(...next);
      to += 1;
    }
    return { from, to, rows };
  }

  #batch(revision: number): readonly JournalRow[] {
    const rows = this.#parts.journal.batch(revision);
    if (rows === null)
      this.#parts.log.warn({ revision }, 'the journal has no batch for this revision: it changes nothing');
    return rows ?? [];
  }

  /** Commits batches; returns the revision that the engine holds then. */
  async #commit(bridge: Bridge, batches: Batches): Promise<number> {
    const outcome = await bridge.commit(batches);
    if (outcome.kind === 'committed') return batches.to;
    // A commit whose reply was lost had been made all the same.
    if (outcome.kind === 'conflict') return outcome.revision;
    return batches.from === batches.to
      ? this.#commitNothing(bridge, batches.from, outcome.message)
      : this.#commitEach(bridge, batches);
  }

  /** One of them is refused: the others are not to suffer for it. */
  async #commitEach(bridge: Bridge, { from, to }: Batches): Promise<number> {
    let held = from - 1;
    while (held < to) {
      const next = held + 1;
      held = await this.#commit(bridge, { from: next, to: next, rows: this.#batch(next) });
      if (held < next) break;
    }
    return held;
  }

  /** Journaled under other rules than the engine has now. Every replay refuses it alike, so R stays deterministic. */
  async #commitNothing(bridge: Bridge, revision: number, reason: string): Promise<number> {
    this.#parts.log.error({ revision, reason }, 'the engine refused a journaled batch: it changes nothing');
    await bridge.commit({ from: revision, to: revision, rows: [] });
    return revision;
  }
}
