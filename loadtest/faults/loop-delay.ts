/**
 * Loaded into a coordinator with `--import`: at each SIGUSR2 it writes the longest delay of the event loop since the last
 * one, in milliseconds, to the file that LOOP_DELAY_FILE names.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const file = process.env.LOOP_DELAY_FILE ?? '';
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on('SIGUSR2', () => {
  writeFileSync(`${file}.next`, String(delay.max / 1e6));
  renameSync(`${file}.next`, file);
  delay.reset();
});
