/**
 * The journal: every batch of changes under the revision that it makes, in SQLite. The revision is assigned
 * in the transaction that stores the batch, and a batch is acknowledged when that is on the disk, before Prolog hears
 * of it: what Prolog holds at revision R is therefore the text plus rows up to R, on every replay. One agent holds
 * the file exclusively.
 *
 * A commit writes to SQLite's log and does not wait for the disk (WAL, synchronous=NORMAL): that would keep questions
 * waiting too, on the one thread there is. Whoever must know that something is on the disk awaits `durable`, which syncs
 * the log beside that thread, once for all who wait (flush.ts).
 *
 * Beside the batches stand the texts that were written last (state-text.ts), by which a start knows an operator's
 * edit from its own text, and what is kept about alerts (alerts/ledger.ts): one file, so one transaction covers a
 * batch with what follows from it.
 */
import { closeSync, existsSync, fdatasync, fdatasyncSync, openSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import {
  asc,
  type BetterSQLite3Database,
  blob,
  desc,
  drizzle,
  eq,
  integer,
  lt,
  lte,
  min,
  primaryKey,
  sql,
  sqliteTable,
  text,
} from '@fleet/shared/drizzle.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import Database from 'better-sqlite3';
import { Flush } from './flush.ts';

/** One change of a fact: observed, with its evidence, or gone. As text; times in ms since 1970. */
export interface JournalRow {
  readonly fact: string;
  readonly source: string;
  readonly observedAt: number;
  readonly validUntil: number;
  /** The fact's place is empty from now on, whatever stood there. */
  readonly removed?: boolean;
}

/** A text of the state as it was written to `kb/state`. */
export interface KeptText {
  readonly revision: number;
  /** SHA-256 in hex. */
  readonly digest: string;
  /** gzip */
  readonly content: Buffer;
}

/** The version of the schema, kept in SQLite's `user_version`. */
export const JOURNAL_VERSION = 3;

const counter = sqliteTable('counter', {
  id: integer('id').primaryKey(),
  revision: integer('revision').notNull(),
});

const batches = sqliteTable('batches', {
  revision: integer('revision').primaryKey(),
  committedAt: integer('committed_at').notNull(),
});

const observations = sqliteTable(
  'observations',
  {
    revision: integer('revision').notNull(),
    position: integer('position').notNull(),
    fact: text('fact').notNull(),
    source: text('source').notNull(),
    observedAt: integer('observed_at').notNull(),
    validUntil: integer('valid_until').notNull(),
    removed: integer('removed', { mode: 'boolean' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.revision, table.position] })],
);

const texts = sqliteTable('texts', {
  revision: integer('revision').primaryKey(),
  digest: text('digest').notNull(),
  content: blob('content', { mode: 'buffer' }).notNull(),
});

/** Edited texts whose changes are journaled as that revision, until another text stands in their place. */
const edits = sqliteTable('edits', {
  revision: integer('revision').primaryKey(),
  digest: text('digest').notNull(),
  content: blob('content', { mode: 'buffer' }).notNull(),
});

/** What each version adds to the one before it. */
const MIGRATIONS: readonly (readonly string[])[] = [
  [
    'CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL) STRICT',
    'INSERT INTO counter VALUES (1, 0)',
    'CREATE TABLE batches (revision INTEGER PRIMARY KEY, committed_at INTEGER NOT NULL) STRICT',
    `CREATE TABLE observations (revision INTEGER NOT NULL, position INTEGER NOT NULL, fact TEXT NOT NULL,
       source TEXT NOT NULL, observed_at INTEGER NOT NULL, valid_until INTEGER NOT NULL,
       PRIMARY KEY (revision, position)) STRICT, WITHOUT ROWID`,
  ],
  [
    'ALTER TABLE observations ADD COLUMN removed INTEGER NOT NULL DEFAULT 0',
    'CREATE TABLE texts (revision INTEGER PRIMARY KEY, digest TEXT NOT NULL, content BLOB NOT NULL) STRICT',
    'CREATE TABLE edits (digest TEXT PRIMARY KEY) STRICT, WITHOUT ROWID',
    `CREATE TABLE alert_history (number INTEGER PRIMARY KEY, revision INTEGER NOT NULL, at INTEGER NOT NULL,
       alert TEXT NOT NULL, subject TEXT NOT NULL, severity TEXT NOT NULL, change TEXT NOT NULL) STRICT`,
    `CREATE TABLE deliveries (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL,
       body TEXT NOT NULL, queued_at INTEGER NOT NULL) STRICT`,
  ],
  [
    'DROP TABLE edits',
    'CREATE TABLE edits (revision INTEGER PRIMARY KEY, digest TEXT NOT NULL, content BLOB NOT NULL) STRICT',
  ],
];

export class Journal {
  readonly #file: Database.Database;
  /** For what is kept beside the batches; statements of it run in the transaction that is open. */
  readonly db: BetterSQLite3Database;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #log: number;
  readonly #flush: Flush;
  /** The log was not synced once: what it holds is safe only when it stands in the database. */
  #suspect = false;
  /** The counter as it stands: one agent holds the file, and it is asked for at every turn. */
  #last: number;
  #durable: number;

