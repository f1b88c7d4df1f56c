/**
 * Is this reply the site's own, for this question, now, and does every proof in it hold? The one path from a reply's bytes to
 * answers, for a site's own `ask` and for the coordinator's verify stage. It reads as the guarantee:
 *
 *   stamp names site and nonce -> signature -> bundle -> clock -> the engine's word -> answers distinct and in
 *   order -> each answer's proof concludes the query with that answer's values at that time.
 *
 * A reply that fails in anything fails whole: nothing of it is handed on.
 */
import type { KeyObject } from 'node:crypto';
import type { Answer } from './api/ask.ts';
import { hasBase, type Manifest } from './catalogue.ts';
import { LogicError } from './errors.ts';
import { toJson } from './json.ts';
import type { CheckedAsk } from './language.ts';
import { CLOCK_SKEW_MS } from './limits.ts';
import { type ReplyRow, readReply } from './pengine.ts';
import { checkProof } from './proof.ts';
import { type ReplyStamp, verifyReply } from './reply.ts';
import { compareTuples, type Term, writeTerm } from './term.ts';

export interface ReplyCheck extends SignedReply {
  readonly asked: CheckedAsk;
  /** Whether proofs were asked for. */
  readonly prove: boolean;
}

/** A reply's bytes, and what they must be signed as. */
export interface SignedReply {
  /** The text that was sent (`questionBody`). */
  readonly ask: string;
  /** The reply's body as it came. */
  readonly body: string | Uint8Array;
  readonly stamp: ReplyStamp;
  /** False where the session is the site's own and nothing that rests on the signature will be said. */
  readonly signed?: boolean;
  /** Of the site's certificate. */
  readonly publicKey: KeyObject;
  readonly expect: {
    readonly site: string;
    readonly nonce: string;
    readonly manifest: Manifest;
    /** Our clock when the question was sent and when the reply was whole, in milliseconds; left out, skew is not judged. */
    readonly askedAt?: number;
    readonly receivedAt?: number;
  };
}

export interface CheckedReply {
  readonly answers: readonly Answer[];
  readonly outcome: 'answered' | 'empty';
}

/**
 * Throws LogicError: `bad_reply`, `bad_signature`, `bundle_mismatch`, `clock_skew`, `bad_proof` or
 * `stale_evidence` for a reply that does not hold, and the site's own code for one that says it has no answer.
 */
export function checkReply(check: ReplyCheck): CheckedReply {
  checkStamp(check);
  const reply = readReply(decoded(check.body), check.asked, check.prove);
  if (reply.kind === 'error') throw new LogicError(reply.code, reply.message);
  let before: readonly Term[] | null = null;
  for (const { values } of reply.rows) {
    if (before !== null && compareTuples(before, values) >= 0) {
      throw new LogicError('bad_reply', 'The answers are not distinct and in canonical order.');
    }
    before = values;
  }
  const answers = reply.rows.map((row) => checkRow(row, check));
  return { answers, outcome: answers.length === 0 ? 'empty' : 'answered' };
}

/** The explanation in a reply to `explanationBody`; null where the goal holds. Throws as `checkReply`. */
export function checkExplanation(reply: SignedReply): Term | null {
  checkStamp(reply);
  const said = readReply(decoded(reply.body), { variables: [] }, true);
  if (said.kind === 'error') throw new LogicError(said.code, said.message);
  return said.rows[0]?.proof ?? null;
}

function checkStamp({ ask, body, stamp, signed = true, publicKey, expect }: SignedReply): void {
  if (stamp.site !== expect.site)
    throw new LogicError('bad_signature', 'The reply is stamped by another site.');
  if (stamp.nonce !== expect.nonce)
    throw new LogicError('bad_signature', 'The reply is to another question.');
  if (signed) verifyReply({ ...stamp, ask, body }, stamp, publicKey);
  if (stamp.bundle !== expect.manifest.bundle) {
    throw new LogicError('bundle_mismatch', "The site runs other core rules than this manifest's.");
  }
  const early = expect.askedAt !== undefined && stamp.now < expect.askedAt - CLOCK_SKEW_MS;
  const late = expect.receivedAt !== undefined && stamp.now > expect.receivedAt + CLOCK_SKEW_MS;
  if (early || late)
    throw new LogicError('clock_skew', `The site's clock differs by more than ${CLOCK_SKEW_MS} ms.`);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decoded(body: string | Uint8Array): string {
  if (typeof body === 'string') return body;
  try {
    return utf8.decode(body);
  } catch (cause) {
    throw new LogicError('bad_reply', 'The reply is not UTF-8.', cause);
  }
}

function checkRow({ values, proof, text }: ReplyRow, { asked, stamp, expect }: ReplyCheck): Answer {
  const { site } = expect;
  const { variables, types, goal, assumptions } = asked;
  // What a proof concludes is typed by its facts; nothing else types what has no proof.
  if (
    proof === null &&
    !variables.every((name, i) => hasBase(values[i] as Term, types.get(name) ?? 'atom'))
  ) {
    throw new LogicError('bad_reply', 'An answer has a value of another type.');
  }
  const bindings = Object.fromEntries(variables.map((name, i) => [name, toJson(values[i] as Term)]));
  if (proof === null) return { site, bindings, standing: 'unproved', proof: null };
  const bound = new Map(variables.map((name, i) => [name, values[i] as Term]));
  const { standing } = checkProof(proof, {
    query: goal,
    bindings: bound,
    now: stamp.now,
    manifest: expect.manifest,
    assumptions,
  });
  return { site, bindings, standing, proof: text ?? writeTerm(proof) };
}
