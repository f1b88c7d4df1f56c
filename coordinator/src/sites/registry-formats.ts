/** The formats of the registry's file: statement N brings one of format N to the next; a new file goes through all of them. */
export const STEPS: readonly string[] = [
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
  // Incarnations, status, what was issued, what was invited, what was seen. SQLite adds a column without a
  // default only where it may be null, so those that are not get one that no row keeps.
  `alter table sites add column subject text not null default '';
  alter table sites add column incarnation integer not null default 1;
  alter table sites add column next_fingerprint text;
  alter table sites add column status text not null default 'active';
  alter table sites add column reason text;
  update sites set subject = name;
  create unique index sites_subject on sites (subject);
  create table certificates (
    fingerprint text primary key not null, serial text not null, subject text not null, incarnation integer not null,
    public_key text not null, issued_at integer not null, valid_until integer not null, certificate text not null
  ) strict;
  create index certificates_subject on certificates (subject);
  insert into certificates
    select fingerprint, serial, subject, 1, public_key, enrolled_at, valid_until, '' from sites where fingerprint <> '';
  create table invitations (
    hash text primary key not null, site text not null, labels text not null, created_at integer not null,
    created_by text not null, expires_at integer not null, used_at integer, used_key text, fingerprint text
  ) strict;
  create table revisions (subject text primary key not null, revision integer not null) strict`,
];