  private constructor(file: Database.Database, sync: SyncLog) {
    this.#file = file;
    this.db = drizzle(file);
    this.#statements = prepare(this.db, file);
    this.#log = openSync(`${file.name}-wal`, 'r+');
    // After a kill the log may be as the kernel has it, and not as the disk does.
    fdatasyncSync(this.#log);
    this.#last = this.#statements.last.get()?.revision ?? 0;
    this.#durable = this.#last;
    this.#flush = new Flush(async () => {
      const last = this.lastRevision;
      await this.#syncLog(sync);
      this.#durable = last;
    });
  }

  /**
   * Opens or makes the journal. Throws `bad_setup` when another agent has it or a newer version wrote it. A fault test
   * brings its own `sync`.
   */
  static open(path: string, sync: SyncLog = promisify(fdatasync)): Journal {
    let file: Database.Database | null = null;
    try {
      refuseNewer(path);
      file = new Database(path, { timeout: LOCK_WAIT_MS });
      file.pragma('locking_mode = EXCLUSIVE');
      file.pragma('journal_mode = WAL');
      // The first write makes the log: this way its place in the folder is synced too.
      file.pragma('synchronous = FULL');
      migrate(file);
      file.pragma('synchronous = NORMAL');
      return new Journal(file, sync);
    } catch (cause) {
      file?.close();
      throw setupError(cause, path);
    }
  }

  /** The last revision given out, 0 at first. */
  get lastRevision(): number {
    return this.#last;
  }

  /** The last revision that is known to be on the disk. */
  get durableRevision(): number {
    return this.#durable;
  }

  /** Resolves when everything stored so far is on the disk. Rejects with `not_stored`. */
  durable(): Promise<void> {
    return this.#flush.afterNow();
  }

  /** The first revision that still has its rows, null where there is none. */
  get firstRevision(): number | null {
    return this.#statements.first.get()?.revision ?? null;
  }

  /** When the last batch that is still there was stored, ms since 1970; null where there is none. */
  get lastCommittedAt(): number | null {
    return this.db.select().from(batches).orderBy(desc(batches.revision)).get()?.committedAt ?? null;
  }

  /**
   * Stores a batch and returns the revision that it makes; what `beside` stores, stands or falls with it. It is on the
   * disk when `durable` says so. Throws `not_stored`; then nothing of it is there.
   */
  append(rows: readonly JournalRow[], now: number, beside: (revision: number) => void = () => {}): number {
    const { step, batch, row } = this.#statements;
    this.#last = this.#stored(() => {
      const { revision } = step.get();
      batch.run({ revision, committedAt: now });
      rows.forEach(({ fact, source, observedAt, validUntil, removed }, position) => {
        row.run(revision, position, fact, source, observedAt, validUntil, removed === true ? 1 : 0);
      });
      beside(revision);
      return revision;
    });
    return this.#last;
  }

  /** Of a batch that was refused after it was stored: the revision stays, and changes nothing. */
  withdraw(revision: number): void {
    this.#stored(() => void this.db.delete(observations).where(eq(observations.revision, revision)).run());
  }

  /** The batch that made `revision`, in its order; null where the journal has none. */
  batch(revision: number): readonly JournalRow[] | null {
    if (this.#statements.has.get({ revision }) === undefined) return null;
    return this.#statements.rows.all({ revision });
  }

  /** The text is ahead of a journal that was lost: the counter goes on from the text. */
  continueFrom(revision: number): void {
    this.db.update(counter).set({ revision }).where(lt(counter.revision, revision)).run();
    this.#last = Math.max(this.#last, revision);
  }

  /** Forgets batches up to `revision`, a bounded number at a time. */
  prune(revision: number): void {
    const first = this.firstRevision;
    if (first === null || first > revision) return;
    const upTo = { revision: Math.min(revision, first + PRUNED_AT_ONCE) };
    const { forgetRows, forgetBatches } = this.#statements;
    this.#stored(() => {
      forgetRows.run(upTo);
      forgetBatches.run(upTo);
    });
  }

  /** Keeps a text that is about to be written. Throws `not_stored`. */
  keepText(kept: KeptText): void {
    this.#stored(() => void this.#statements.text.run({ ...kept }));
  }

  /** That text is on the disk: those before it, and edits of them, are of no use any more. */
  textWritten(revision: number): void {
    const { forgetTexts, forgetEdits } = this.#statements;
    this.#stored(() => {
      forgetTexts.run({ revision });
      forgetEdits.run();
    });
  }

  /** The texts of which one is on the disk, unless somebody edited it; the newest first. */
  keptTexts(): readonly KeptText[] {
    return this.db.select().from(texts).orderBy(desc(texts.revision)).all();
  }

  /** The edited text that was journaled last and may still be on the disk. */
  get lastEdit(): KeptText | null {
    return this.db.select().from(edits).orderBy(desc(edits.revision)).get() ?? null;
  }

  /** The changes that an operator made to a text, as one batch, with the text that he left. */
  appendEdit(rows: readonly JournalRow[], now: number, edited: Omit<KeptText, 'revision'>): number {
    const { digest, content } = edited;
    return this.append(rows, now, (revision) => {
      this.db.insert(edits).values({ revision, digest, content }).run();
    });
  }

  /** A text of ours stands where the edited one stood. */
  editReplaced(): void {
    this.#stored(() => void this.#statements.forgetEdits.run());
  }

  close(): void {
    this.#file.close();
    void this.#flush.settled().then(() => closeSync(this.#log));
  }

  /**
   * A kernel that could not write a page forgets that it has to: after a failed sync the log is not trusted until a checkpoint
   * has brought it into the database, and synced that.
   */
  async #syncLog(sync: SyncLog): Promise<void> {
    if (!this.#suspect) {
      try {
        return await sync(this.#log);
      } catch {
        this.#suspect = true;
      }
    }
    try {
      this.#file.pragma('wal_checkpoint(TRUNCATE)');
      await sync(this.#log);
      this.#suspect = false;
    } catch (cause) {
      throw new LogicError('not_stored', 'The journal cannot be synced to the disk.', cause);
    }
  }

  #stored<T>(work: () => T): T {
    try {
      return this.#file.transaction(work).immediate();
    } catch (cause) {
      if (cause instanceof Database.SqliteError) {
        throw new LogicError('not_stored', `The journal cannot be written (${cause.code}).`, cause);
      }
      throw cause;
    }
  }
}

