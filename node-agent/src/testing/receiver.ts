/** For tests: a webhook's receiver that is closed with its test. */
import { openReceiver, type Receiver } from '@fleet/shared/testing/receiver.ts';
import { atEnd, type Ending } from './folder.ts';

export type { Receiver } from '@fleet/shared/testing/receiver.ts';

/** Listens on a free port of the loopback. */
export async function startReceiver(t: Ending): Promise<Receiver> {
  const receiver = await openReceiver();
  atEnd(t, () => receiver.close());
  return receiver;
}
