/**
 * For tests: a site that is started again and again in one folder, as a process of its own or in this one with a world and
 * file operations of the test's.
 */
import { join } from 'node:path';
import { pino } from 'pino';
import { Client, request } from 'undici';
import { HEAP_FLAGS } from '../../../shared/launch.mjs';
import { type Agent, type AgentParts, startAgent } from '../agent.ts';
import { readConfig } from '../config.ts';
import { diskFiles, type FileLabel, type FileOperations } from '../telemetry/files.ts';
import { realWorld, type World } from '../world.ts';
import { type Ended, serveChild } from './child.ts';
import { atEnd, type Ending } from './folder.ts';
import { SITE } from './site.ts';

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

/** The site of that folder in this process, with what it is given from outside. */
export async function runSiteWith(
  t: Ending,
  data: string,
  parts: Partial<AgentParts> = {},
): Promise<Agent & { readonly url: string }> {
  const config = readConfig({ site: SITE, data, http: '127.0.0.1:0', collector: 'none' });
  const log = pino(
    { level: process.env.LOGIC_TEST_LOG ?? 'silent' },
    pino.destination({ fd: 2, sync: true }),
  );
  const agent = await startAgent(config, { world: realWorld, files: diskFiles, log, ...parts });
  atEnd(t, () => agent.stop());
  return { ...agent, url: agent.http ?? '' };
}

export const FILE_LABELS: readonly FileLabel[] = [
  'state.temp.open',
  'state.temp.write',
  'state.temp.sync',
  'state.temp.close',
  'state.rename',
  'state.dir.open',
  'state.dir.sync',
  'state.dir.close',
];

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
