/**
 * After the last stage: the answer goes into the history, with who asked and how long it took. The asker does not wait for the disk;
 * where the history cannot be written at the moment, the answer says so.
 */
import type { FleetAskInput, FleetResult } from '@fleet/shared/api/ask.ts';
import type { Caller } from '@fleet/shared/tokens.ts';
import type { History } from '../views/history.ts';
import type { World } from '../world.ts';

interface Remembering {
  readonly history?: History;
  readonly world: World;
}

/** Notes that a question begins, and gives what is to be done with its answer. */
export function startRemembering(
  { history, world }: Remembering,
  asked: FleetAskInput,
  by?: Caller,
): (result: FleetResult) => FleetResult {
  const [at, began] = [world.now(), world.elapsed()];
  return (result) => {
    if (history === undefined) return result;
    const ms = Math.round(world.elapsed() - began);
    history.record({ result, asked, askedBy: by?.name ?? 'loopback', at, ms });
    const warning = history.warning();
    return warning === null ? result : { ...result, warnings: [warning] };
  };
}
