/**
 * A reply's stamp and signature (docs/protocol.md section 4). What is signed is a statement of eight lines: the asker's words and
 * nonce, the site's name, time, revision and bundle, and the digest of the body as it travels. So a reply holds
 * for one question of one asker, and an altered, swapped or old one does not verify.
 *
 * A busy site signs several replies at once: their statements are the leaves of a hash tree (as RFC 6962 section 2.1 makes one:
 * leaves and nodes are hashed apart), the signature is over its root, and each reply carries the path from its leaf to there. A signature costs 26
 * microseconds, a path of four hashes two. A reply that is alone has the empty path and a signature over its statement.
 */
import { hash, type KeyObject, sign, verify } from 'node:crypto';
import { LogicError } from './errors.ts';

export interface ReplyStamp {
  readonly site: string;
  /** The site's clock when the question ran, in milliseconds since 1970 UTC. */
  readonly now: number;
  readonly revision: number;
  /** Bundle digest in hex. */
  readonly bundle: string;
  readonly nonce: string;
  /** ECDSA P-256 with SHA-256, ieee-p1363, base64url. */
  readonly signature: string;
  /** From the statement's leaf up: `l` or `r`, the side of the neighbour, and its hash in base64url. Empty where the reply was signed alone. */
  readonly path: string;
}

export type Signed = Pick<ReplyStamp, 'signature' | 'path'>;

