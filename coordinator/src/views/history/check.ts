/**
 * Looks at every row of a history: is each where the chain has it, is its content what was hashed, do the columns it is found by
 * follow from that, does the chain end where the signed head says, and does the checkpoint beside it agree? It reads the file
 * alone, in one read transaction, whether a coordinator runs or not, and changes nothing.
 */
import { hash, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { HistoryCheck, HistoryFault } from '@fleet/shared/api/history.ts';
import { asc, type BetterSQLite3Database, drizzle, eq, gt } from '@fleet/shared/drizzle.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import Database from 'better-sqlite3';
import { asideOf, checkpointOf } from './aside.ts';
import { canonicalJson } from './canonical.ts';
import { EMPTY, headHolds, readCheckpoint, rowHash, type SignedHead } from './chain.ts';
import { decode, unpack } from './content.ts';
import { type MacKey, macHolds } from './last-known.ts';
import { contents, heads, lastKnown, rows, siteSets, VERSION } from './tables.ts';

export interface CheckOptions {
  readonly publicKey: KeyObject;
  /** Where last known answers shall be checked too. */
  readonly macKey?: MacKey;
  /** Text of a checkpoint that was kept elsewhere. */
  readonly against?: string;
}

/** Rows read at once, and faults that are listed. */
const ROWS_AT_ONCE = 20;
const FAULTS = 100;

/** @throws LogicError `not_found` where there is no history, `bad_setup` where it cannot be read as one */
export async function checkHistory(file: string, options: CheckOptions): Promise<HistoryCheck> {
  if (!existsSync(file)) throw new LogicError('not_found', `no history is at ${file}`);
  let sqlite: Database.Database | null = null;
  try {
    sqlite = new Database(file, { readonly: true });
    const version = Number(sqlite.pragma('user_version', { simple: true }));
    if (version > VERSION) throw new LogicError('bad_setup', `${file} was written by a newer version`);
    sqlite.exec('BEGIN');
    return await new Checking(file, drizzle(sqlite), options).run();
  } catch (cause) {
    if (cause instanceof LogicError) throw cause;
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new LogicError('history_broken', `${file} cannot be read as a history: ${said}`, cause);
  } finally {
    sqlite?.close();
  }
}

type Row = typeof rows.$inferSelect;

class Checking {
  readonly #file: string;
  readonly #db: BetterSQLite3Database;
  readonly #options: CheckOptions;
  readonly #faults: HistoryCheck['faults'][number][] = [];
  /** Hashes that a checkpoint may speak of. */
  readonly #hashes = new Map<number, string>();

  constructor(file: string, db: BetterSQLite3Database, options: CheckOptions) {
    this.#file = file;
    this.#db = db;
    this.#options = options;
  }

  async run(): Promise<HistoryCheck> {
    const head = this.#head();
    const { count, last } = await this.#rows(head);
    this.#end(head, last);
    const beside = checkpointOf(this.#file);
    if (existsSync(beside)) this.#checkpoint('beside it', readFileSync(beside, 'utf8'), head);
    else if (head.last > 0) this.#fault('checkpoint', null, 'there is no checkpoint beside it');
    if (this.#options.against !== undefined) this.#checkpoint('kept elsewhere', this.#options.against, head);
    this.#lastKnown();
    for (const name of asideOf(this.#file))
      this.#fault('aside', null, `${name} was found changed at a start and moved aside`);
    return {
      ok: this.#faults.length === 0,
      rows: count,
      first: head.first,
      last: head.last,
      hash: head.hash,
      faults: this.#faults,
    };
  }

  #fault(fault: HistoryFault, id: number | null, what: string): null {
    if (this.#faults.length < FAULTS) this.#faults.push({ fault, id, what });
    return null;
  }

  #head(): Omit<SignedHead, 'at' | 'signature'> {
    const head = this.#db.select().from(heads).get();
    if (head === undefined) {
      if (this.#db.select().from(rows).limit(1).get() !== undefined)
        this.#fault('unsigned', null, 'there are rows and no signed head');
      return EMPTY;
    }
    if (!headHolds(head, this.#options.publicKey))
      this.#fault('unsigned', null, "the head is not signed with this coordinator's key");
    return head;
  }

  async #rows(head: {
    first: number;
    before: string;
    last: number;
  }): Promise<{ count: number; last: Row | null }> {
    let count = 0;
    let expected = head.first;
    let before: string | null = head.before;
    let last: Row | null = null;
    for await (const [row, content] of this.#each()) {
      count += 1;
      if (row.id < head.first)
        this.#fault('unsigned', row.id, 'older than the first row that the head knows');
      if (row.id > head.last) this.#fault('unsigned', row.id, 'newer than the last row that the head knows');
      if (row.id > expected) {
        const gap = row.id - 1 === expected ? `row ${expected} is` : `rows ${expected} to ${row.id - 1} are`;
        this.#fault('missing', expected, `${gap} not there`);
        before = null;
      }
      await this.#row(row, content, before);
      this.#hashes.set(row.id, row.hash);
      before = row.hash;
      expected = row.id + 1;
      last = row;
    }
    return { count, last };
  }

  async *#each(): AsyncGenerator<[Row, Buffer | null]> {
    for (let after = -1; ; ) {
      const found = this.#db
        .select()
        .from(rows)
        .leftJoin(contents, eq(contents.id, rows.id))
        .where(gt(rows.id, after))
        .orderBy(asc(rows.id))
        .limit(ROWS_AT_ONCE)
        .all();
      for (const { rows: row, contents: content } of found) yield [row, content?.content ?? null];
      const end = found.at(-1);
      if (end === undefined) return;
      after = end.rows.id;
    }
  }

  async #row(row: Row, packed: Buffer | null, before: string | null): Promise<null> {
    if (before !== null && rowHash({ id: row.id, before, digest: row.digest }) !== row.hash)
      this.#fault('edited', row.id, 'its hash does not follow from its digest and the row before it');
    if (packed === null) return this.#fault('missing', row.id, 'its content is not there');
    const content = await unpack(packed).catch(() => null);
    if (content === null) return this.#fault('unreadable', row.id, 'its content cannot be unpacked');
    if (hash('sha256', content) !== row.digest)
      return this.#fault('edited', row.id, 'its content is not what was hashed');
    const { columns, sites } = await decode(row.id, content);
    const { id: _, digest: __, hash: ___, bytes, ...shown } = row;
    if (canonicalJson(shown) !== canonicalJson(columns) || bytes !== packed.length)
      this.#fault('index', row.id, 'the columns it is found by do not follow from its content');
    const set = this.#db.select().from(siteSets).where(eq(siteSets.digest, columns.siteSet)).get();
    if (
      set === undefined ||
      (sites !== null && sites !== set.sites) ||
      hash('sha256', set.sites) !== set.digest
    )
      this.#fault('index', row.id, 'its list of sites is another');
    return null;
  }

  #end(head: { first: number; last: number; hash: string }, last: Row | null): void {
    const end = last?.id ?? head.first - 1;
    if (end < head.last)
      this.#fault(
        'truncated',
        end + 1,
        `the head knows rows up to ${head.last}, the last one there is ${end}`,
      );
    if (end === head.last && last !== null && last.hash !== head.hash)
      this.#fault('head', last.id, 'the last row is not the one that the head was signed for');
  }

  #checkpoint(which: string, text: string, head: { first: number; last: number; hash: string }): null {
    const checkpoint = readCheckpoint(text);
    if (checkpoint === null || !headHolds(checkpoint, this.#options.publicKey))
      return this.#fault('checkpoint', null, `the checkpoint ${which} is not signed by this coordinator`);
    const { last, at } = checkpoint;
    if (last > head.last)
      return this.#fault(
        'truncated',
        last,
        `the checkpoint ${which} of ${new Date(at).toISOString()} knows rows up to ${last}, the head up to ${head.last}`,
      );
    if (last >= head.first && this.#hashes.get(last) !== checkpoint.hash)
      this.#fault('checkpoint', last, `the checkpoint ${which} knows another row ${last}`);
    return null;
  }

  #lastKnown(): void {
    const { macKey } = this.#options;
    if (macKey === undefined) return;
    for (const row of this.#db.select().from(lastKnown).all())
      if (!macHolds(row, macKey))
        this.#fault('last_known', null, `what ${row.site} answered last was changed`);
  }
}
