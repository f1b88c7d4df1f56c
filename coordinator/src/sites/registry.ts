/**
 * The sites of the fleet, in SQLite: who they are, where they are, and which certificate is theirs.
 * Targets of a question come from here and never from who happens to be connected.
 *
 * A certificate is one incarnation of its site, and incarnations only grow. A renewed certificate is `next` until its
 * site has been seen with it: a site whose reply got lost still has the old one, and is no clone for that. What was
 * ever issued stays in `certificates`, so that an older one is known when it turns up again.
 *
 * Another process (the one that enrols a site) may write while a coordinator serves: WAL lets both,
 * and the list is read anew when the file changed. One site has one row; enrolling it again replaces the
 * certificate. Two sites may not share a key: that is one site's disk, copied.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { and, asc, desc, drizzle, eq, integer, ne, or, sqliteTable, text } from '@fleet/shared/drizzle.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import Database from 'better-sqlite3';
import type { Via } from '../composition/targets.ts';
import { SITE_KINDS } from './kinds.ts';
import { STEPS } from './registry-formats.ts';

/** A quarantined site is a member that is not asked; a revoked one is no member. */
export const SITE_STATUSES = ['active', 'quarantined', 'revoked'] as const;
export type SiteStatus = (typeof SITE_STATUSES)[number];

export type Labels = Readonly<Record<string, string>>;

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
  labels: text('labels', { mode: 'json' }).$type<Labels>().notNull(),
  /** The name on its certificate and its replies: a site that is renamed here keeps it until it joins again. */
  subject: text('subject').notNull(),
  incarnation: integer('incarnation').notNull(),
  /** Of a renewed certificate that the site has not been seen with yet. */
  nextFingerprint: text('next_fingerprint'),
  status: text('status', { enum: SITE_STATUSES }).notNull(),
  /** Why it is quarantined or revoked. */
  reason: text('reason'),
});

const certificates = sqliteTable('certificates', {
  fingerprint: text('fingerprint').primaryKey(),
  serial: text('serial').notNull(),
  subject: text('subject').notNull(),
  incarnation: integer('incarnation').notNull(),
  publicKey: text('public_key').notNull(),
  issuedAt: integer('issued_at').notNull(),
  validUntil: integer('valid_until').notNull(),
  /** PEM; empty for what was issued before this was kept. */
  certificate: text('certificate').notNull(),
});

/** A row; or a site behind another coordinator, which is none, and is asked through that one. */
export type Site = Readonly<typeof sites.$inferSelect> & { readonly via?: Via };
export type IssuedCertificate = Readonly<typeof certificates.$inferSelect>;
/** What is told of a site when it is enrolled; the rest is the registry's. */
export type Enrolled = Omit<
  Site,
  'via' | 'subject' | 'incarnation' | 'nextFingerprint' | 'status' | 'reason'
>;

/** Whose certificate this is, and whether it is the one to be shown now, its successor, or one before. */
export interface Identified {
  readonly site: Site;
  readonly certificate: IssuedCertificate;
  readonly age: 'current' | 'next' | 'old';
}

export interface Registry {
  /** All members, active and quarantined, sorted by name. The same array until something changes. */
  list(): readonly Site[];
  /** Those that were revoked too. */
  listAll(): readonly Site[];
  get(name: string): Site | undefined;
  /** Adds the site, or replaces its row; it is active then. @throws LogicError `bad_request` when another site has this key or name */
  enrol(site: Enrolled, certificate?: string): Site;
  /** A renewed certificate for the same key: `next` until `confirm`. */
  renew(name: string, issued: Omit<IssuedCertificate, 'subject' | 'incarnation'>): void;
  /** The site was seen with this certificate: where it was `next`, it is the current one from now on. */
  confirm(fingerprint: string): void;
  identify(fingerprint: string): Identified | undefined;
  /** PEM of the certificate with this fingerprint. */
  certificate(fingerprint: string): string | undefined;
  /** @throws LogicError `unknown_site`, all four */
  setAddress(name: string, address: string): void;
  setLabels(name: string, labels: Labels): void;
  setStatus(name: string, status: SiteStatus, reason: string | null): void;
  /** @throws LogicError `bad_request` where a site has the new name */
  rename(name: string, to: string): void;
  /** The highest revision that was seen of each site, by the name on its certificate. */
  revisions(): ReadonlyMap<string, number>;
  keepRevisions(revisions: Iterable<readonly [subject: string, revision: number]>): void;
  /** All that `work` writes through this registry, or nothing of it. */
  transaction<T>(work: () => T): T;
  /** For what is kept in the same file and must change in the same transaction. */
  readonly database: Database.Database;
  close(): void;
}

/** Opens the registry in `file` and makes it where there is none. */
export function openRegistry(file: string): Registry {
  mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file);
  prepare(database, file);
  return { ...rows(database), ...revisionsOf(database), database, close: () => void database.close() };
}

