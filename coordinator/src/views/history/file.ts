/**
 * The history's SQLite file as its one writer has it: rows in a chain, a signed head, and the answers that each site gave last to
 * each question. Content stands in a table of its own, so that a search reads none of it. A batch of rows, what retention
 * takes away, and the new head are one transaction with one fsync; the head is then written beside the file as text.
 *
 * A history that somebody changed is not gone on with, for the next signature would make the change look right. It is moved
 * aside, whole and by name, and a new one begins (aside.ts).
 */
import type { KeyObject } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  asc,
  type BetterSQLite3Database,
  desc,
  drizzle,
  eq,
  getTableColumns,
  lte,
  notInArray,
  type Placeholder,
  type SQL,
  type SQLiteTable,
  sql,
  sum,
} from '@fleet/shared/drizzle.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import {
  HISTORY_AGE_MS,
  HISTORY_BYTES,
  HISTORY_PRUNED_AT_ONCE,
  HISTORY_ROWS,
  HISTORY_ROWS_LEAST,
  LAST_KNOWN_QUESTIONS,
} from '@fleet/shared/limits.ts';
import Database from 'better-sqlite3';
import { checkpointOf, moveAside } from './aside.ts';
import { checkpointText, EMPTY, type Head, rowHash, type SignedHead, signHead } from './chain.ts';
import type { Encoded } from './content.ts';
import type { KeptAnswers } from './last-known.ts';
import { contents, heads, lastKnown, MIGRATIONS, questions, rows, siteSets, VERSION } from './tables.ts';

/** What retention keeps. */
export interface Kept {
  readonly rows: number;
  readonly ageMs: number;
  readonly bytes: number;
  readonly rowsLeast: number;
}
export const KEPT: Kept = {
  rows: HISTORY_ROWS,
  ageMs: HISTORY_AGE_MS,
  bytes: HISTORY_BYTES,
  rowsLeast: HISTORY_ROWS_LEAST,
};

export interface HistoryKeys {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface Opening {
  readonly keys: HistoryKeys;
  readonly kept?: Kept | undefined;
  /** Largest size of the file in SQLite's pages: a disk that is full, for tests. */
  readonly pages?: number | undefined;
  readonly now: number;
}

export interface Batch {
  readonly rows: readonly Encoded[];
  readonly lastKnown: readonly KeptAnswers[];
}

interface Pruned {
  readonly upTo: number;
  readonly hash: string;
  readonly bytes: number;
}

export class HistoryFile {
  readonly #path: string;
  readonly #keys: HistoryKeys;
  readonly #kept: Kept;
  readonly #file: Database.Database;
  readonly #db: BetterSQLite3Database;
  readonly #statements: ReturnType<typeof prepare>;
  #head: Omit<Head, 'at'>;
  #bytes: number;
  /** Where a history is that somebody had changed; null where all was well. */
  readonly movedAside: string | null;

  private constructor(path: string, { keys, kept = KEPT, pages, now }: Opening) {
    this.#path = path;
    this.#keys = keys;
    this.#kept = kept;
    mkdirSync(dirname(path), { recursive: true });
    this.movedAside = moveAside(path, keys.publicKey, now);
    this.#file = openFile(path);
    if (pages !== undefined) this.#file.pragma(`max_page_count = ${pages}`);
    this.#db = drizzle(this.#file);
    this.#statements = prepare(this.#db);
    this.#head = this.#db.select().from(heads).get() ?? EMPTY;
    this.#bytes =
      this.#db
        .select({ bytes: sum(rows.bytes).mapWith(Number) })
        .from(rows)
        .get()?.bytes ?? 0;
  }

  /** Opens or makes the history. @throws LogicError `history_not_kept`, or `bad_setup` for one of a newer version */
  static open(path: string, opening: Opening): HistoryFile {
    try {
      return new HistoryFile(path, opening);
    } catch (cause) {
      throw notKept(cause);
    }
  }

