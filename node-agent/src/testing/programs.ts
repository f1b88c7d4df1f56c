/** For tests: a real program of another project beside the test, ready when it says so, killed by its pid at the end. */
import { spawn } from 'node:child_process';
import { findProgram } from '../prolog/confinement.ts';
import { atEnd, type Ending } from './folder.ts';

export interface Program {
  readonly pid: number;
  /** What it has written so far. */
  said(): string;
  /** Kills it and waits for its end. */
  kill(): Promise<void>;
}

export interface ProgramOptions {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** It is ready when what it wrote matches this; left out: as soon as it runs. */
  readonly ready?: RegExp;
}

/** Rejects with what the program said when it ends before it is ready. */
export async function startProgram(
  t: Ending,
  file: string,
  { args, env, ready }: ProgramOptions,
): Promise<Program> {
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const ended = new Promise<void>((resolve) => {
    child.once('error', (cause) => {
      said += cause.message;
      resolve();
    });
    child.once('close', () => resolve());
  });
  const kill = () => {
    child.kill('SIGKILL');
    return ended;
  };
  atEnd(t, kill);
  const isReady = new Promise<void>((resolve) => {
    if (ready === undefined) child.once('spawn', resolve);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said += chunk;
        if (ready?.test(said)) resolve();
      });
    }
  });
  await Promise.race([isReady, ended.then(() => Promise.reject(new Error(`${file} ended: ${said}`)))]);
  return { pid: child.pid ?? 0, said: () => said, kill };
}

/** The first of these that can be run: a path, or a name on the PATH. Throws naming them all. */
export function programOf(...names: readonly string[]): string {
  const found = names.map(findProgram).find((path) => path !== null);
  if (found === undefined) throw new Error(`not installed: ${names.join(' or ')}`);
  return found;
}
