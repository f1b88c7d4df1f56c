/**
 * From a sensor to Prolog, read this first: collect, journal, sync. A batch is checked whole against the
 * catalogue, journaled (that is its acknowledgement: the revision), then committed to Prolog, whose text follows.
 * If Prolog is away, the journal is ahead and the next engine catches up.
 */
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { BATCH_OBSERVATIONS } from '@fleet/shared/limits.ts';
import type { Logger } from 'pino';
import type { Engine } from '../prolog/engine.ts';
import type { World } from '../world.ts';
import type { Journal } from './journal.ts';
import { type Collector, type Observation, toRow } from './observation.ts';
import type { StateSync } from './sync.ts';

export interface TelemetryParts {
  readonly manifest: Manifest;
  readonly journal: Journal;
  readonly sync: StateSync;
  readonly engine: Engine;
  readonly world: World;
  readonly log: Logger;
}

/** Takes a batch: on the disk when this returns. Throws `bad_fact`, `too_large`; then nothing of it is taken. */
export function observe(batch: readonly Observation[], parts: TelemetryParts): { revision: number } {
  if (batch.length > BATCH_OBSERVATIONS) {
    throw new LogicError('too_large', `A batch has at most ${BATCH_OBSERVATIONS} observations.`);
  }
  const rows = batch.map((observation) => toRow(observation, parts.manifest));
  const revision = parts.journal.append(rows, parts.world.now());
  if (parts.engine.state === 'ready') void parts.sync.follow(parts.engine.bridge());
  return { revision };
}

/** One pass of one collector. A failure is its own: logged, and its facts go stale by themselves. */
export async function collectOnce(collector: Collector, parts: TelemetryParts): Promise<void> {
  try {
    const batch = await collector.collect(parts.world.now());
    if (batch.length > 0) observe(batch, parts);
  } catch (cause) {
    parts.log.error({ err: cause, source: collector.source }, 'collector failed');
  }
}
