/**
 * What is kept about alerts, in the journal's file: the history of changes, and the deliveries that no receiver has
 * taken yet. Both are written in the transaction that journals the changes, so each change is in all three or in none.
 */
import type { AlertChange, AlertChangeKind, Severity } from '@fleet/shared/api/alerts.ts';
import { ALERT_HISTORY } from '@fleet/shared/limits.ts';
import { asc, count, desc, eq, lte, max, notInArray } from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { Journal } from '../journal.ts';

const history = sqliteTable('alert_history', {
  number: integer('number').primaryKey(),
  revision: integer('revision').notNull(),
  at: integer('at').notNull(),
  alert: text('alert').notNull(),
  subject: text('subject').notNull(),
  severity: text('severity').$type<Severity>().notNull(),
  change: text('change').$type<AlertChangeKind>().notNull(),
});

const deliveries = sqliteTable('deliveries', {
  number: integer('number').primaryKey({ autoIncrement: true }),
  id: text('id').notNull(),
  url: text('url').notNull(),
  body: text('body').notNull(),
  queuedAt: integer('queued_at').notNull(),
});

/** One webhook call that is owed. */
export interface Delivery {
  /** The same at every try, so that a receiver can tell a repetition. */
  readonly id: string;
  readonly url: string;
  /** JSON */
  readonly body: string;
  /** ms since 1970 */
  readonly queuedAt: number;
}

export class AlertLedger {
  readonly #db: BetterSQLite3Database;

  constructor(journal: Journal) {
    this.#db = journal.db;
  }

  /** Inside the transaction that journals the changes. */
  record(changes: readonly AlertChange[], owed: readonly Delivery[]): void {
    for (const change of changes) this.#db.insert(history).values(change).run();
    for (const delivery of owed) this.#db.insert(deliveries).values(delivery).run();
    const last = this.#db
      .select({ number: max(history.number) })
      .from(history)
      .get()?.number;
    this.#db
      .delete(history)
      .where(lte(history.number, (last ?? 0) - ALERT_HISTORY))
      .run();
  }

  /** The last changes, the newest first. */
  history(most: number): readonly AlertChange[] {
    const { revision, at, alert, subject, severity, change } = history;
    return this.#db
      .select({ alert, subject, severity, change, at, revision })
      .from(history)
      .orderBy(desc(history.number))
      .limit(most)
      .all();
  }

  /** The delivery that is owed longest to that address. */
  nextDelivery(url: string): Delivery | null {
    const { id, body, queuedAt } = deliveries;
    const found = this.#db
      .select({ id, url: deliveries.url, body, queuedAt })
      .from(deliveries)
      .where(eq(deliveries.url, url))
      .orderBy(asc(deliveries.number))
      .get();
    return found ?? null;
  }

  /** Its receiver has it. */
  delivered(id: string): void {
    this.#db.delete(deliveries).where(eq(deliveries.id, id)).run();
  }

  get undelivered(): number {
    return this.#db.select({ owed: count() }).from(deliveries).get()?.owed ?? 0;
  }

  /** Addresses that are configured no more are owed nothing; returns how many deliveries that were. */
  forgetOthers(urls: readonly string[]): number {
    return this.#db
      .delete(deliveries)
      .where(notInArray(deliveries.url, [...urls]))
      .run().changes;
  }
}
