/**
 * How fast temperatures change: a fact made from the last readings, so that rules need no clock.
 *
 * The trend of a node is the slope of the least-squares line through its readings (t, T) of the last
 * TREND_WINDOW_MS, in °C per minute:
 *
 *     sum((t - mean t) * (T - mean T)) / sum((t - mean t)^2)
 *
 * rounded to a thousandth, which is below what sensors resolve. It comes with the reading that ends it, with the
 * same source and validity. Readings of different sources are never put on one line. Only this process's
 * memory holds them: after a start the first trend takes TREND_SPAN_LEAST_MS. A reading that is older than the one
 * before it means that the clock was set back, and the line begins anew.
 */
import {
  TREND_READINGS_LEAST,
  TREND_READINGS_MOST,
  TREND_SPAN_LEAST_MS,
  TREND_WINDOW_MS,
} from '@fleet/shared/limits.ts';
import type { Term } from '@fleet/shared/term.ts';
import { fact, type Observation } from './observation.ts';

interface Reading {
  /** ms since 1970 */
  readonly at: number;
  /** °C */
  readonly temp: number;
}

const MS_PER_MINUTE = 60_000;

export class TemperatureTrends {
  /** Oldest first, by source and node. */
  readonly #readings = new Map<string, readonly Reading[]>();

  /** Takes the temperatures of a batch in and gives the trends that they end. */
  after(batch: readonly Observation[]): Observation[] {
    const told = new Set(batch.flatMap(({ fact }) => floatOf(fact, 'node_temp_trend')?.node ?? []));
    return batch.flatMap((observation) => {
      const seen = floatOf(observation.fact, 'node_temp');
      if (seen === null || told.has(seen.node)) return [];
      const readings = this.#add(`${observation.source}\0${seen.node}`, {
        at: observation.observedAt,
        temp: seen.value,
      });
      const trend = slopePerMinute(readings);
      return trend === null ? [] : [{ ...observation, fact: fact('node_temp_trend', seen.node, trend) }];
    });
  }

  #add(key: string, reading: Reading): readonly Reading[] {
    const before = this.#readings.get(key) ?? [];
    const setBack = (before.at(-1)?.at ?? Number.NEGATIVE_INFINITY) >= reading.at;
    const kept = setBack ? [] : before.filter(({ at }) => at > reading.at - TREND_WINDOW_MS);
    const readings = [...kept, reading].slice(-TREND_READINGS_MOST);
    this.#readings.set(key, readings);
    return readings;
  }
}

/** °C per minute; null where there are too few readings or they lie too close together. */
export function slopePerMinute(readings: readonly Reading[]): number | null {
  const first = readings[0]?.at ?? 0;
  const span = (readings.at(-1)?.at ?? 0) - first;
  if (readings.length < TREND_READINGS_LEAST || span < TREND_SPAN_LEAST_MS) return null;
  const times = readings.map(({ at }) => (at - first) / MS_PER_MINUTE);
  const meanTime = mean(times);
  const meanTemp = mean(readings.map(({ temp }) => temp));
  let products = 0;
  let squares = 0;
  readings.forEach(({ temp }, i) => {
    const apart = (times[i] ?? 0) - meanTime;
    products += apart * (temp - meanTemp);
    squares += apart * apart;
  });
  // Minus zero is no value of the language.
  return Math.round((products / squares) * 1000) / 1000 + 0;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Node and number of a fact `name(Node, Float)`. */
function floatOf(term: Term, name: string): { node: string; value: number } | null {
  if (term.kind !== 'compound' || term.name !== name || term.args.length !== 2) return null;
  const [node, value] = term.args;
  return node?.kind === 'atom' && value?.kind === 'float' ? { node: node.name, value: value.value } : null;
}
