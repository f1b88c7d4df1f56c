/** The tables of a history's file. What a row is searched by stands apart from its content, which is large. */
import { blob, integer, primaryKey, sqliteTable, text } from '@fleet/shared/drizzle.ts';

export const VERSION = 1;

export const rows = sqliteTable('rows', {
  id: integer('id').primaryKey(),
  kind: text('kind', { enum: ['run', 'again'] }).notNull(),
  at: integer('at').notNull(),
  ms: integer('ms').notNull(),
  askedBy: text('asked_by').notNull(),
  question: text('question').notNull(),
  query: text('query').notNull(),
  of: integer('of'),
  times: integer('times').notNull(),
  complete: integer('complete', { mode: 'boolean' }).notNull(),
  targets: integer('targets').notNull(),
  answers: integer('answers').notNull(),
  siteSet: text('site_set').notNull(),
  outcomes: text('outcomes').notNull(),
  digest: text('digest').notNull(),
  hash: text('hash').notNull(),
  /** Of its content as it is stored. */
  bytes: integer('bytes').notNull(),
});

/** Deflated; what it says is in content.ts. */
export const contents = sqliteTable('contents', {
  id: integer('id').primaryKey(),
  content: blob('content', { mode: 'buffer' }).notNull(),
});

/** Which sites a question was meant for: few different lists, each a thousand names. */
export const siteSets = sqliteTable('site_sets', {
  digest: text('digest').primaryKey(),
  sites: text('sites').notNull(),
});

export const heads = sqliteTable('heads', {
  id: integer('id').primaryKey(),
  first: integer('first').notNull(),
  before: text('before').notNull(),
  last: integer('last').notNull(),
  hash: text('hash').notNull(),
  at: integer('at').notNull(),
  signature: text('signature').notNull(),
});

export const questions = sqliteTable('questions', {
  question: text('question').primaryKey(),
  at: integer('at').notNull(),
});

export const lastKnown = sqliteTable(
  'last_known',
  {
    question: text('question').notNull(),
    site: text('site').notNull(),
    at: integer('at').notNull(),
    revision: integer('revision'),
    bundle: text('bundle'),
    /** JSON list of bindings and standing. */
    answers: text('answers').notNull(),
    mac: text('mac').notNull(),
  },
  (table) => [primaryKey({ columns: [table.question, table.site] })],
);

/** What each version adds to the one before it. */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE rows (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL, ms INTEGER NOT NULL,
       asked_by TEXT NOT NULL, question TEXT NOT NULL, query TEXT NOT NULL, of INTEGER, times INTEGER NOT NULL,
       complete INTEGER NOT NULL, targets INTEGER NOT NULL, answers INTEGER NOT NULL, site_set TEXT NOT NULL,
       outcomes TEXT NOT NULL, digest TEXT NOT NULL, hash TEXT NOT NULL, bytes INTEGER NOT NULL) STRICT`,
    'CREATE INDEX rows_of_question ON rows (question, id)',
    'CREATE TABLE contents (id INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT',
    'CREATE TABLE site_sets (digest TEXT PRIMARY KEY, sites TEXT NOT NULL) STRICT, WITHOUT ROWID',
    `CREATE TABLE heads (id INTEGER PRIMARY KEY CHECK (id = 1), first INTEGER NOT NULL, before TEXT NOT NULL,
       last INTEGER NOT NULL, hash TEXT NOT NULL, at INTEGER NOT NULL, signature TEXT NOT NULL) STRICT`,
    'CREATE TABLE questions (question TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    `CREATE TABLE last_known (question TEXT NOT NULL, site TEXT NOT NULL, at INTEGER NOT NULL, revision INTEGER,
       bundle TEXT, answers TEXT NOT NULL, mac TEXT NOT NULL, PRIMARY KEY (question, site)) STRICT, WITHOUT ROWID`,
  ],
];
