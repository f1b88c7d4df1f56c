/**
 * For tests: what a site meets that is started again and again in one folder: kills of a process of its own, file operations
 * that fail, a clock that is set.
 */
import { join } from 'node:path';
import { Client, request } from 'undici';
import { HEAP_FLAGS } from '../../../shared/launch.mjs';
import { diskFiles, type FileLabel, type FileOperations } from '../telemetry/files.ts';
import { realWorld, type World } from '../world.ts';
import { type Ended, serveChild } from './child.ts';
import type { Ending } from './folder.ts';

export interface SiteProcess {
  readonly url: string;
  readonly pid: number;
  readonly enginePid: number;
  /** The end of the process. */
  readonly ended: Promise<Ended>;
  /** What its engine holds. */
  state(): Promise<{ revision: number; text: string }>;
}

/** The agent as one process: a signal meets the agent itself. */
export async function siteProcess(t: Ending, data: string): Promise<SiteProcess> {
  const options = { flags: ['--collector', 'none'], node: HEAP_FLAGS };
  const { ready, ended } = await serveChild(t, data, options);
  return {
    url: ready.http,
    pid: ready.pid,
    enginePid: ready.enginePid,
    ended,
    state: () => engineState(join(data, 'run', 'control.sock')),
  };
}

async function engineState(socketPath: string): Promise<{ revision: number; text: string }> {
  const dispatcher = new Client('http://engine', { socketPath });
  try {
    const { headers, body } = await request('http://engine/state', { dispatcher });
    return { text: await body.text(), revision: Number(headers['logic-revision']) };
  } finally {
    await dispatcher.destroy();
  }
}

export interface FailingFiles extends FileOperations {
  /** How many operations failed so far. */
  readonly failures: number;
  /** The next one with that label fails too. */
  failNext(): void;
}

/** File operations of which the one with that label fails, `times` times. */
export function failingFiles(label: FileLabel, times = 0): FailingFiles {
  let failures = 0;
  let wanted = times;
  const maybe = (given: FileLabel) => {
    if (given !== label || failures === wanted) return;
    failures += 1;
    throw new Error(`injected: ${label}`);
  };
  return {
    get failures() {
      return failures;
    },
    failNext() {
      wanted += 1;
    },
    async open(given, ...rest) {
      maybe(given);
      return diskFiles.open(given, ...rest);
    },
    async write(given, file, text) {
      // A write that fails has written half of it.
      if (given === label && failures < wanted) await file.write(text.slice(0, text.length / 2));
      maybe(given);
      await diskFiles.write(given, file, text);
    },
    async sync(given, file) {
      maybe(given);
      await diskFiles.sync(given, file);
    },
    async close(given, file) {
      await diskFiles.close(given, file);
      maybe(given);
    },
    async rename(given, from, to) {
      maybe(given);
      await diskFiles.rename(given, from, to);
    },
  };
}

export interface SetWorld extends World {
  /** Sets the wall clock by that much; what waits goes on waiting, as on a machine. */
  step(ms: number): void;
}

/** The real world but for its wall clock, which the test may set, and waits of `hurried` ms, which are over in 10. */
export function worldWithClock(hurried: readonly number[] = []): SetWorld {
  let offsetMs = 0;
  return {
    ...realWorld,
    now: () => realWorld.now() + offsetMs,
    after: (ms, run) => realWorld.after(hurried.includes(ms) ? 10 : ms, run),
    step: (ms) => {
      offsetMs += ms;
    },
  };
}
