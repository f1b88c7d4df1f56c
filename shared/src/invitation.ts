/**
 * An invitation: one text that an operator copies to the machine that is to join. It says where the fleet's coordinator is and which
 * authority to believe there (the pin), and holds a secret that is good once. Whoever has it can join as that site until then, so
 * it is to be sent as a password would be.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { siteName } from './api/ask.ts';
import { labels } from './api/membership.ts';
import { LogicError } from './errors.ts';

const PREFIX = 'logic-invite-1.';
/** Base64 of a few hundred bytes; a whole file pasted by mistake is not read. */
const TEXT_CHARACTERS = 16 * 1024;

const invitation = z.object({
  site: siteName,
  /** host:port of the coordinator. */
  coordinator: z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/),
  /** SHA-256 of the authority's public key (SPKI), hex. */
  pin: z.string().regex(/^[0-9a-f]{64}$/),
  /** 256 random bits, base64url. */
  secret: z.string().regex(/^[\w-]{43}$/),
  /** Milliseconds since 1970 UTC. */
  expires: z.int(),
  labels,
});
export type Invitation = z.infer<typeof invitation>;

export function writeInvitation(invitation: Invitation): string {
  return PREFIX + Buffer.from(JSON.stringify(invitation)).toString('base64url');
}

/** Throws `bad_invitation` for what is none. Blanks and line ends that a mail put in are read over. */
export function readInvitation(text: string): Invitation {
  const whole = text.replace(/\s/g, '');
  if (!whole.startsWith(PREFIX) || whole.length > TEXT_CHARACTERS)
    throw new LogicError('bad_invitation', `an invitation begins with ${PREFIX}: copy all of it`);
  try {
    return invitation.parse(JSON.parse(Buffer.from(whole.slice(PREFIX.length), 'base64url').toString()));
  } catch (cause) {
    throw new LogicError('bad_invitation', 'the invitation is not whole: copy all of it', cause);
  }
}

/** What is kept of a secret: it has 256 random bits, so there is nothing to guess. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** What is pinned of a key. */
export function pinOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}
