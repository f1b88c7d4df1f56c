/** What the coverage of a question counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome, SiteOutcome } from './api/ask.ts';
import { coverageOf } from './coverage.ts';

const site = (name: string, outcome: Outcome): SiteOutcome => ({
  site: name,
  outcome,
  code: null,
  message: null,
  ms: 1,
  revision: 1,
  bundle: null,
  answers: 0,
});

test('every target is counted once, under its outcome', () => {
  const coverage = coverageOf([site('a', 'answered'), site('b', 'answered'), site('c', 'timeout')]);
  assert.deepEqual(
    [coverage.targets, coverage.answered, coverage.timeout, coverage.empty, coverage.sites.length],
    [3, 2, 1, 0, 3],
  );
});

test('complete means that every target answered or had nothing to answer', () => {
  assert.ok(coverageOf([site('a', 'answered'), site('b', 'empty')]).complete);
  for (const outcome of [
    'stale',
    'refused',
    'rejected',
    'error',
    'timeout',
    'unreachable',
    'cancelled',
    'skipped',
  ] as const) {
    assert.ok(!coverageOf([site('a', 'answered'), site('b', outcome)]).complete, outcome);
  }
  assert.ok(!coverageOf([]).complete, 'of no targets nothing is complete');
});
