/** The pace of collectors, on a clock that the test moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realWorld, type World } from '../world.ts';
import { Schedule } from './schedule.ts';

interface FakeWorld extends World {
  /** Waits that were asked for, in ms, with how to end them. */
  readonly waits: { ms: number; run: () => void; off: boolean }[];
  elapsedMs: number;
}

function fakeWorld(): FakeWorld {
  const world: FakeWorld = {
    ...realWorld,
    waits: [],
    elapsedMs: 0,
    elapsed: () => world.elapsedMs,
    after(ms, run) {
      const wait = { ms, run, off: false };
      world.waits.push(wait);
      return () => {
        wait.off = true;
      };
    },
  };
  return world;
}

test('a slow pass delays the next one, passes never overlap, and missed turns are not made up for', async () => {
  const world = fakeWorld();
  let running = 0;
  let passes = 0;
  const job = async () => {
    running += 1;
    assert.equal(running, 1);
    passes += 1;
    world.elapsedMs += passes === 2 ? 3_500 : 100;
    await null;
    running -= 1;
  };
  const schedule = new Schedule({ everyMs: 1_000, job, world });
  await schedule.start();
  await new Promise(setImmediate);
  world.waits[0]?.run();
  await new Promise(setImmediate);
  const stopped = schedule.stop();
  assert.deepEqual([passes, world.waits.slice(0, 2).map(({ ms }) => ms)], [2, [900, 0]]);
  assert.equal(world.waits[1]?.off, true);
  await stopped;
});
