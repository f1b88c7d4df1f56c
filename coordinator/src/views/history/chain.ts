/**
 * What makes the history tamper-evident. Each row's hash covers its number, the hash of the row before it and the digest of its
 * content; the head (which rows there are, the hash before the first and that of the last) is signed with the coordinator's
 * key in the transaction that adds rows or prunes them. So an edit breaks a row's hash, a row taken out leaves a gap, and what is
 * taken off either end, or added by somebody without the key, contradicts the head. The head also stands in a text file beside
 * the history: a history put back to an older state as a whole contradicts that, and any copy of it kept elsewhere.
 */
import { hash, type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';

/** The hash before the first row of all. */
export const NO_HASH = '0'.repeat(64);

export interface Link {
  readonly id: number;
  /** Hash of the row before. */
  readonly before: string;
  /** SHA-256 of the row's content, hex. */
  readonly digest: string;
}

export function rowHash({ id, before, digest }: Link): string {
  return hash('sha256', `logic-history-row 1\n${id}\n${before}\n${digest}\n`);
}

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.coerce.number().int().min(0);
const head = z.object({
  /** Number of the oldest row that is kept; one more than `last` where none is. */
  first: count,
  /** Hash of the row before it, which is pruned or never was. */
  before: hex,
  last: count,
  hash: hex,
  /** When this was signed, ms since 1970 UTC. */
  at: count,
});
export type Head = Readonly<z.infer<typeof head>>;
export type SignedHead = Head & { readonly signature: string };
const signedHead = head.extend({ signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/) });

export const EMPTY: Omit<Head, 'at'> = { first: 1, before: NO_HASH, last: 0, hash: NO_HASH };

const TITLE = 'logic-history 1';
const FIELDS = ['first', 'before', 'last', 'hash', 'at'] as const;

/** The bytes that are signed: the lines of the text file above its signature. */
function statement(of: Head): string {
  return `${TITLE}\n${FIELDS.map((field) => `${field} ${of[field]}\n`).join('')}`;
}

/** ECDSA P-256 with SHA-256, ieee-p1363, base64url. */
export function signHead(of: Head, privateKey: KeyObject): SignedHead {
  const signature = sign('sha256', Buffer.from(statement(of)), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return { ...of, signature: signature.toString('base64url') };
}

export function headHolds(of: SignedHead, publicKey: KeyObject): boolean {
  const bytes = Buffer.from(of.signature, 'base64url');
  return verify('sha256', Buffer.from(statement(of)), { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes);
}

/** The head as it stands in the text file. */
export function checkpointText(of: SignedHead): string {
  return `${statement(of)}signature ${of.signature}\n`;
}

/** Reads a text file of that form; null for anything else. */
export function readCheckpoint(text: string): SignedHead | null {
  const [title, ...lines] = text.trimEnd().split('\n');
  const names = [...FIELDS, 'signature'];
  const fields = lines.map((line) => line.split(' '));
  const proper = title === TITLE && fields.map(([name]) => name).join() === names.join();
  const read = proper ? signedHead.safeParse(Object.fromEntries(fields)) : null;
  return read?.success && checkpointText(read.data) === `${text.trimEnd()}\n` ? read.data : null;
}