export interface ReplyStatement extends Omit<ReplyStamp, 'signature' | 'path'> {
  /** The question's text as the site received it. */
  readonly ask: string;
  /** The reply's body as it travels. */
  readonly body: string | Uint8Array;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

const NUMBER = /^(0|[1-9]\d{0,15})$/;
const FORMS = {
  'logic-site': /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
  'logic-now': NUMBER,
  'logic-revision': NUMBER,
  'logic-bundle': /^[0-9a-f]{64}$/,
  'logic-nonce': /^([0-9a-f]{32})?$/,
  'logic-signature': /^[A-Za-z0-9_-]{86}$/,
  'logic-path': /^([lr][A-Za-z0-9_-]{43}){0,6}$/,
} as const;

/** The stamp in a reply's header lines (lower-case names). Throws `bad_reply` where one is missing or malformed. */
export function readStamp(headers: Headers): ReplyStamp {
  const field = (name: keyof typeof FORMS): string => {
    const value = headers[name];
    if (typeof value === 'string' && FORMS[name].test(value)) return value;
    throw new LogicError('bad_reply', `The reply has no proper ${name}.`);
  };
  const number = (name: 'logic-now' | 'logic-revision'): number => {
    const value = Number(field(name));
    if (Number.isSafeInteger(value)) return value;
    throw new LogicError('bad_reply', `The reply has no proper ${name}.`);
  };
  return {
    site: field('logic-site'),
    now: number('logic-now'),
    revision: number('logic-revision'),
    bundle: field('logic-bundle'),
    nonce: field('logic-nonce'),
    signature: field('logic-signature'),
    path: headers['logic-path'] === undefined ? '' : field('logic-path'),
  };
}

const digest = (data: string | Uint8Array): string => hash('sha256', data);

/** The bytes that are signed. */
export function replyStatement({ site, ask, nonce, now, revision, bundle, body }: ReplyStatement): Buffer {
  const lines = [
    'logic-reply 1',
    site,
    digest(ask),
    nonce,
    String(now),
    String(revision),
    bundle,
    digest(body),
  ];
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** The signature of a reply that is alone, by the site's private key (P-256), as it stands in the header. */
export function signReply(statement: ReplyStatement, privateKey: KeyObject): string {
  return signature(replyStatement(statement), privateKey);
}

/** Signs replies together, up to SIGNED_AT_ONCE, in their order. */
export function signReplies(statements: readonly ReplyStatement[], privateKey: KeyObject): Signed[] {
  const [first] = statements;
  if (first !== undefined && statements.length === 1)
    return [{ signature: signReply(first, privateKey), path: '' }];
  const { root, paths } = hashTree(statements.map((one) => leafHash(replyStatement(one))));
  const shared = signature(rootStatement(root), privateKey);
  return paths.map((path) => ({ signature: shared, path }));
}

/** Throws `bad_signature` unless the signature is the site's own over this statement. */
export function verifyReply(
  statement: ReplyStatement,
  { signature, path }: Signed,
  publicKey: KeyObject,
): void {
  const bytes = Buffer.from(signature, 'base64url');
  const said =
    path === '' ? replyStatement(statement) : rootStatement(rootOf(replyStatement(statement), path));
  const whole = bytes.length === 2 * HALF_BYTES;
  if (whole && verify('sha256', said, publicKey, asDer(bytes))) return;
  throw new LogicError('bad_signature', "The signature is not this site's for this question and reply.");
}

function signature(said: Buffer, privateKey: KeyObject): string {
  return fixedLength(sign('sha256', said, privateKey)).toString('base64url');
}

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);
/** A side and 32 bytes in base64url. */
const STEP_CHARACTERS = 44;

const leafHash = (statement: Buffer): Buffer => hash('sha256', Buffer.concat([LEAF, statement]), 'buffer');
const nodeHash = (left: Buffer, right: Buffer): Buffer =>
  hash('sha256', Buffer.concat([NODE, left, right]), 'buffer');
const rootStatement = (root: Buffer): Buffer => Buffer.from(`logic-replies 1\n${root.toString('hex')}\n`);

/** Neighbours are joined level by level; one without a neighbour goes up as it is. */
function hashTree(leaves: readonly Buffer[]): { root: Buffer; paths: string[] } {
  const paths = leaves.map(() => '');
  let level = leaves.map((hash, at) => ({ hash, from: at, to: at + 1 }));
  const lengthen = ({ from, to }: { from: number; to: number }, step: string) => {
    for (let at = from; at < to; at += 1) paths[at] += step;
  };
  while (level.length > 1) {
    const above: typeof level = [];
    for (let at = 0; at < level.length; at += 2) {
      const [left, right] = [level[at], level[at + 1]];
      if (left === undefined) continue;
      if (right === undefined) {
        above.push(left);
        continue;
      }
      lengthen(left, `r${right.hash.toString('base64url')}`);
      lengthen(right, `l${left.hash.toString('base64url')}`);
      above.push({ hash: nodeHash(left.hash, right.hash), from: left.from, to: right.to });
    }
    level = above;
  }
  return { root: level[0]?.hash ?? LEAF, paths };
}

function rootOf(statement: Buffer, path: string): Buffer {
  let at = leafHash(statement);
  for (let from = 0; from < path.length; from += STEP_CHARACTERS) {
    const neighbour = Buffer.from(path.slice(from + 1, from + STEP_CHARACTERS), 'base64url');
    at = path[from] === 'l' ? nodeHash(neighbour, at) : nodeHash(at, neighbour);
  }
  return at;
}

/*
 * ECDSA signatures travel as r and s, 32 bytes each (IEEE P1363), and OpenSSL makes DER. node:crypto converts where it is
 * asked to (`dsaEncoding`), but a key that is passed along with an option costs 20 of 42 microseconds a
 * signature, and 24 of 84 a check (Node 24.21): a coordinator checks a thousand at once.
 */
const HALF_BYTES = 32;
const INTEGER = 0x02;
const SEQUENCE = 0x30;

/** SEQUENCE { INTEGER r, INTEGER s }, each with leading zeros as the number needs them, to r and s of fixed length. */
function fixedLength(der: Buffer): Buffer {
  const fixed = Buffer.alloc(2 * HALF_BYTES);
  const half = (at: number, end: number) => {
    const length = der[at + 1] ?? 0;
    const digits = der.subarray(at + 2, at + 2 + length);
    const value = digits.subarray(Math.max(0, length - HALF_BYTES));
    value.copy(fixed, end - value.length);
    return at + 2 + length;
  };
  half(half(2, HALF_BYTES), 2 * HALF_BYTES);
  return fixed;
}

function asDer(fixed: Buffer): Buffer {
  const parts = [fixed.subarray(0, HALF_BYTES), fixed.subarray(HALF_BYTES)].map(integer);
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([SEQUENCE, content.length]), content]);
}

/** The shortest form, and a zero in front where the first bit would make it negative. */
function integer(half: Buffer): Buffer {
  let from = 0;
  while (from < HALF_BYTES - 1 && half[from] === 0) from += 1;
  const sign = (half[from] ?? 0) >= 0x80 ? [0] : [];
  const length = HALF_BYTES - from + sign.length;
  return Buffer.concat([Buffer.from([INTEGER, length, ...sign]), half.subarray(from)]);
}
