/**
 * What is owed to webhooks, in the SQLite file of whoever owes it, so that a change and its deliveries are one transaction. A delivery
 * leaves when its receiver said that it has it.
 */
import {
  asc,
  type BetterSQLite3Database,
  count,
  eq,
  integer,
  notInArray,
  sqliteTable,
  text,
} from '../drizzle.ts';

const deliveries = sqliteTable('deliveries', {
  number: integer('number').primaryKey({ autoIncrement: true }),
  id: text('id').notNull(),
  url: text('url').notNull(),
  body: text('body').notNull(),
  queuedAt: integer('queued_at').notNull(),
});

/** The table, for a file that has none yet. */
export const CREATE_DELIVERIES = `create table if not exists deliveries (number integer primary key autoincrement, id text not null unique,
  url text not null, body text not null, queued_at integer not null) strict`;

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

export class DeliveryQueue {
  readonly #db: BetterSQLite3Database;

  constructor(db: BetterSQLite3Database) {
    this.#db = db;
  }

  /** Inside the transaction that keeps what is told of. */
  add(owed: readonly Delivery[]): void {
    for (const delivery of owed) this.#db.insert(deliveries).values(delivery).run();
  }

  /** The delivery that is owed longest to that address. */
  next(address: string): Delivery | null {
    const { id, url, body, queuedAt } = deliveries;
    const found = this.#db
      .select({ id, url, body, queuedAt })
      .from(deliveries)
      .where(eq(url, address))
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
  forgetOthers(addresses: readonly string[]): number {
    return this.#db
      .delete(deliveries)
      .where(notInArray(deliveries.url, [...addresses]))
      .run().changes;
  }
}