/** Syncs an open file. */
type SyncLog = (file: number) => Promise<void>;

/** How long a start waits for the lock of an agent that is just leaving. */
const LOCK_WAIT_MS = 1_000;
const PRUNED_AT_ONCE = 1_000;

/** Made once: making a statement costs more than running it. */
function prepare(db: BetterSQLite3Database, file: Database.Database) {
  const revision = sql.placeholder('revision');
  const { fact, source, observedAt, validUntil, removed } = observations;
  return {
    last: db.select({ revision: counter.revision }).from(counter).prepare(),
    step: db
      .update(counter)
      .set({ revision: sql`${counter.revision} + 1` })
      .returning({ revision: counter.revision })
      .prepare(),
    batch: db
      .insert(batches)
      .values({ revision, committedAt: sql.placeholder('committedAt') })
      .prepare(),
    // Ten thousand a second: the driver's own statement takes half the time.
    row: file.prepare('INSERT INTO observations VALUES (?, ?, ?, ?, ?, ?, ?)'),
    has: db.select().from(batches).where(eq(batches.revision, revision)).prepare(),
    rows: db
      .select({ fact, source, observedAt, validUntil, removed })
      .from(observations)
      .where(eq(observations.revision, revision))
      .orderBy(asc(observations.position))
      .prepare(),
    first: db
      .select({ revision: min(batches.revision) })
      .from(batches)
      .prepare(),
    forgetRows: db.delete(observations).where(lte(observations.revision, revision)).prepare(),
    forgetBatches: db.delete(batches).where(lte(batches.revision, revision)).prepare(),
    text: db
      .insert(texts)
      .values({ revision, digest: sql.placeholder('digest'), content: sql.placeholder('content') })
      .onConflictDoUpdate({
        target: texts.revision,
        set: { digest: sql`excluded.digest`, content: sql`excluded.content` },
      })
      .prepare(),
    forgetTexts: db.delete(texts).where(lt(texts.revision, revision)).prepare(),
    forgetEdits: db.delete(edits).prepare(),
  };
}

/** Looks without writing, so that a file of a newer version stays as it is, byte for byte. */
function refuseNewer(path: string): void {
  if (!existsSync(path) || statSync(path).size === 0) return;
  const file = new Database(path, { readonly: true, timeout: LOCK_WAIT_MS });
  try {
    const version = Number(file.pragma('user_version', { simple: true }));
    if (version <= JOURNAL_VERSION) return;
    throw new LogicError(
      'bad_setup',
      `${path} was written by a newer version of this program (journal ${version}, this one reads ${JOURNAL_VERSION}). Install that version, or move the file away.`,
    );
  } finally {
    file.close();
  }
}

function migrate(file: Database.Database): void {
  file
    .transaction(() => {
      const version = Number(file.pragma('user_version', { simple: true }));
      for (const statement of MIGRATIONS.slice(version).flat()) file.exec(statement);
      // Written even when unchanged: the first write takes the exclusive lock, which is then held until close.
      file.pragma(`user_version = ${JOURNAL_VERSION}`);
    })
    .exclusive();
}

function setupError(cause: unknown, path: string): LogicError {
  if (cause instanceof LogicError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code.startsWith('SQLITE_BUSY')) {
    return new LogicError('bad_setup', `${path} is in use: another agent runs on this data folder.`, cause);
  }
  const said = cause instanceof Error ? cause.message : String(cause);
  return new LogicError('bad_setup', `${path} cannot be opened: ${said}.`, cause);
}
