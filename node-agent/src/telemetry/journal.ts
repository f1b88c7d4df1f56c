/**
 * The journal: every batch of observations under the revision that it makes, in SQLite. The revision is assigned
 * in the transaction that stores the batch, and a batch is acknowledged when that has committed to the disk
 * (WAL, synchronous=FULL), before Prolog hears of it: what Prolog holds at revision R is therefore the text plus
 * rows up to R, on every replay. One agent holds the file exclusively.
 */

import { LogicError } from '@fleet/shared/errors.ts';
import Database from 'better-sqlite3';
import { asc, eq, lt, lte, min, sql } from 'drizzle-orm';
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3';
import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** One observed fact with its evidence, as text; times in ms since 1970. The same shape that /commit takes. */
export interface JournalRow {
  readonly fact: string;
  readonly source: string;
  readonly observedAt: number;
  readonly validUntil: number;
}

/** The version of the schema, kept in SQLite's `user_version`. */
export const JOURNAL_VERSION = 1;

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
  },
  (table) => [primaryKey({ columns: [table.revision, table.position] })],
);

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
];

export class Journal {
  readonly #file: Database.Database;
  readonly #db: BetterSQLite3Database;

  private constructor(file: Database.Database) {
    this.#file = file;
    this.#db = drizzle(file);
  }

  /** Opens or makes the journal. Throws `bad_setup` when another agent has it or a newer version wrote it. */
  static open(path: string): Journal {
    let file: Database.Database | null = null;
    try {
      file = new Database(path, { timeout: LOCK_WAIT_MS });
      file.pragma('locking_mode = EXCLUSIVE');
      file.pragma('journal_mode = WAL');
      file.pragma('synchronous = FULL');
      migrate(file, path);
      return new Journal(file);
    } catch (cause) {
      file?.close();
      throw setupError(cause, path);
    }
  }

  /** The last revision given out, 0 at first. */
  get lastRevision(): number {
    return this.#db.select({ revision: counter.revision }).from(counter).get()?.revision ?? 0;
  }

  /** The first revision that still has its rows, null where there is none. */
  get firstRevision(): number | null {
    return (
      this.#db
        .select({ revision: min(batches.revision) })
        .from(batches)
        .get()?.revision ?? null
    );
  }

  /** Stores a batch and returns the revision that it makes. On the disk when this returns. */
  append(rows: readonly JournalRow[], now: number): number {
    return this.#db.transaction(
      (tx) => {
        const next = sql`${counter.revision} + 1`;
        const { revision } = tx
          .update(counter)
          .set({ revision: next })
          .returning({ revision: counter.revision })
          .get();
        tx.insert(batches).values({ revision, committedAt: now }).run();
        const insert = tx.insert(observations).values(PLACEHOLDERS).prepare();
        rows.forEach((row, position) => void insert.run({ revision, position, ...row }));
        return revision;
      },
      { behavior: 'immediate' },
    );
  }

  /** The batch that made `revision`, in its order; null where the journal has none. */
  batch(revision: number): readonly JournalRow[] | null {
    const found = this.#db.select().from(batches).where(eq(batches.revision, revision)).get();
    if (found === undefined) return null;
    const { fact, source, observedAt, validUntil } = observations;
    return this.#db
      .select({ fact, source, observedAt, validUntil })
      .from(observations)
      .where(eq(observations.revision, revision))
      .orderBy(asc(observations.position))
      .all();
  }

  /** The text is ahead of a journal that was lost: the counter goes on from the text. */
  continueFrom(revision: number): void {
    this.#db.update(counter).set({ revision }).where(lt(counter.revision, revision)).run();
  }

  /** Forgets batches up to `revision`, a bounded number at a time. */
  prune(revision: number): void {
    const first = this.firstRevision;
    if (first === null || first > revision) return;
    const upTo = Math.min(revision, first + PRUNED_AT_ONCE);
    this.#db.transaction((tx) => {
      tx.delete(observations).where(lte(observations.revision, upTo)).run();
      tx.delete(batches).where(lte(batches.revision, upTo)).run();
    });
  }

  close(): void {
    this.#file.close();
  }
}

/** How long a start waits for the lock of an agent that is just leaving. */
const LOCK_WAIT_MS = 1_000;
const PRUNED_AT_ONCE = 1_000;

const PLACEHOLDERS = {
  revision: sql.placeholder('revision'),
  position: sql.placeholder('position'),
  fact: sql.placeholder('fact'),
  source: sql.placeholder('source'),
  observedAt: sql.placeholder('observedAt'),
  validUntil: sql.placeholder('validUntil'),
};

function migrate(file: Database.Database, path: string): void {
  const version = Number(file.pragma('user_version', { simple: true }));
  if (version > JOURNAL_VERSION) {
    throw new LogicError(
      'bad_setup',
      `${path} was written by a newer version of this program (journal ${version}, this one reads ${JOURNAL_VERSION}). Install that version, or move the file away.`,
    );
  }
  file
    .transaction(() => {
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
