/** A coordinator whose event loop is watched (loop-delay.ts), which can be killed, and whose disk can be full. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Coordinator, startCoordinator } from '../fanout/coordinator.ts';

export interface Watched extends Coordinator {
  /** The longest that its event loop was away since this was last asked, ms. */
  longestDelay(): Promise<number>;
  /**
   * From now on it can write no more (or again): the kernel refuses every write to a file (RLIMIT_FSIZE; Node ignores the
   * signal that goes with it). An unprivileged way to what a full disk does; the error is EFBIG where a disk says ENOSPC.
   */
  fullDisk(full: boolean): void;
}

const LOOP_DELAY = new URL('loop-delay.ts', import.meta.url).href;
const LOOK_MS = 5;
const WRITTEN_WITHIN_MS = 10_000;

export async function startWatched(data: string, folder: string): Promise<Watched> {
  const file = join(folder, 'loop-delay');
  process.env.LOOP_DELAY_FILE = file;
  const coordinator = await startCoordinator(data, join(folder, 'coordinator.log'), {
    nodeFlags: [`--import=${LOOP_DELAY}`],
  });
  return {
    ...coordinator,
    longestDelay: async () => {
      rmSync(file, { force: true });
      process.kill(coordinator.pid, 'SIGUSR2');
      for (let waited = 0; !existsSync(file); waited += LOOK_MS) {
        if (waited > WRITTEN_WITHIN_MS) throw new Error('the coordinator does not tell its event-loop delay');
        await sleep(LOOK_MS);
      }
      return Number(readFileSync(file, 'utf8'));
    },
    fullDisk: (full) => {
      execFileSync('prlimit', [
        '--pid',
        String(coordinator.pid),
        `--fsize=${full ? 0 : 'unlimited'}:unlimited`,
      ]);
    },
  };
}
