/**
 * drizzle-orm, loaded as CommonJS. As ES modules it takes 0.45 s of CPU to load, a tenth of that so: for each of its 150 files Node
 * reads the package's scope, and its package.json has 180 KB. Every process here opens a database before it serves.
 */
import { createRequire } from 'node:module';

export type { Placeholder, SQL } from 'drizzle-orm';
export type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
export type { SQLiteTable } from 'drizzle-orm/sqlite-core';

const load = createRequire(import.meta.url);
const orm = load('drizzle-orm') as typeof import('drizzle-orm');
const driver = load('drizzle-orm/better-sqlite3') as typeof import('drizzle-orm/better-sqlite3');
const core = load('drizzle-orm/sqlite-core') as typeof import('drizzle-orm/sqlite-core');

export const { drizzle } = driver;
export const { blob, integer, primaryKey, sqliteTable, text } = core;
export const { and, asc, count, desc, eq, getTableColumns, gt, inArray, isNull, lt, lte, max, min } = orm;
export const { ne, notInArray, or, sql, sum } = orm;
