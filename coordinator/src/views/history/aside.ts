/**
 * Whether a history may be gone on with: its head is this coordinator's, its last row is the head's, and it is not older than the
 * checkpoint beside it. This is a look at the ends, cheap at every start; check.ts looks at every row.
 */
import type { KeyObject } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type BetterSQLite3Database, count, drizzle, eq, max, min } from '@fleet/shared/drizzle.ts';
import Database from 'better-sqlite3';
import { headHolds, readCheckpoint, type SignedHead } from './chain.ts';
import { heads, rows } from './tables.ts';

const ENDING = /\.sqlite$/;

/** The text file beside a history, with its newest head. */
export const checkpointOf = (file: string): string => file.replace(ENDING, '.checkpoint');

/** Histories that were moved aside from here, by name. */
export function asideOf(file: string): string[] {
  const stem = `${basename(file).replace(ENDING, '')}.changed-`;
  return existsSync(dirname(file))
    ? readdirSync(dirname(file)).filter(
        (name) => name.startsWith(stem) && /\.(sqlite|checkpoint)$/.test(name),
      )
    : [];
}

/** Moves a history that somebody changed out of the way, with what belongs to it; gives its new place, or null. */
export function moveAside(file: string, publicKey: KeyObject, now: number): string | null {
  if (isSound(file, publicKey)) return null;
  const place = file.replace(ENDING, `.changed-${now}.sqlite`);
  for (const end of ['', '-wal', '-shm'])
    if (existsSync(`${file}${end}`)) renameSync(`${file}${end}`, `${place}${end}`);
  if (existsSync(checkpointOf(file))) renameSync(checkpointOf(file), checkpointOf(place));
  return place;
}

function isSound(file: string, publicKey: KeyObject): boolean {
  const checkpoint = readSigned(checkpointOf(file), publicKey);
  if (!existsSync(file) || statSync(file).size === 0) return checkpoint === null;
  const sqlite = new Database(file, { readonly: true });
  try {
    const db = drizzle(sqlite);
    if (sqlite.prepare("SELECT 1 FROM sqlite_master WHERE name = 'heads'").get() === undefined)
      return checkpoint === null;
    return endsHold(db, publicKey) && (checkpoint === null || follows(db, checkpoint));
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (/^SQLITE_(NOTADB|CORRUPT|ERROR)/.test(code)) return false;
    throw cause;
  } finally {
    sqlite.close();
  }
}

function endsHold(db: BetterSQLite3Database, publicKey: KeyObject): boolean {
  const head = db.select().from(heads).get();
  const [ends] = db
    .select({ first: min(rows.id), last: max(rows.id), count: count() })
    .from(rows)
    .all();
  if (head === undefined) return ends?.count === 0;
  if (!headHolds(head, publicKey)) return false;
  const held = head.last - head.first + 1;
  if (ends?.count !== held) return false;
  return held === 0 || (ends.last === head.last && hashOf(db, head.last) === head.hash);
}

/** Whether the file goes on from where the checkpoint was written. */
function follows(db: BetterSQLite3Database, checkpoint: SignedHead): boolean {
  const head = db.select().from(heads).get();
  if (head === undefined || checkpoint.last > head.last) return false;
  return checkpoint.last < head.first || hashOf(db, checkpoint.last) === checkpoint.hash;
}

function hashOf(db: BetterSQLite3Database, id: number): string | undefined {
  return db.select({ hash: rows.hash }).from(rows).where(eq(rows.id, id)).get()?.hash;
}

/** The checkpoint of a file, where there is one that the coordinator signed. */
export function readSigned(path: string, publicKey: KeyObject): SignedHead | null {
  const checkpoint = existsSync(path) ? readCheckpoint(readFileSync(path, 'utf8')) : null;
  return checkpoint !== null && headHolds(checkpoint, publicKey) ? checkpoint : null;
}
