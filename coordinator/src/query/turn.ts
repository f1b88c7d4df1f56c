/**
 * Checking replies costs a tenth of a millisecond each and more, and comes in hundreds at once: work is done in its order, a slice
 * at a time, with a turn of the event loop between slices, so that replies that are still on their way are read
 * meanwhile. What is due and still waits is given up, so that no question is late for what another brought before it.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import { CHECK_SLICE_MS } from '@fleet/shared/limits.ts';
import type { World } from '../world.ts';

/**
 * Runs `task` when its turn has come. Rejects with what it throws, and with `deadline` if its turn has not come when it is `due`
 * (on the elapsed clock, ms), at most a slice later; without `due` it waits as long as it must.
 */
export type Turn = <T>(task: () => T, due?: number) => Promise<T>;

interface Waiting {
  readonly due: number;
  readonly run: () => void;
  readonly giveUp: () => void;
}

export function openTurn({ elapsed }: Pick<World, 'elapsed'>): Turn {
  let waiting: Waiting[] = [];
  const slice = () => {
    const began = elapsed();
    const late = waiting.filter(({ due }) => due <= began);
    if (late.length > 0) waiting = waiting.filter(({ due }) => due > began);
    for (const { giveUp } of late) giveUp();
    let done = 0;
    while (done < waiting.length && (done === 0 || elapsed() < began + CHECK_SLICE_MS))
      waiting[done++]?.run();
    waiting = waiting.slice(done);
    if (waiting.length > 0) setImmediate(slice);
  };
  return (task, due = Number.POSITIVE_INFINITY) =>
    new Promise((resolve, reject) => {
      const run = () => {
        try {
          resolve(task());
        } catch (cause) {
          reject(cause);
        }
      };
      const giveUp = () => reject(new LogicError('deadline', 'its reply came too late to be checked'));
      if (waiting.push({ due, run, giveUp }) === 1) setImmediate(slice);
    });
}
