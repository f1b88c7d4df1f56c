/**
 * Keeps Prolog at the journal's last revision. One loop does it for both cases: after an append it commits the
 * one batch that is missing; after a restart of the engine it replays, revision by revision, what the text did
 * not hold yet. So content at revision R never depends on how often anything was restarted.
 */
import { asLogicError, LogicError } from '@fleet/shared/errors.ts';
import { JOURNAL_REVISIONS_KEPT } from '@fleet/shared/limits.ts';
import type { Logger } from 'pino';
import type { Bridge } from '../prolog/bridge.ts';
import type { Journal } from './journal.ts';

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

  /** Brings a fresh engine, which has loaded the text, to the journal's last revision. Throws when it cannot. */
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
    await this.#catchUp(bridge);
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
        await this.#catchUp(bridge);
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

  async #catchUp(bridge: Bridge): Promise<void> {
    while (this.#revision < this.#parts.journal.lastRevision) {
      const held = await this.#commit(bridge, this.#revision + 1);
      if (held <= this.#revision) throw new LogicError('internal', `The engine stays at revision ${held}.`);
      this.#revision = held;
    }
  }

  /** Commits one revision; returns the one that the engine holds then. */
  async #commit(bridge: Bridge, revision: number): Promise<number> {
    const { journal, log } = this.#parts;
    const rows = journal.batch(revision);
    if (rows === null)
      log.warn({ revision }, 'the journal has no batch for this revision: it changes nothing');
    const outcome = await bridge.commit(revision, rows ?? []);
    if (outcome.kind === 'committed') return revision;
    // A commit whose reply was lost had been made all the same.
    if (outcome.kind === 'conflict') return outcome.revision;
    // Journaled under other rules than the engine has now. Every replay refuses it alike, so R stays deterministic.
    log.error(
      { revision, reason: outcome.message },
      'the engine refused a journaled batch: it changes nothing',
    );
    await bridge.commit(revision, []);
    return revision;
  }
}
