/**
 * Checking replies costs a tenth of a millisecond each and more, and comes in hundreds at once: work is done in its order, a slice
 * at a time, with a turn of the event loop between slices, so that replies that are still on their way are read, and the
 * deadline is kept, meanwhile.
 */
import { CHECK_SLICE_MS } from '@fleet/shared/limits.ts';
import type { World } from '../world.ts';

/** Runs `task` when its turn has come. Rejects with what it throws. */
export type Turn = <T>(task: () => T) => Promise<T>;

export function openTurn({ elapsed }: Pick<World, 'elapsed'>): Turn {
  let waiting: (() => void)[] = [];
  const slice = () => {
    const end = elapsed() + CHECK_SLICE_MS;
    let done = 0;
    do waiting[done++]?.();
    while (done < waiting.length && elapsed() < end);
    waiting = waiting.slice(done);
    if (waiting.length > 0) setImmediate(slice);
  };
  return (task) =>
    new Promise((resolve, reject) => {
      const run = () => {
        try {
          resolve(task());
        } catch (cause) {
          reject(cause);
        }
      };
      if (waiting.push(run) === 1) setImmediate(slice);
    });
}
