/**
 * A fleet question whose sites appear as they answer: what the pipeline knows of each site, at once, then its result. The work is
 * that of `askFleet`; whoever leaves cancels it, at the sites too.
 */
import type { FleetAskInput, FleetResult, StreamEvent } from '@fleet/shared/api/ask.ts';
import { Feed } from '../views/feed.ts';
import { askFleetTelling, type Fleet, type Waiting } from './pipeline.ts';

/** Iterates over `site` events and one `end`; fails as `askFleet`. `cancel` ends it, and so does leaving. */
export async function* streamFleet(
  fleet: Fleet,
  input: FleetAskInput,
  { cancel, by }: Pick<Waiting, 'cancel' | 'by'> = {},
): AsyncGenerator<StreamEvent> {
  const left = new AbortController();
  const gone = cancel === undefined ? left.signal : AbortSignal.any([cancel, left.signal]);
  // One event for each target and no more: all of them may wait.
  const feed = new Feed<StreamEvent>({ most: Number.POSITIVE_INFINITY });
  const tell = ({ outcome, answers }: Omit<StreamEvent & { kind: 'site' }, 'kind'>) =>
    feed.push({ kind: 'site', outcome, answers });
  const ended = (result: FleetResult) => {
    feed.push({ kind: 'end', result });
    feed.end();
  };
  gone.addEventListener('abort', () => feed.end(), { once: true });
  askFleetTelling(fleet, input, { cancel: gone, tell, ...(by && { by }) }).then(ended, (cause) =>
    feed.fail(cause),
  );
  try {
    yield* feed;
  } finally {
    left.abort();
  }
}
