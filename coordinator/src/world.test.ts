/** The randomness that nonces are drawn from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realWorld } from './world.ts';

test('random hex has the length asked for, more than the pool holds too, and no nonce comes twice', () => {
  const seen = new Set<string>();
  for (let at = 0; at < 2_000; at += 1) {
    const nonce = realWorld.randomHex(16);
    assert.match(nonce, /^[0-9a-f]{32}$/);
    seen.add(nonce);
  }
  assert.equal(seen.size, 2_000);
  assert.equal(realWorld.randomHex(10_000).length, 20_000);
});
