/** The trend of a temperature: the slope of a line through what one source saw of one node. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  TREND_READINGS_LEAST,
  TREND_READINGS_MOST,
  TREND_SPAN_LEAST_MS,
  TREND_WINDOW_MS,
} from '@fleet/shared/limits.ts';
import { writeTerm } from '@fleet/shared/term.ts';
import fc from 'fast-check';
import { fact, type Observation } from './observation.ts';
import { slopePerMinute, TemperatureTrends } from './trend.ts';

const NOON = 1_732_446_000_000;
const STEP_MS = 20_000;

function reading(temp: number, at: number, of: { node?: string; source?: string } = {}): Observation {
  const { node = 'pve1', source = 'host' } = of;
  return { fact: fact('node_temp', node, temp), source, observedAt: at, validUntil: at + 1_000 };
}

/** What each reading ended, as text; none as null. */
function trendsOf(trends: TemperatureTrends, readings: readonly Observation[]): (string | null)[] {
  return readings.map((one) => {
    const [trend] = trends.after([one]);
    return trend === undefined ? null : writeTerm(trend.fact);
  });
}

test('readings on a line give its slope in degrees a minute, whatever their spacing', () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 10, maxLength: 50 });
  const slopes = fc.integer({ min: -50_000, max: 50_000 }).map((thousandths) => thousandths / 1000);
  fc.assert(
    fc.property(gaps, slopes, fc.double({ min: 20, max: 90, noNaN: true }), (gapsMs, slope, start) => {
      let at = NOON;
      const line = gapsMs.map((gap) => {
        at += gap;
        return { at, temp: start + (slope * (at - NOON)) / 60_000 };
      });
      const span = at - (line[0]?.at ?? 0);
      const found = slopePerMinute(line);
      if (span < TREND_SPAN_LEAST_MS) assert.equal(found, null);
      else assert.ok(found !== null && Math.abs(found - slope) <= 0.001, `${found} for ${slope}`);
    }),
  );
});

test('a temperature that stands still has the trend 0, never minus zero', () => {
  const still = [-0.0001, 0].map((drift) =>
    slopePerMinute([0, 1, 2, 3, 4].map((i) => ({ at: NOON + i * STEP_MS, temp: 50 + drift * i }))),
  );
  for (const slope of still) assert.ok(Object.is(slope, 0), String(slope));
});

test('the first trend comes when there are enough readings over enough time, with the evidence of the last', () => {
  const trends = new TemperatureTrends();
  const quick = Array.from({ length: TREND_READINGS_LEAST + 3 }, (_, i) => reading(50, NOON + i));
  assert.deepEqual(new Set(trendsOf(trends, quick)), new Set([null]), 'too close together');
  const few = [0, 1, 2].map((i) => reading(50, NOON + i * TREND_SPAN_LEAST_MS, { node: 'few' }));
  assert.deepEqual(trendsOf(trends, few), [null, null, null]);
  const last = reading(53, NOON + 3 * TREND_SPAN_LEAST_MS, { node: 'few' });
  const [trend] = trends.after([last]);
  assert.deepEqual(
    [trend?.source, trend?.observedAt, trend?.validUntil],
    [last.source, last.observedAt, last.validUntil],
  );
  assert.equal(trend && writeTerm(trend.fact), 'node_temp_trend(few,0.9)');
});

test('what is older than the window is forgotten, and no more readings are kept than limits.ts says', () => {
  const trends = new TemperatureTrends();
  const jump = [...Array(10).keys()].map((i) => reading(90, NOON + i * STEP_MS));
  const later = NOON + TREND_WINDOW_MS + 10 * STEP_MS;
  const still = [...Array(10).keys()].map((i) => reading(40, later + i * STEP_MS));
  assert.equal(trendsOf(trends, [...jump, ...still]).at(-1), 'node_temp_trend(pve1,0.0)');
  const dense = new TemperatureTrends();
  const everyMs = Math.floor(TREND_SPAN_LEAST_MS / TREND_READINGS_MOST) + 1;
  const falling = [...Array(50).keys()].map((i) => reading(90 - i, NOON + i * everyMs));
  const flat = [...Array(TREND_READINGS_MOST).keys()].map((i) => reading(40, NOON + (50 + i) * everyMs));
  assert.equal(trendsOf(dense, [...falling, ...flat]).at(-1), 'node_temp_trend(pve1,0.0)');
});

test('sources and nodes have lines of their own', () => {
  const trends = new TemperatureTrends();
  const both = [0, 1, 2, 3, 4].flatMap((i) => [
    reading(50 + i, NOON + i * STEP_MS, { source: 'a' }),
    reading(80 - i, NOON + i * STEP_MS, { source: 'b' }),
    reading(60, NOON + i * STEP_MS, { node: 'pve2', source: 'a' }),
  ]);
  assert.deepEqual(trendsOf(trends, both).slice(-3), [
    'node_temp_trend(pve1,3.0)',
    'node_temp_trend(pve1,-3.0)',
    'node_temp_trend(pve2,0.0)',
  ]);
});

test('a clock that was set back, or stands still, begins the line anew', () => {
  const trends = new TemperatureTrends();
  const before = [0, 1, 2, 3, 4].map((i) => reading(50 + i, NOON + i * STEP_MS));
  const after = [0, 1, 2, 3].map((i) => reading(50, NOON - TREND_WINDOW_MS / 2 + i * STEP_MS));
  const seen = trendsOf(trends, [...before, ...after]);
  assert.equal(seen[4], 'node_temp_trend(pve1,3.0)');
  assert.deepEqual(seen.slice(5), [null, null, null, 'node_temp_trend(pve1,0.0)']);
  assert.deepEqual(trendsOf(trends, [reading(70, after[3]?.observedAt ?? 0)]), [null]);
});

test('a source that tells the trend by itself is believed, and other facts have none', () => {
  const trends = new TemperatureTrends();
  for (let i = 0; i < 10; i += 1) {
    const one = reading(50 + i, NOON + i * STEP_MS);
    const told = { ...one, fact: fact('node_temp_trend', 'pve1', 0.5) };
    const other = { ...one, fact: fact('node_load', 'pve2', i) };
    assert.deepEqual(trends.after([one, told, other]), []);
  }
});
