/** The history as it is read while a coordinator runs: lists, single rows, and what a site answered last. Reading waits for no writer. */
import { existsSync } from 'node:fs';
import { OUTCOMES, type Outcome } from '@fleet/shared/api/ask.ts';
import type { HistoryListing, HistoryPage, HistoryRow, historyInput } from '@fleet/shared/api/history.ts';
import {
  and,
  type BetterSQLite3Database,
  desc,
  drizzle,
  eq,
  inArray,
  lt,
  or,
  type SQL,
  sql,
} from '@fleet/shared/drizzle.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import Database from 'better-sqlite3';
import type { z } from 'zod';
import { decode, LETTERS, unpack } from './content.ts';
import { type LastAnswers, type MacKey, macHolds, readKept } from './last-known.ts';
import { contents, lastKnown, rows, siteSets } from './tables.ts';

type Filter = z.output<typeof historyInput>;

export class HistoryReader {
  readonly #path: string;
  #file: Database.Database | null = null;
  #db: BetterSQLite3Database | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  list(filter: Filter): HistoryPage {
    const db = this.#open();
    if (db === null) return { rows: [], more: false };
    const found = db
      .select()
      .from(rows)
      .where(and(...this.#conditions(db, filter)))
      .orderBy(desc(rows.id))
      .limit(filter.limit + 1)
      .all();
    return { rows: found.slice(0, filter.limit).map(listing), more: found.length > filter.limit };
  }

  /** @throws LogicError `not_found` */
  async row(id: number): Promise<HistoryRow> {
    const kept = this.#open()?.select().from(contents).where(eq(contents.id, id)).get();
    if (kept === undefined) throw new LogicError('not_found', `the history has no row ${id}`);
    return (await decode(id, await unpack(kept.content))).row;
  }

  listing(id: number): HistoryListing | null {
    const row = this.#open()?.select().from(rows).where(eq(rows.id, id)).get();
    return row === undefined ? null : listing(row);
  }

  /** Numbers of the last runs of a question, the newest first. */
  lastRuns(question: string, most: number): number[] {
    const ids = this.#open()
      ?.select({ id: rows.id })
      .from(rows)
      .where(and(eq(rows.question, question), eq(rows.kind, 'run')))
      .orderBy(desc(rows.id))
      .limit(most)
      .all();
    return (ids ?? []).map(({ id }) => id);
  }

  lastKnown(question: string, site: string, key: MacKey): LastAnswers | null {
    const kept = this.#open()
      ?.select()
      .from(lastKnown)
      .where(and(eq(lastKnown.question, question), eq(lastKnown.site, site)))
      .get();
    return kept !== undefined && macHolds(kept, key) ? readKept(kept) : null;
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
    this.#db = null;
  }

  #open(): BetterSQLite3Database | null {
    if (this.#db !== null || !existsSync(this.#path)) return this.#db;
    try {
      this.#file = new Database(this.#path, { readonly: true });
      this.#db = drizzle(this.#file);
    } catch (cause) {
      throw new LogicError('history_not_kept', 'the history cannot be opened', cause);
    }
    return this.#db;
  }

  #conditions(db: BetterSQLite3Database, { before, query, site, outcome }: Filter): (SQL | undefined)[] {
    return [
      before === undefined ? undefined : lt(rows.id, before),
      query === undefined ? undefined : sql`instr(${rows.query}, ${query}) > 0`,
      site !== undefined
        ? ofSite(db, site, outcome)
        : outcome && sql`instr(${rows.outcomes}, ${LETTERS[outcome]}) > 0`,
    ];
  }
}

/** Rows whose list of targets has the site, and where it is given, with that outcome at the site's place in the list. */
function ofSite(db: BetterSQLite3Database, site: string, outcome: Outcome | undefined): SQL | undefined {
  const named = db
    .select()
    .from(siteSets)
    .where(sql`instr(${siteSets.sites}, ${JSON.stringify(site)}) > 0`)
    .all()
    .flatMap(({ digest, sites }) => {
      const place = (JSON.parse(sites) as string[]).indexOf(site);
      return place < 0 ? [] : [{ digest, place }];
    });
  if (named.length === 0) return sql`false`;
  if (outcome === undefined)
    return inArray(
      rows.siteSet,
      named.map(({ digest }) => digest),
    );
  const byPlace = Map.groupBy(named, ({ place }) => place);
  const letter = LETTERS[outcome];
  return or(
    ...[...byPlace].map(([place, sets]) =>
      and(
        inArray(
          rows.siteSet,
          sets.map(({ digest }) => digest),
        ),
        sql`substr(${rows.outcomes}, ${place + 1}, 1) = ${letter}`,
      ),
    ),
  );
}

const NAMES = new Map(OUTCOMES.map((outcome) => [LETTERS[outcome], outcome]));

function listing(row: typeof rows.$inferSelect): HistoryListing {
  const { id, kind, of, times, at, ms, askedBy, query, complete, targets, answers, hash } = row;
  const outcomes: Record<string, number> = {};
  for (const letter of row.outcomes) {
    const name = NAMES.get(letter) ?? letter;
    outcomes[name] = (outcomes[name] ?? 0) + 1;
  }
  return { id, kind, of, times, at, ms, askedBy, query, complete, targets, answers, outcomes, hash };
}
