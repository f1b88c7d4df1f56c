/**
 * The site's stamp on a reply: header lines that say who answered, when and at which revision, with a signature over
 * exactly the bytes that are sent (docs/protocol.md section 4).
 */
import type { KeyObject } from 'node:crypto';
import { type ReplyStatement, signReply } from '@fleet/shared/reply.ts';

export interface Signer {
  readonly site: string;
  /** Bundle digest in hex. */
  readonly bundle: string;
  readonly key: KeyObject;
}

export function stampHeaders(
  { site, bundle, key }: Signer,
  said: Omit<ReplyStatement, 'site' | 'bundle'>,
): Readonly<Record<string, string>> {
  return {
    'logic-site': site,
    'logic-now': String(said.now),
    'logic-revision': String(said.revision),
    'logic-bundle': bundle,
    'logic-nonce': said.nonce,
    'logic-signature': signReply({ site, bundle, ...said }, key),
  };
}
