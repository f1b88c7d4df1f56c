/** A coordinator that is watched from inside (inside.ts), which can be killed, and whose disk can be full. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type Coordinator, type CoordinatorOptions, startCoordinator } from '../fanout/coordinator.ts';
import type { Seen } from './inside.ts';

export interface Watched extends Coordinator {
  /** What it saw since this was last asked. */
  seen(): Promise<Seen>;
  /**
   * From now on it can write no more (or again): the kernel refuses every write to a file (RLIMIT_FSIZE; Node ignores the
   * signal that goes with it). An unprivileged way to what a full disk does; the error is EFBIG where a disk says ENOSPC.
   */
  fullDisk(full: boolean): void;
}

const INSIDE = new URL('inside.ts', import.meta.url).href;

export async function startWatched(
  data: string,
  folder: string,
  options: Pick<CoordinatorOptions, 'tls'> = {},
): Promise<Watched> {
  const socketPath = join(folder, 'watched.sock');
  rmSync(socketPath, { force: true }); // of one that was killed
  process.env.WATCHED_SOCKET = socketPath;
  const coordinator = await startCoordinator(data, join(folder, 'coordinator.log'), {
    ...options,
    nodeFlags: [`--import=${INSIDE}`],
  });
  return {
    ...coordinator,
    seen: () => seenBy(socketPath),
    fullDisk: (full) => {
      execFileSync('prlimit', [
        '--pid',
        String(coordinator.pid),
        `--fsize=${full ? 0 : 'unlimited'}:unlimited`,
      ]);
    },
  };
}

function seenBy(socketPath: string): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: '/' }, async (reply) => {
      let text = '';
      for await (const chunk of reply.setEncoding('utf8')) text += chunk;
      resolve(JSON.parse(text) as Seen);
    });
    sent.once('error', reject).end();
  });
}
