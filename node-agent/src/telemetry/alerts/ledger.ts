/**
 * What is kept about alerts, in the journal's file: the history of changes, and the deliveries that no receiver has
 * taken yet. Both are written in the transaction that journals the changes, so each change is in all three or in none.
 */
import { type Delivery, DeliveryQueue } from '@fleet/shared/alerts/queue.ts';
import type { AlertChange, AlertChangeKind, Severity } from '@fleet/shared/api/alerts.ts';
import {
  type BetterSQLite3Database,
  desc,
  integer,
  lte,
  max,
  sqliteTable,
  text,
} from '@fleet/shared/drizzle.ts';
import { ALERT_HISTORY } from '@fleet/shared/limits.ts';
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

export class AlertLedger {
  readonly #db: BetterSQLite3Database;
  readonly queue: DeliveryQueue;

  constructor(journal: Journal) {
    this.#db = journal.db;
    this.queue = new DeliveryQueue(journal.db);
  }

  /** Inside the transaction that journals the changes. */
  record(changes: readonly AlertChange[], owed: readonly Delivery[]): void {
    for (const change of changes) this.#db.insert(history).values(change).run();
    this.queue.add(owed);
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

  get undelivered(): number {
    return this.queue.undelivered;
  }
}
