/**
 * What is kept about alerts over the fleet, in a SQLite file of its own: what is active, what changed, and what receivers are owed, in
 * one transaction. So a coordinator that is started again neither raises again what it had raised, nor forgets it.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { CREATE_DELIVERIES, type Delivery, DeliveryQueue } from '@fleet/shared/alerts/queue.ts';
import type { FleetActiveAlert, FleetAlertChange } from '@fleet/shared/api/fleet-alerts.ts';
import { drizzle } from '@fleet/shared/drizzle.ts';
import { ALERT_HISTORY } from '@fleet/shared/limits.ts';
import Database from 'better-sqlite3';
import { type ActiveAlerts, type Change, placeOf } from './state.ts';

const FORMAT = 1;
const CREATE = `
  create table if not exists active (
    place text primary key not null, alert text not null, site text not null, bindings text not null,
    severity text not null, since integer not null, unknown integer not null
  ) strict;
  create table if not exists changes (
    number integer primary key, at integer not null, alert text not null, site text not null, bindings text not null,
    severity text not null, change text not null, reason text
  ) strict;
  ${CREATE_DELIVERIES}`;

export interface Recorded {
  readonly changes: readonly Change[];
  readonly at: number;
  readonly reason: string | null;
  readonly owed: readonly Delivery[];
}

type ActiveRow = Omit<FleetActiveAlert, 'bindings' | 'unknown'> & { bindings: string; unknown: number };
type ChangeRow = Omit<FleetAlertChange, 'bindings'> & { bindings: string };

export class FleetAlertLedger {
  readonly #sqlite: Database.Database;
  readonly queue: DeliveryQueue;

  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true });
    // Nobody else writes it: who waits for a lock waits in vain.
    this.#sqlite = new Database(file, { timeout: 500 });
    this.#sqlite.pragma('journal_mode = WAL');
    this.#sqlite.pragma('synchronous = FULL');
    this.#sqlite.exec(CREATE);
    this.#sqlite.pragma(`user_version = ${FORMAT}`);
    this.queue = new DeliveryQueue(drizzle(this.#sqlite));
  }

  /** All of it, or nothing where this throws. */
  record({ changes, at, reason, owed }: Recorded): void {
    const put = this.#sqlite.prepare('insert or replace into active values (?, ?, ?, ?, ?, ?, ?)');
    const remove = this.#sqlite.prepare('delete from active where place = ?');
    const note = this.#sqlite.prepare('insert into changes values (null, ?, ?, ?, ?, ?, ?, ?)');
    this.#sqlite.transaction(() => {
      for (const { change, alert: one } of changes) {
        const bindings = JSON.stringify(one.bindings);
        if (change === 'clear') remove.run(placeOf(one));
        else
          put.run(placeOf(one), one.alert, one.site, bindings, one.severity, one.since, Number(one.unknown));
        note.run(at, one.alert, one.site, bindings, one.severity, change, reason);
      }
      this.queue.add(owed);
      this.#sqlite
        .prepare('delete from changes where number <= (select max(number) from changes) - ?')
        .run(ALERT_HISTORY);
    })();
  }

  active(): ActiveAlerts {
    const rows = this.#sqlite.prepare('select * from active order by place').all() as ActiveRow[];
    return new Map(
      rows.map(({ alert, site, bindings, severity, since, unknown }) => {
        const one = { alert, site, bindings: JSON.parse(bindings), severity, since, unknown: unknown === 1 };
        return [placeOf(one), one];
      }),
    );
  }

  /** The last changes, the newest first. */
  history(most: number): FleetAlertChange[] {
    const rows = this.#sqlite
      .prepare(
        'select at, alert, site, bindings, severity, change, reason from changes order by number desc limit ?',
      )
      .all(most) as ChangeRow[];
    return rows.map((row) => ({ ...row, bindings: JSON.parse(row.bindings) }));
  }

  /** Alerts that are configured no more; returns how many were active. */
  forgetOthers(names: readonly string[]): number {
    const known = JSON.stringify(names);
    return this.#sqlite
      .prepare('delete from active where alert not in (select value from json_each(?))')
      .run(known).changes;
  }

  close(): void {
    this.#sqlite.close();
  }
}
