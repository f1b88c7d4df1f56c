/**
 * What a coordinator knows of others, in SQLite: of those below it, how to ask them and which sites they have; of those above
 * it, who may ask. The registry has a row for each coordinator below, as for every site; here is what only composition needs.
 *
 * A site's key is taken over once, from the first roster that names it. Where a later roster has another key, it is kept beside as
 * `offered` and the site is asked no more until an operator accepts it: a lower coordinator can lose a site, not become it.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RosterSite } from '@fleet/shared/api/composition.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import Database from 'better-sqlite3';

/** How a coordinator below is asked. PEM texts. */
export interface Membership {
  /** As the registry has it. */
  readonly name: string;
  /** Of its authority. */
  readonly authority: string;
  /** Issued by it for our key. */
  readonly certificate: string;
}

/** A site of a coordinator below. */
export interface Leaf extends RosterSite {
  readonly coordinator: string;
  /** Another key that the coordinator named later, PEM; null where there is none. */
  readonly offered: string | null;
  /** Milliseconds since 1970 UTC. */
  readonly since: number;
}

/** A coordinator above that may ask. */
export interface Upper {
  readonly name: string;
  readonly fingerprint: string;
  readonly validUntil: number;
}

/** What a roster changed; names of sites. */
export interface RosterChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly rekeyed: readonly string[];
}

export interface CompositionStore {
  membership(name: string): Membership | undefined;
  join(membership: Membership): void;
  /** Sites of all coordinators below, or of one, by path. The same array until something changes. */
  leaves(): readonly Leaf[];
  apply(coordinator: string, sites: readonly RosterSite[], now: number): RosterChange;
  /** Takes the offered key of the site at `path` of this coordinator. @throws LogicError `unknown_site`, `bad_request` */
  accept(coordinator: string, path: string): void;
  admit(upper: Upper): void;
  uppers(): readonly Upper[];
  /** @throws LogicError `not_found` */
  expel(name: string): void;
  close(): void;
}

const CREATE = `
  create table if not exists memberships (name text primary key not null, authority text not null, certificate text not null) strict;
  create table if not exists leaves (
    coordinator text not null, site text not null, kind text not null, subject text not null, public_key text not null,
    fingerprint text not null, labels text not null, through text not null, offered text, since integer not null,
    primary key (coordinator, site)
  ) strict;
  create table if not exists uppers (name text primary key not null, fingerprint text not null unique, valid_until integer not null) strict`;

interface LeafRow {
  readonly coordinator: string;
  readonly site: string;
  readonly kind: string;
  readonly subject: string;
  readonly public_key: string;
  readonly fingerprint: string;
  readonly labels: string;
  readonly through: string;
  readonly offered: string | null;
  readonly since: number;
}

export function openComposition(file: string): CompositionStore {
  mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.pragma('busy_timeout = 5000');
  database.exec(CREATE);
  return {
    ...memberships(database),
    ...leavesOf(database),
    ...uppersOf(database),
    close: () => void database.close(),
  };
}

function memberships(database: Database.Database): Pick<CompositionStore, 'membership' | 'join'> {
  const select = database.prepare<[string], Membership>('select * from memberships where name = ?');
  const put = database.prepare('insert or replace into memberships values (:name, :authority, :certificate)');
  return { membership: (name) => select.get(name), join: (membership) => void put.run(membership) };
}

function leavesOf(database: Database.Database): Pick<CompositionStore, 'leaves' | 'apply' | 'accept'> {
  const select = database.prepare<[], LeafRow>('select * from leaves order by coordinator, site');
  const dataVersion = database.prepare('pragma data_version').pluck();
  const remove = database.prepare('delete from leaves where coordinator = ? and site = ?');
  const put = database.prepare(`insert or replace into leaves values
    (:coordinator, :site, :kind, :subject, :publicKey, :fingerprint, :labels, :through, :offered, :since)`);
  let version: unknown = null;
  let kept: readonly Leaf[] = [];
  const leaves = (): readonly Leaf[] => {
    const now = dataVersion.get();
    if (now !== version) kept = select.all().map(leafOf);
    version = now;
    return kept;
  };
  const write = (leaf: Leaf): void => {
    put.run({ ...leaf, labels: JSON.stringify(leaf.labels), through: JSON.stringify(leaf.through) });
    version = null;
  };
  return {
    leaves,
    apply: (coordinator, sites, now) =>
      database
        .transaction(() => {
          const before = new Map(
            leaves()
              .filter((leaf) => leaf.coordinator === coordinator)
              .map((leaf) => [leaf.site, leaf]),
          );
          const change = { added: [] as string[], removed: [] as string[], rekeyed: [] as string[] };
          for (const site of sites) {
            const known = before.get(site.site);
            before.delete(site.site);
            const next = taken(coordinator, site, { known, now });
            if (known === undefined) change.added.push(site.site);
            else if (next.offered !== null && next.offered !== known.offered) change.rekeyed.push(site.site);
            if (JSON.stringify(known) !== JSON.stringify(next)) write(next);
          }
          for (const gone of before.keys()) {
            remove.run(coordinator, gone);
            change.removed.push(gone);
            version = null;
          }
          return change;
        })
        .immediate(),
    accept: (coordinator, path) => {
      const leaf = leaves().find(({ coordinator: at, site }) => at === coordinator && site === path);
      if (leaf === undefined) throw new LogicError('unknown_site', `${coordinator} has no site ${path}`);
      if (leaf.offered === null)
        throw new LogicError('bad_request', `the key of ${coordinator}/${path} is the one that it had`);
      write({ ...leaf, publicKey: leaf.offered, offered: null });
    },
  };
}

/** A site as a roster has it, with the key that it had before. */
function taken(
  coordinator: string,
  site: RosterSite,
  { known, now }: { readonly known: Leaf | undefined; readonly now: number },
): Leaf {
  const publicKey = known?.publicKey ?? site.publicKey;
  return {
    coordinator,
    site: site.site,
    kind: known?.kind ?? site.kind,
    subject: site.subject,
    publicKey,
    fingerprint: site.fingerprint,
    labels: site.labels,
    through: site.through,
    offered: site.publicKey === publicKey ? null : site.publicKey,
    since: known?.since ?? now,
  };
}

function leafOf({ coordinator, site, kind, subject, public_key: publicKey, ...row }: LeafRow): Leaf {
  return {
    coordinator,
    site,
    kind: kind === 'stock' ? 'stock' : 'node',
    subject,
    publicKey,
    fingerprint: row.fingerprint,
    labels: JSON.parse(row.labels),
    through: JSON.parse(row.through),
    offered: row.offered,
    since: row.since,
  };
}

function uppersOf(database: Database.Database): Pick<CompositionStore, 'admit' | 'uppers' | 'expel'> {
  const select = database.prepare<[], Upper>(
    'select name, fingerprint, valid_until as validUntil from uppers order by name',
  );
  const put = database.prepare('insert or replace into uppers values (:name, :fingerprint, :validUntil)');
  const remove = database.prepare('delete from uppers where name = ?');
  return {
    admit: (upper) => void put.run(upper),
    uppers: () => select.all(),
    expel: (name) => {
      if (remove.run(name).changes === 0)
        throw new LogicError('not_found', `no coordinator ${name} may ask here`);
    },
  };
}
