/** Turns of handshakes: the clock is the test's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HANDSHAKE_SLOT_MOST_MS, HANDSHAKE_SLOT_MS, HANDSHAKES_AT_ONCE } from '@fleet/shared/limits.ts';
import { Turns } from './turns.ts';

type Over = (cameAbout: boolean) => void;

/** Turns by a clock that the test moves, with what has begun. */
function opened() {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  const turns = new Turns({
    elapsed: () => now,
    after: (ms, run) => {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
  });
  const begun: Over[] = [];
  return {
    begun,
    take: (count: number) => {
      for (let at = 0; at < count; at += 1) turns.take((over) => begun.push(over));
    },
    /** Timers go off in their order. */
    pass: (ms: number) => {
      const until = now + ms;
      for (;;) {
        const [next] = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers = timers.filter((one) => one !== next);
        now = next.at;
        next.run();
      }
      now = until;
    },
  };
}

test('so many begin at once, and each that ends lets the next begin', () => {
  const { begun, take } = opened();
  take(2 * HANDSHAKES_AT_ONCE);
  assert.equal(begun.length, HANDSHAKES_AT_ONCE);
  begun[0]?.(true);
  begun[1]?.(false);
  begun[1]?.(false);
  assert.equal(begun.length, HANDSHAKES_AT_ONCE + 2, 'once each, whether it came about or not');
});

test('where none comes about, all that hang make room after a short while, and again', () => {
  const { begun, take, pass } = opened();
  take(3 * HANDSHAKES_AT_ONCE);
  pass(HANDSHAKE_SLOT_MS - 1);
  assert.equal(begun.length, HANDSHAKES_AT_ONCE);
  pass(1);
  assert.equal(begun.length, 2 * HANDSHAKES_AT_ONCE);
  pass(HANDSHAKE_SLOT_MS);
  assert.equal(begun.length, 3 * HANDSHAKES_AT_ONCE);
});

test('where all are slow none is taken to hang: no more than that are under way, however long each takes', () => {
  const { begun, take, pass } = opened();
  take(10 * HANDSHAKES_AT_ONCE);
  let ended = 0;
  // The first comes about in time, and each takes a little longer than the one before.
  pass(HANDSHAKE_SLOT_MS - 1);
  while (ended < 9 * HANDSHAKES_AT_ONCE) {
    for (let at = 0; at < 8; at += 1) begun[ended++]?.(true);
    assert.ok(begun.length - ended <= HANDSHAKES_AT_ONCE, `${begun.length - ended} after ${ended}`);
    pass(40);
  }
});

test('among slow ones a handshake that hangs gives its turn back too, after a longest time at most', () => {
  const { begun, take, pass } = opened();
  take(HANDSHAKES_AT_ONCE + 2);
  pass(HANDSHAKE_SLOT_MS - 1);
  begun[0]?.(true);
  assert.equal(begun.length, HANDSHAKES_AT_ONCE + 1);
  pass(HANDSHAKE_SLOT_MOST_MS);
  assert.equal(begun.length, HANDSHAKES_AT_ONCE + 2);
});