  /**
   * Adds rows in their order and gives their numbers; all of them are on the disk when this returns, or none.
   * @throws LogicError `history_not_kept`
   */
  append(batch: Batch, now: number): readonly number[] {
    try {
      const { head, bytes, ids } = this.#file.transaction(() => this.#write(batch, now)).immediate();
      this.#head = head;
      this.#bytes = bytes;
      writeCheckpoint(checkpointOf(this.#path), head);
      return ids;
    } catch (cause) {
      throw notKept(cause);
    }
  }

  close(): void {
    this.#file.close();
  }

  #write(batch: Batch, now: number): { head: SignedHead; bytes: number; ids: number[] } {
    let { first, before, last, hash } = this.#head;
    let bytes = this.#bytes;
    const ids: number[] = [];
    for (const entry of batch.rows) {
      last += 1;
      hash = rowHash({ id: last, before: hash, digest: entry.digest });
      this.#insert(last, hash, entry);
      bytes += entry.packed.length;
      ids.push(last);
    }
    this.#keepLastKnown(batch.lastKnown, now);
    const pruned = this.#prune(last, bytes, now);
    if (pruned !== null) {
      first = pruned.upTo + 1;
      before = pruned.hash;
      bytes -= pruned.bytes;
    }
    const head = signHead({ first, before, last, hash, at: now }, this.#keys.privateKey);
    this.#statements.head.run(head);
    return { head, bytes, ids };
  }

  #insert(id: number, hash: string, { columns, sites, digest, packed }: Encoded): void {
    const { siteSet, row, content } = this.#statements;
    siteSet.run({ digest: columns.siteSet, sites });
    row.run({ id, ...columns, digest, hash, bytes: packed.length });
    content.run({ id, content: packed });
  }

  /** Takes away the oldest rows that are past what is kept, a bounded number at once. */
  #prune(last: number, bytes: number, now: number): Pruned | null {
    let pruned: Pruned | null = null;
    for (const row of this.#statements.oldest.all()) {
      const left = last - row.id + 1;
      const freed: number = pruned?.bytes ?? 0;
      const over =
        left > this.#kept.rows || bytes - freed > this.#kept.bytes || row.at < now - this.#kept.ageMs;
      if (!over || left <= this.#kept.rowsLeast) break;
      pruned = { upTo: row.id, hash: row.hash, bytes: freed + row.bytes };
    }
    if (pruned === null) return null;
    this.#db.delete(rows).where(lte(rows.id, pruned.upTo)).run();
    this.#db.delete(contents).where(lte(contents.id, pruned.upTo)).run();
    const used = this.#db.selectDistinct({ digest: rows.siteSet }).from(rows);
    this.#db.delete(siteSets).where(notInArray(siteSets.digest, used)).run();
    return pruned;
  }

  #keepLastKnown(kept: readonly KeptAnswers[], now: number): void {
    if (kept.length === 0) return;
    for (const question of new Set(kept.map((one) => one.question)))
      this.#statements.question.run({ question, at: now });
    for (const row of kept) this.#statements.lastKnown.run({ ...row });
    for (const { question } of this.#statements.staleQuestions.all()) {
      this.#db.delete(lastKnown).where(eq(lastKnown.question, question)).run();
      this.#db.delete(questions).where(eq(questions.question, question)).run();
    }
  }
}

type Slots<T extends SQLiteTable> = { [Name in keyof T['$inferInsert']]-?: Placeholder };

/** A placeholder for each column, of the column's name. */
function slots<T extends SQLiteTable>(table: T): Slots<T> {
  const names = Object.keys(getTableColumns(table));
  return Object.fromEntries(names.map((name) => [name, sql.placeholder(name)])) as Slots<T>;
}

/** In an upsert: every column as the new row has it. */
function excluded(table: SQLiteTable): Record<string, SQL> {
  const columns = Object.entries(getTableColumns(table));
  return Object.fromEntries(columns.map(([name, column]) => [name, sql.raw(`excluded."${column.name}"`)]));
}

/** Made once: making a statement costs more than running it. */
function prepare(db: BetterSQLite3Database) {
  return {
    siteSet: db.insert(siteSets).values(slots(siteSets)).onConflictDoNothing().prepare(),
    row: db.insert(rows).values(slots(rows)).prepare(),
    content: db.insert(contents).values(slots(contents)).prepare(),
    head: db
      .insert(heads)
      .values({ ...slots(heads), id: 1 })
      .onConflictDoUpdate({ target: heads.id, set: excluded(heads) })
      .prepare(),
    oldest: db
      .select({ id: rows.id, at: rows.at, hash: rows.hash, bytes: rows.bytes })
      .from(rows)
      .orderBy(asc(rows.id))
      .limit(HISTORY_PRUNED_AT_ONCE)
      .prepare(),
    question: db
      .insert(questions)
      .values(slots(questions))
      .onConflictDoUpdate({ target: questions.question, set: { at: sql`excluded.at` } })
      .prepare(),
    lastKnown: db
      .insert(lastKnown)
      .values(slots(lastKnown))
      .onConflictDoUpdate({ target: [lastKnown.question, lastKnown.site], set: excluded(lastKnown) })
      .prepare(),
    staleQuestions: db
      .select({ question: questions.question })
      .from(questions)
      .orderBy(desc(questions.at))
      .limit(LAST_KNOWN_QUESTIONS)
      .offset(LAST_KNOWN_QUESTIONS)
      .prepare(),
  };
}

function openFile(path: string): Database.Database {
  const file = new Database(path);
  try {
    file.pragma('journal_mode = WAL');
    file.pragma('synchronous = FULL');
    file.pragma('busy_timeout = 5000');
    const version = Number(file.pragma('user_version', { simple: true }));
    if (version > VERSION)
      throw new LogicError(
        'bad_setup',
        `${path} was written by a newer version (history ${version}, this one reads ${VERSION})`,
      );
    file
      .transaction(() => {
        for (const statement of MIGRATIONS.slice(version).flat()) file.exec(statement);
        file.pragma(`user_version = ${VERSION}`);
      })
      .immediate();
    return file;
  } catch (cause) {
    file.close();
    throw cause;
  }
}

/** By rename, so that there is a whole one at any moment. It may lag behind the file after a crash, never lead. */
function writeCheckpoint(path: string, head: SignedHead): void {
  const draft = `${path}.new`;
  writeFileSync(draft, checkpointText(head));
  renameSync(draft, path);
}

function notKept(cause: unknown): LogicError {
  if (cause instanceof LogicError) return cause;
  const { code = 'unknown', message = String(cause) } = cause as Partial<NodeJS.ErrnoException>;
  return new LogicError('history_not_kept', `the history cannot be written (${code}: ${message})`, cause);
}
