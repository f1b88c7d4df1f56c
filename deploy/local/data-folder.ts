/**
 * The data folder of a local fleet: one owner at a time, and `run.json`, which tells the command
 * lines where everything listens.
 *
 * Ownership is an exclusive SQLite lock, not a pid in a file: the system drops it with its owner,
 * however that ends, so a stale one cannot exist and two starts at once cannot both win.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

export interface RunningSite {
  readonly name: string;
  /** Plain HTTP on loopback. */
  readonly http: string | null;
  /** TLS listener that the coordinator uses. */
  readonly https: string | null;
  readonly pid: number;
  readonly enginePid: number | null;
  /** Absolute path of its folder. */
  readonly data: string;
}

export interface RunFile {
  /** The process that owns the folder. */
  readonly pid: number;
  readonly coordinator: { readonly url: string; readonly pid: number } | null;
  readonly sites: readonly RunningSite[];
}

export interface DataFolder {
  readonly path: string;
  /** Replaces run.json as a whole: a reader sees the old one or the new one. */
  publish(run: Omit<RunFile, 'pid'>): void;
  /** Removes run.json and lets go of the folder. */
  release(): void;
}

/** The folder is another process's; the message says whose. */
export class FolderInUse extends Error {}

/** Takes the folder for this process and makes it first where there is none. @throws FolderInUse */
export function takeDataFolder(path: string): DataFolder {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = new Database(join(path, 'lock.sqlite'), { timeout: 0 });
  try {
    lock.pragma('locking_mode = exclusive');
    lock.exec('begin exclusive');
  } catch (cause) {
    lock.close();
    if ((cause as { code?: string }).code !== 'SQLITE_BUSY') throw cause;
    throw new FolderInUse(describeOwner(path));
  }
  const file = join(path, 'run.json');
  rmSync(file, { force: true });
  return {
    path,
    publish: (run) => {
      writeFileSync(`${file}.new`, `${JSON.stringify({ pid: process.pid, ...run }, null, 2)}\n`);
      renameSync(`${file}.new`, file);
    },
    release: () => {
      rmSync(file, { force: true });
      lock.close();
    },
  };
}

function describeOwner(path: string): string {
  const hint = 'stop it first, or give this one another folder with --data';
  try {
    const { pid, coordinator } = JSON.parse(readFileSync(join(path, 'run.json'), 'utf8')) as RunFile;
    const where = coordinator ? ` at ${coordinator.url}` : '';
    return `${path} is in use: process ${pid} runs from it${where}. Please ${hint}.`;
  } catch {
    return `${path} is in use by another process that is just starting. Please ${hint}.`;
  }
}
