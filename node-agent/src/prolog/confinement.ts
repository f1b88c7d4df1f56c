/**
 * How the engine is started so that it can reach no network and write nothing: through bin/confine, which gives up
 * what the kernel lets an unprivileged process give up and then becomes swipl. Where there is no Perl, or another
 * system than Linux, swipl runs without, and the site says so (site.info, /healthz).
 */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LogicError } from '@fleet/shared/errors.ts';

export interface Confinement {
  /** Landlock's version, which keeps files from being read and written; 0 where the kernel has none. */
  readonly landlock: number;
  /** Whether a seccomp filter keeps sockets, files and processes from being made. */
  readonly seccomp: boolean;
}

export const UNCONFINED: Confinement = { landlock: 0, seccomp: false };

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

const CONFINE = fileURLToPath(new URL('../../bin/confine', import.meta.url));
const PROLOG = fileURLToPath(new URL('../../prolog', import.meta.url));
const ARCHITECTURES: readonly string[] = ['x64', 'arm64'];

/**
 * `swipl` with `args`, confined to reading the agent's Prolog and the folder of the knowledge base, with its sockets
 * in `sockets`. Throws `bad_setup` where there is no such program.
 */
export function confinedCommand(
  swipl: string,
  args: readonly string[],
  folders: { readonly kb: string; readonly sockets: string },
): Command {
  const program = findProgram(swipl);
  if (program === null)
    throw new LogicError('bad_setup', `SWI-Prolog could not be started: no ${swipl}. Is swipl installed?`);
  // A part of the knowledge base may be a link to elsewhere.
  const parts = ['core', 'proof', 'search', 'site', 'state'].map((part) => join(folders.kb, part));
  return confined(program, args, { read: [PROLOG, folders.kb, ...parts], sockets: folders.sockets });
}

/**
 * A program, by its path, with `args`, confined to reading what is named besides the system's own files, with its sockets in `sockets`; as it is
 * where this machine cannot.
 */
export function confined(
  program: string,
  args: readonly string[],
  reach: { readonly read: readonly string[]; readonly sockets: string },
): Command {
  const perl = findProgram('perl');
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch) || perl === null)
    return { program, args };
  const read = [...new Set(reach.read.flatMap(realPath)), realpathSync(reach.sockets)];
  return { program: perl, args: [CONFINE, process.arch, ...read, '--', program, ...args] };
}

/** The line with which bin/confine says what holds; null for any other line. */
export function readConfinement(line: string): Confinement | null {
  const [, landlock, seccomp] = /^confined landlock=(\d+) seccomp=([01])$/.exec(line) ?? [];
  return landlock === undefined ? null : { landlock: Number(landlock), seccomp: seccomp === '1' };
}

/** Where a program is: as named, or on the PATH. */
export function findProgram(name: string): string | null {
  const folders = name.includes('/') ? [''] : (process.env.PATH ?? '').split(delimiter);
  const found = folders.map((folder) => (folder === '' ? name : join(folder, name))).find(isProgram);
  return found === undefined ? null : realpathSync(found);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function realPath(path: string): string[] {
  try {
    return [realpathSync(path)];
  } catch {
    return [];
  }
}

/** The folder of a knowledge base's `main.pl`, and of its sockets. */
export function foldersOf(main: string, socket: string): { kb: string; sockets: string } {
  return { kb: dirname(main), sockets: dirname(socket) };
}
