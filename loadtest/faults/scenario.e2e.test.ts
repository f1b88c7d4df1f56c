/** The faults scenario on a small swarm: every fault at once, two seeds, a killed coordinator and a full disk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { met } from '../figures.ts';
import { measureFaults } from './scenario.ts';

test('with every fault there is at once, every target has the right outcome in time, no liar is believed and nothing honest is lost', async () => {
  const { figures, notes } = await measureFaults({
    sites: 40,
    seed: 1,
    seeds: 2,
    deadlineMs: 3_000,
    fullMs: 0,
    say: () => {},
  });
  const missed = figures
    .filter((figure) => met(figure) === false)
    .map(({ name, value }) => `${name}: ${value}`);
  assert.deepEqual(missed, [], notes.join('\n'));
  assert.ok(figures.length >= 12);
});
