/**
 * The sites of the fleet, in SQLite: who they are, where they are, and which certificate is theirs.
 * Targets of a question come from here and never from who happens to be connected.
 *
 * Another process (the one that enrols a site) may write while a coordinator serves: WAL lets both,
 * and every question reads the table anew. One site has one row; enrolling it again replaces the
 * certificate. Two sites may not share a key: that is one site's disk, copied.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { LogicError } from '@fleet/shared/errors.ts';
import Database from 'better-sqlite3';
import { asc, eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { SITE_KINDS } from './kinds.ts';

const sites = sqliteTable('sites', {
  name: text('name').primaryKey(),
  kind: text('kind', { enum: SITE_KINDS }).notNull(),
  /** host:port of its TLS listener; of a stock server its URL. */
  address: text('address').notNull(),
  /** SHA-256 of its certificate's DER, lower-case hex. This and the next two are empty for a stock server, which has no key of ours. */
  fingerprint: text('fingerprint').notNull(),
  serial: text('serial').notNull(),
  /** SPKI in PEM. */
  publicKey: text('public_key').notNull(),
  /** Milliseconds since 1970 UTC, both. */
  enrolledAt: integer('enrolled_at').notNull(),
  validUntil: integer('valid_until').notNull(),
  labels: text('labels', { mode: 'json' }).$type<Readonly<Record<string, string>>>().notNull(),
});

export type Site = Readonly<typeof sites.$inferSelect>;

export interface Registry {
  /** All sites, sorted by name. */
  list(): readonly Site[];
  get(name: string): Site | undefined;
  /** Adds the site, or replaces its row. @throws LogicError `bad_request` when another site has this key */
  enrol(site: Site): void;
  /** @throws LogicError `unknown_site` */
  setAddress(name: string, address: string): void;
  close(): void;
}

/** Statement N brings a registry of format N to the next; a new one goes through all of them. */
const STEPS: readonly string[] = [
  `create table sites (
    name text primary key not null, address text not null, fingerprint text not null unique, serial text not null,
    public_key text not null unique, enrolled_at integer not null, valid_until integer not null, labels text not null
  ) strict`,
  // Sites of other kinds, some without a key: unique is what is not empty.
  `create table sites_of_kinds (
    name text primary key not null, kind text not null, address text not null, fingerprint text not null,
    serial text not null, public_key text not null, enrolled_at integer not null, valid_until integer not null,
    labels text not null
  ) strict;
  insert into sites_of_kinds
    select name, 'node', address, fingerprint, serial, public_key, enrolled_at, valid_until, labels from sites;
  drop table sites;
  alter table sites_of_kinds rename to sites;
  create unique index sites_fingerprint on sites (fingerprint) where fingerprint <> '';
  create unique index sites_public_key on sites (public_key) where public_key <> ''`,
];

/** Opens the registry in `file` and makes it where there is none. */
export function openRegistry(file: string): Registry {
  mkdirSync(dirname(file), { recursive: true });
  const sqlite = new Database(file);
  prepare(sqlite, file);
  const db = drizzle(sqlite);
  return {
    list: () => db.select().from(sites).orderBy(asc(sites.name)).all(),
    get: (name) => db.select().from(sites).where(eq(sites.name, name)).get(),
    enrol: (site) => {
      const owner = db.select().from(sites).where(eq(sites.publicKey, site.publicKey)).get();
      if (site.publicKey !== '' && owner && owner.name !== site.name) {
        throw new LogicError('bad_request', `${owner.name} has this key already: each site makes its own`);
      }
      db.insert(sites).values(site).onConflictDoUpdate({ target: sites.name, set: site }).run();
    },
    setAddress: (name, address) => {
      const { changes } = db.update(sites).set({ address }).where(eq(sites.name, name)).run();
      if (changes === 0) throw new LogicError('unknown_site', `no site is named ${name}`);
    },
    close: () => sqlite.close(),
  };
}

function prepare(sqlite: Database.Database, file: string): void {
  sqlite.pragma('journal_mode = WAL');
  sqlite.pragma('busy_timeout = 5000');
  // Immediate: of two processes that open an old registry at once, the second finds it done.
  sqlite.transaction(() => bringUp(sqlite, file)).immediate();
}

function bringUp(sqlite: Database.Database, file: string): void {
  const format = sqlite.pragma('user_version', { simple: true }) as number;
  if (format > STEPS.length)
    throw new LogicError('bad_setup', `${file} was written by a newer version (format ${format})`);
  for (const step of STEPS.slice(format)) sqlite.exec(step);
  sqlite.pragma(`user_version = ${STEPS.length}`);
}