function rows(
  database: Database.Database,
): Omit<Registry, 'revisions' | 'keepRevisions' | 'database' | 'close'> {
  const db = drizzle(database);
  const cache = listCache(database, () => db.select().from(sites).orderBy(asc(sites.name)).all());
  const get = (name: string): Site | undefined => db.select().from(sites).where(eq(sites.name, name)).get();
  const transaction = <T>(work: () => T): T => database.transaction(work).immediate();
  const change = (name: string, set: Partial<Site>): void => {
    const { changes } = db.update(sites).set(set).where(eq(sites.name, name)).run();
    cache.changed();
    if (changes === 0) throw new LogicError('unknown_site', `no site is named ${name}`);
  };
  const issued = (fingerprint: string) =>
    db.select().from(certificates).where(eq(certificates.fingerprint, fingerprint)).get();
  const newest = (subject: string): number =>
    db
      .select({ incarnation: certificates.incarnation })
      .from(certificates)
      .where(eq(certificates.subject, subject))
      .orderBy(desc(certificates.incarnation))
      .get()?.incarnation ?? 0;
  const owner = (site: Enrolled): Site | undefined => {
    const sameName = or(eq(sites.name, site.name), eq(sites.subject, site.name));
    const same = site.publicKey === '' ? sameName : or(sameName, eq(sites.publicKey, site.publicKey));
    return db
      .select()
      .from(sites)
      .where(and(ne(sites.name, site.name), same))
      .get();
  };
  return {
    list: () => cache.read().members,
    listAll: () => cache.read().all,
    get,
    transaction,
    certificate: (fingerprint) => issued(fingerprint)?.certificate,
    enrol: (site, certificate = '') =>
      transaction(() => {
        const other = owner(site);
        if (other?.subject === site.name)
          throw new LogicError(
            'bad_request',
            `${other.name} was ${site.name} before, and its certificate says so`,
          );
        if (other)
          throw new LogicError('bad_request', `${other.name} has this key already: each site makes its own`);
        const incarnation = Math.max(newest(site.name), get(site.name)?.incarnation ?? 0) + 1;
        const row: Site = {
          ...site,
          subject: site.name,
          incarnation,
          nextFingerprint: null,
          status: 'active',
          reason: null,
        };
        db.insert(sites).values(row).onConflictDoUpdate({ target: sites.name, set: row }).run();
        database.prepare('delete from revisions where subject = ?').run(site.name);
        cache.changed();
        if (site.fingerprint === '') return row;
        const { fingerprint, serial, publicKey, enrolledAt, validUntil } = site;
        const kept = { fingerprint, serial, publicKey, validUntil, certificate };
        db.insert(certificates)
          .values({ ...kept, subject: site.name, incarnation, issuedAt: enrolledAt })
          .onConflictDoUpdate({ target: certificates.fingerprint, set: { incarnation } })
          .run();
        return row;
      }),
    renew: (name, next) =>
      transaction(() => {
        const { subject } = get(name) ?? { subject: name };
        db.insert(certificates)
          .values({ ...next, subject, incarnation: newest(subject) + 1 })
          .run();
        change(name, { nextFingerprint: next.fingerprint });
      }),
    confirm: (fingerprint) =>
      transaction(() => {
        const next = issued(fingerprint);
        const site = db.select().from(sites).where(eq(sites.nextFingerprint, fingerprint)).get();
        if (next === undefined || site === undefined) return;
        const { serial, validUntil, incarnation } = next;
        change(site.name, { fingerprint, serial, validUntil, incarnation, nextFingerprint: null });
      }),
    identify: (fingerprint) => {
      const certificate = issued(fingerprint);
      const subject = certificate?.subject ?? '';
      const site = db.select().from(sites).where(eq(sites.subject, subject)).get();
      if (certificate === undefined || site === undefined) return undefined;
      const current = site.fingerprint === fingerprint ? 'current' : 'old';
      return { site, certificate, age: site.nextFingerprint === fingerprint ? 'next' : current };
    },
    setAddress: (name, address) => change(name, { address }),
    setLabels: (name, labels) => change(name, { labels }),
    setStatus: (name, status, reason) => change(name, { status, reason }),
    rename: (name, to) =>
      transaction(() => {
        const taken = db
          .select()
          .from(sites)
          .where(and(ne(sites.name, name), or(eq(sites.name, to), eq(sites.subject, to))))
          .get();
        if (taken)
          throw new LogicError('bad_request', `${taken.name} has the name ${to}, or its certificate has`);
        change(name, { name: to });
      }),
  };
}

interface Listed {
  readonly all: readonly Site[];
  readonly members: readonly Site[];
}

/** Reads the table when this connection changed it (`changed`) or another one did. */
function listCache(database: Database.Database, load: () => Site[]): { read(): Listed; changed(): void } {
  const dataVersion = database.prepare('pragma data_version').pluck();
  let version: unknown = null;
  let listed: Listed = { all: [], members: [] };
  return {
    changed: () => {
      version = null;
    },
    read: () => {
      const now = dataVersion.get();
      if (now === version && !database.inTransaction) return listed;
      const all = load();
      listed = { all, members: all.filter(({ status }) => status !== 'revoked') };
      version = database.inTransaction ? null : now;
      return listed;
    },
  };
}

function revisionsOf(database: Database.Database): Pick<Registry, 'revisions' | 'keepRevisions'> {
  const select = database.prepare<[], { subject: string; revision: number }>('select * from revisions');
  const upsert = database.prepare(
    'insert into revisions values (?, ?) on conflict (subject) do update set revision = excluded.revision',
  );
  return {
    revisions: () => new Map(select.all().map(({ subject, revision }) => [subject, revision])),
    keepRevisions: (revisions) =>
      database.transaction(() => {
        for (const [subject, revision] of revisions) upsert.run(subject, revision);
      })(),
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
