/**
 * What travels between two coordinators beside the question itself (docs/composition.md): how one is introduced to the other, which
 * sites it has, and a line for each of them.
 */
import { z } from 'zod';
import { COMPOSITION_LEVELS, ROSTER_SITES, SITE_MESSAGE_CHARACTERS } from '../limits.ts';
import { OUTCOMES, sitePath } from './ask.ts';

const hex64 = z.string().regex(/^[0-9a-f]{64}$/);
const pem = z.string().max(16_384);
export const labels = z.record(z.string().max(63), z.string().max(256));

/** What a lower coordinator's operator hands to the upper one's: where it is, who it is, and the certificate to ask it with. */
export const introduction = z.strictObject({
  format: z.literal(1),
  /** host:port of its TLS listener. */
  address: z.string().max(300),
  /** Of its authority, which signed its certificate and the one below. */
  authority: pem,
  /** SPKI of its key, by which it is known whatever its certificate. */
  publicKey: pem,
  /** For the upper coordinator's key, with the role of a coordinator. */
  certificate: pem,
});
export type Introduction = z.infer<typeof introduction>;

const rosterSite = z.strictObject({
  site: sitePath,
  kind: z.enum(['node', 'stock']),
  /** What it signs its replies as. */
  subject: z.string().max(63),
  /** SPKI in PEM; empty for a stock server, which signs nothing. */
  publicKey: pem,
  /** Of its certificate, or empty. */
  fingerprint: hex64.or(z.literal('')),
  labels,
  /** The ids of the coordinators between the one that tells of it and the site, from above. */
  through: z.array(hex64).max(COMPOSITION_LEVELS + 1),
});
export type RosterSite = z.infer<typeof rosterSite>;

/** The body of `GET /roster`. Its sender signs it (`logic-signature`). */
export const roster = z.strictObject({
  format: z.literal(1),
  /** Who tells: SHA-256 of its public key's SPKI. */
  id: hex64,
  sites: z.array(rosterSite).max(ROSTER_SITES),
});
export type Roster = z.infer<typeof roster>;

/** A line of `application/x-ndjson`: a site's own reply as it came, signed by it; or what became of it, where there is none. */
export const leafLine = z.object({
  site: sitePath,
  outcome: z.enum(OUTCOMES).nullable(),
  code: z.string().max(64).nullable(),
  message: z
    .string()
    .max(4 * SITE_MESSAGE_CHARACTERS)
    .nullable(),
  ms: z.number(),
  /** The header lines of the reply that begin with `logic-`. */
  stamp: z.record(z.string().regex(/^logic-[a-z-]{1,32}$/), z.string().max(1_024)).nullable(),
  body: z.string().nullable(),
});
export type LeafLine = z.infer<typeof leafLine>;
