/**
 * The stage `ask` of a question at its own site: it goes through the site's Pengine door, in the very words that
 * a coordinator would send, so that no private way of asking can drift from the public one.
 */

import type { DoorReply } from '@fleet/shared/door/reply.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import type { Question } from '@fleet/shared/pengine.ts';
import type { PengineDoor } from '../pengine/door.ts';

/** Who asks, and until when it matters. */
export interface Asker {
  readonly caller: string;
  readonly gone: AbortSignal;
}

/** Throws `busy` and what else the door tells by an HTTP status. */
export async function askDoor(
  door: PengineDoor,
  { body }: Question,
  asker: Asker & { nonce: string },
): Promise<DoorReply> {
  const reply = await door.handle({
    method: 'POST',
    action: 'create',
    query: new URLSearchParams(),
    contentType: 'application/json',
    body: Buffer.from(body),
    ...asker,
  });
  if (reply.status !== 200) throw refusal(reply);
  return reply;
}

function refusal(reply: DoorReply): LogicError {
  const code = reply.status === 429 ? 'busy' : reply.status === 413 ? 'too_large' : 'internal';
  return new LogicError(
    code,
    code === 'busy' ? 'The site answers as many questions as it may.' : 'The site refused the question.',
  );
}
