/** Replies of a real site, altered: each function takes what the site's own door said and gives what is sent in its place. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { DoorReply } from '@fleet/shared/door/reply.ts';
import { signReply } from '@fleet/shared/reply.ts';

export interface Told {
  /** The question's text, as the site received it. */
  readonly ask: string;
  readonly nonce: string;
  readonly reply: DoorReply;
}

/** A reading in its proof raised by one, and all of it signed anew by the site itself. */
export function changedFact(told: Told, key: KeyObject): DoorReply {
  const text = told.reply.body.toString();
  const changed = text.replace(
    /fact\(node_temp\((\w+),([\d.]+)\)/,
    (_whole, node: string, reading: string) => `fact(node_temp(${node},${Number(reading) + 1.5})`,
  );
  if (changed === text) throw new Error(`there is no reading to change in ${text.slice(0, 300)}`);
  return signed({ ...told, reply: { ...told.reply, body: Buffer.from(changed) } }, key);
}

/** The same words under somebody else's signature. */
export function otherKey(told: Told): DoorReply {
  return signed(told, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

/** What was said to an earlier question, as if it were said to this one. */
export function replayed(earlier: DoorReply, nonce: string): DoorReply {
  return { ...earlier, headers: { ...earlier.headers, 'logic-nonce': nonce } };
}

function signed({ ask, nonce, reply }: Told, key: KeyObject): DoorReply {
  const { 'logic-path': _, ...headers } = reply.headers;
  const signature = signReply(
    {
      site: headers['logic-site'] ?? '',
      bundle: headers['logic-bundle'] ?? '',
      now: Number(headers['logic-now']),
      revision: Number(headers['logic-revision']),
      ask,
      nonce,
      body: reply.body,
    },
    key,
  );
  return { ...reply, headers: { ...headers, 'logic-signature': signature } };
}
