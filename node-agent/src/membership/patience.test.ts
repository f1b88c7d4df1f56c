import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogicError } from '@fleet/shared/errors.ts';
import { MEMBERSHIP_LONGEST_WAIT_MS } from '@fleet/shared/limits.ts';
import { chance } from '../random.ts';
import { ComeAgain } from './coordinator.ts';
import { mayPass, waitMs } from './patience.ts';

const SEED = 5;
const busy = new ComeAgain('many', 2_000);

test('a thousand sites that were turned away at once come back spread out, and not before they may', () => {
  for (let tries = 1; tries <= 6; tries += 1) {
    const waits = Array.from({ length: 1_000 }, (_, i) =>
      waitMs(tries, busy, chance(SEED, `site-${i}`, tries)),
    );
    const perSecond = new Map<number, number>();
    for (const wait of waits)
      perSecond.set(Math.floor(wait / 500), (perSecond.get(Math.floor(wait / 500)) ?? 0) + 1);
    const range = 2_000 * 2 ** tries;
    assert.ok(Math.min(...waits) >= 2_000);
    assert.ok(Math.max(...waits) <= 2_000 + range);
    const even = 1_000 / (range / 500);
    assert.ok(
      Math.max(...perSecond.values()) < 2 * even + 10,
      `try ${tries}: ${Math.max(...perSecond.values())} in half a second`,
    );
  }
});

test('the same seed gives the same waits, and none is longer than the longest', () => {
  assert.equal(waitMs(3, busy, chance(SEED, 'a', 3)), waitMs(3, busy, chance(SEED, 'a', 3)));
  assert.ok(waitMs(1_000, null, 0.999) <= MEMBERSHIP_LONGEST_WAIT_MS);
});

test('asking again can help where nobody was there or too many were, and not where it was refused', () => {
  assert.ok(mayPass(busy) && mayPass(new LogicError('unreachable', 'x')));
  assert.ok(!mayPass(new LogicError('bad_invitation', 'x')) && !mayPass(new Error('x')));
});
