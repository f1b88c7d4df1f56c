/** The pace of collectors, on a clock that the test moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff } from '@fleet/shared/backoff.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { COLLECT_STOP_MS } from '@fleet/shared/limits.ts';
import fc from 'fast-check';
import { realWorld, type World } from '../world.ts';
import { type Failure, Schedule } from './schedule.ts';

interface FakeWorld extends World {
  /** Waits that were asked for, in ms, with how to end them. */
  readonly waits: { ms: number; dueMs: number; run: () => void; off: boolean }[];
  elapsedMs: number;
}

function fakeWorld(): FakeWorld {
  const world: FakeWorld = {
    ...realWorld,
    waits: [],
    elapsedMs: 0,
    elapsed: () => world.elapsedMs,
    after(ms, run) {
      const wait = { ms, dueMs: world.elapsedMs + ms, run, off: false };
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

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Lets time pass: runs the waits that end by then, in the order of their ends, also those that begin meanwhile. */
async function pass(world: FakeWorld, ms: number): Promise<void> {
  const until = world.elapsedMs + ms;
  for (;;) {
    const due = world.waits.filter(({ off, dueMs }) => !off && dueMs <= until);
    const [next] = due.sort((a, b) => a.dueMs - b.dueMs);
    if (next === undefined) break;
    next.off = true;
    world.elapsedMs = Math.max(world.elapsedMs, next.dueMs);
    next.run();
    await settled();
  }
  world.elapsedMs = until;
}

test('a pass past its time has failed at once, is told so, and the next waits until it has ended', async () => {
  const world = fakeWorld();
  const ends: (Failure | null)[] = [];
  const passes: { signal: AbortSignal; end: () => void }[] = [];
  const job = (signal: AbortSignal) =>
    new Promise<void>((end) => {
      passes.push({ signal, end });
    });
  const ended = (failure: Failure | null) => void ends.push(failure);
  const schedule = new Schedule({ everyMs: 1_000, timeoutMs: 300, job, ended, world });
  const first = schedule.start();
  await pass(world, 300);
  await first;
  assert.equal(passes[0]?.signal.aborted, true);
  const cause = ends[0]?.cause;
  assert.ok(
    cause instanceof LogicError && cause.code === 'source_timeout' && cause === passes[0]?.signal.reason,
  );
  // It does not react: nothing else begins, however much time passes.
  await pass(world, 60_000);
  assert.deepEqual([passes.length, ends.length, schedule.dueInMs], [1, 1, null]);
  passes[0]?.end();
  await settled();
  assert.equal(schedule.dueInMs, 0);
  await pass(world, 0);
  assert.equal(passes.length, 2);
  passes[1]?.end();
  await settled();
  assert.deepEqual(ends.slice(1), [null]);
  assert.equal(schedule.dueInMs, 1_000);
  await schedule.stop();
});

test('a job that hangs never overlaps with itself, whatever it does and however time goes', async () => {
  const behaviours = fc.array(fc.constantFrom('ends', 'fails', 'throws', 'hangs', 'reacts'), {
    minLength: 1,
  });
  await fc.assert(
    fc.asyncProperty(behaviours, fc.array(fc.integer({ min: 0, max: 3_000 })), async (does, steps) => {
      const world = fakeWorld();
      let running = 0;
      let begun = 0;
      let told = 0;
      const hanging: (() => void)[] = [];
      const job = (signal: AbortSignal): Promise<void> => {
        const how = does[begun % does.length];
        begun += 1;
        running += 1;
        assert.equal(running, 1);
        const over = () => {
          running -= 1;
        };
        if (how === 'hangs') return new Promise<void>((end) => void hanging.push(end)).finally(over);
        if (how === 'reacts')
          return new Promise<void>((_, fail) =>
            signal.addEventListener('abort', () => fail(signal.reason)),
          ).finally(over);
        over();
        if (how === 'throws') throw new Error('at once');
        return how === 'fails' ? Promise.reject(new Error('later')) : Promise.resolve();
      };
      const ended = () => {
        told += 1;
      };
      const options = { everyMs: 1_000, timeoutMs: 500, longestWaitMs: 4_000, job, ended, world };
      const schedule = new Schedule(options);
      void schedule.start();
      for (const ms of steps) {
        await settled();
        await pass(world, ms);
        if (ms % 3 === 0) for (const end of hanging.splice(0)) end();
      }
      assert.ok(told <= begun && begun - told <= 1, `${begun} begun, ${told} told`);
      const stopped = schedule.stop();
      await pass(world, COLLECT_STOP_MS);
      await stopped;
      const at = begun;
      for (const end of hanging.splice(0)) end();
      await settled();
      await pass(world, 60_000);
      assert.equal(begun, at, 'nothing begins after a stop');
    }),
    { numRuns: 60 },
  );
});

test('a stop calls the pass off as cancelled, tells nobody, and does not wait for one that does not react', async () => {
  const world = fakeWorld();
  let signal: AbortSignal | undefined;
  let told = 0;
  const job = (given: AbortSignal) => {
    signal = given;
    return new Promise<void>(() => {});
  };
  const ended = () => {
    told += 1;
  };
  const schedule = new Schedule({ everyMs: 1_000, job, ended, world });
  void schedule.start();
  const stopped = schedule.stop();
  assert.ok(signal?.reason instanceof LogicError && signal.reason.code === 'cancelled');
  await pass(world, COLLECT_STOP_MS);
  await stopped;
  assert.equal(told, 0);
});

test('failures double the wait up to the longest, jitter takes at most a quarter off, and a success ends it', async () => {
  const world = { ...fakeWorld(), random: () => 0.999_999 };
  let fails = true;
  const job = () => (fails ? Promise.reject(new Error('no')) : Promise.resolve());
  const schedule = new Schedule({ everyMs: 1_000, longestWaitMs: 5_000, job, world });
  await schedule.start();
  const waits: number[] = [];
  for (let turn = 0; turn < 7; turn += 1) {
    await settled();
    const wait = world.waits.at(-1);
    waits.push(Math.round(wait?.ms ?? 0));
    fails = turn < 4;
    wait?.run();
  }
  await settled();
  await schedule.stop();
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 5_000, 5_000, 1_000, 1_000]);
});

test('every wait lies between three quarters of its turn and the longest wait, and never shrinks by more failures', () => {
  const input = fc.record({
    everyMs: fc.integer({ min: 1, max: 3_600_000 }),
    longestWaitMs: fc.integer({ min: 1, max: 3_600_000 }),
    failures: fc.nat({ max: 10_000 }),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(
    fc.property(input, (one) => {
      const waitMs = backoff(one);
      assert.ok(waitMs >= 0.75 * one.everyMs && waitMs <= Math.max(one.everyMs, one.longestWaitMs));
      if (one.failures === 0) assert.equal(waitMs, one.everyMs);
      else assert.ok(backoff({ ...one, failures: one.failures + 1 }) >= waitMs);
    }),
  );
});
