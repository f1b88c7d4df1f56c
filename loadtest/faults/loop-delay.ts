/**
 * Loaded into a coordinator with `--import`: at each SIGUSR2 it writes the longest delay of the event loop since the last
 * one, in milliseconds, to the file that LOOP_DELAY_FILE names.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

// Threads of the coordinator load this too; only the one that answers is watched.
if (isMainThread) watch(process.env.LOOP_DELAY_FILE ?? '');

function watch(file: string): void {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.on('SIGUSR2', () => {
    writeFileSync(`${file}.next`, String(delay.max / 1e6));
    renameSync(`${file}.next`, file);
    delay.reset();
  });
}
