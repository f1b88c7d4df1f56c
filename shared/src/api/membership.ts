/**
 * How a site becomes and stays a member of a fleet: bodies of POST /join, /renew and /moved at the coordinator's TLS listener, and of
 * the calls by which people invite and revoke (docs/fleet-identity.md).
 */
import { z } from 'zod';
import {
  INVITATION_DEFAULT_MS,
  INVITATION_VALID_MS,
  LABEL_CHARACTERS,
  LABELS,
  SIGNING_REQUEST_BYTES,
} from '../limits.ts';
import { siteName } from './ask.ts';

/** Names as in `zone`, values as in `rack-3`. */
const LABEL_NAME = new RegExp(`^[a-z][a-z0-9_]{0,${LABEL_CHARACTERS - 1}}$`);
const LABEL_VALUE = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${LABEL_CHARACTERS - 1}}$`);

export const labels = z
  .record(
    z.string().regex(LABEL_NAME, 'the name of a label has a-z, 0-9 and _'),
    z.string().regex(LABEL_VALUE, 'the value of a label has letters, digits, dot, - and _'),
  )
  .refine((all) => Object.keys(all).length <= LABELS, `a site has at most ${LABELS} labels`);

const address = z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/, 'write host:port');

export const joinInput = z.strictObject({
  secret: z.string().min(1).max(128),
  /** Certificate signing request, PEM. */
  request: z.string().min(1).max(SIGNING_REQUEST_BYTES),
});
export type JoinInput = z.infer<typeof joinInput>;

/** Both PEM: the site's certificate, and the authority's, by which the site knows its coordinator. */
export const membership = z.object({ certificate: z.string(), authority: z.string() });
export type Membership = z.infer<typeof membership>;

export const movedInput = z.strictObject({
  /** Where the site's TLS listener is, as the coordinator is to reach it. */
  address,
  /** Made anew by each process: two at once with one certificate are a clone. */
  instance: z.uuid(),
});
export type MovedInput = z.infer<typeof movedInput>;

/** Whether the coordinator reached the site at its address. */
export const movedReply = z.object({ reached: z.boolean() });

export const inviteInput = z.strictObject({
  name: siteName,
  labels: labels.default({}),
  validForMs: z.int().min(1_000).max(INVITATION_VALID_MS).default(INVITATION_DEFAULT_MS),
});
export type InviteInput = z.output<typeof inviteInput>;

export interface Invited {
  /** To be copied to the machine that is to join. */
  readonly invitation: string;
  /** Milliseconds since 1970 UTC. */
  readonly expires: number;
  /** The site is a member already: joining replaces its key. */
  readonly replaces: boolean;
}

export const labelInput = z.strictObject({
  name: siteName,
  set: labels.default({}),
  /** Names of labels to take away. */
  remove: z.array(z.string().max(LABEL_CHARACTERS)).max(LABELS).default([]),
});
export const renameInput = z.strictObject({ name: siteName, to: siteName });
export const revokeInput = z.strictObject({ name: siteName, reason: z.string().max(200).optional() });
