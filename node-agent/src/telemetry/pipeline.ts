/**
 * From a sensor to Prolog, read this first: collect, journal, sync. A batch is checked whole against the
 * catalogue, journaled together with what arrives beside it (that is its acknowledgement: the revision), then
 * committed to Prolog, whose text follows. If Prolog is away, the journal is ahead and the next engine catches up.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { BATCH_OBSERVATIONS } from '@fleet/shared/limits.ts';
import type { Logger } from 'pino';
import type { SiteEngine } from '../prolog/engine.ts';
import type { World } from '../world.ts';
import type { Intake } from './intake.ts';
import type { Journal } from './journal.ts';
import { atPlace, type Observation, toRow } from './observation.ts';
import type { StateSync } from './sync.ts';

export interface TelemetryParts {
  readonly manifest: Manifest;
  readonly journal: Journal;
  readonly intake: Intake;
  readonly sync: StateSync;
  readonly engine: SiteEngine;
  readonly world: World;
  readonly log: Logger;
}

/**
 * Takes a batch: on the disk when this resolves. Rejects with `bad_fact`, `too_large`, `not_stored`; then nothing of
 * it is taken.
 */
export async function observe(
  batch: readonly Observation[],
  { manifest, intake }: Pick<TelemetryParts, 'manifest' | 'intake'>,
): Promise<{ revision: number }> {
  if (batch.length > BATCH_OBSERVATIONS) {
    throw new LogicError('too_large', `A batch has at most ${BATCH_OBSERVATIONS} observations.`);
  }
  const rows = await inSlices(batch, (one, index) =>
    atPlace(`Observation ${index}`, () => toRow(one, manifest)),
  );
  return { revision: await intake.take(rows) };
}

/** About a millisecond of reading and checking. */
const SLICE = 64;

/** Maps a large batch without keeping others from their turn: a question waits for one slice, not for ten thousand facts. */
export async function inSlices<T, R>(all: readonly T[], map: (one: T, index: number) => R): Promise<R[]> {
  const mapped: R[] = [];
  for (const [index, one] of all.entries()) {
    if (index > 0 && index % SLICE === 0) await nextTurn();
    mapped.push(map(one, index));
  }
  return mapped;
}
