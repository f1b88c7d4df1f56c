/**
 * A question that is asked again and again, read once: as it was asked, and without its proofs. Whether an answer changed shows in
 * the rows alone (a proof changes with every reading that it rests on), so a look that finds no change costs no proof.
 */
import { hash } from 'node:crypto';
import { LogicError } from '../errors.ts';
import { QUERY_TEXT_BYTES, TERM_DEPTH } from '../limits.ts';
import { argumentsOf, compound, isCompound, readTerm, type Term, writeTerm } from '../term.ts';
import { readCreate, readKeys } from './request.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface StandingQuestion {
  /** As it was received: what the signature speaks of. */
  readonly ask: string;
  /** For the lane, as asked. */
  readonly whole: string;
  /** For the lane, without proofs; the same where none were asked for. */
  readonly rows: string;
}

/** Reads the body of a create. Throws as `readCreate`, and `bad_request` for one that does not want all answers at once. */
export function readStanding(contentType: string, body: Buffer, vocabulary: Vocabulary): StandingQuestion {
  const keys = readKeys(contentType, body);
  const { ask, lane, format } = readCreate(keys, vocabulary);
  if (ask === null || lane === null || format !== 'prolog') {
    const wanted = 'ask, template, destroy, the largest chunk, and format prolog';
    throw new LogicError('bad_request', `A watch wants all answers at once: send ${wanted}.`);
  }
  const plain = withoutProof(ask, String(keys.get('template')));
  const rows = plain === null ? null : readCreate(new Map([...keys, ...plain]), vocabulary).lane;
  return { ask, whole: lane, rows: rows ?? lane };
}

/** Ask and template without `prove/2` and its variable; null where there is none. */
function withoutProof(ask: string, template: string): readonly (readonly [string, string])[] | null {
  const goal = read(ask);
  const [assumptions, inner] = isCompound(goal, 'assuming', 2) ? goal.args : [null, goal];
  if (inner === undefined || !isCompound(inner, 'prove', 2)) return null;
  const [proved, proof] = inner.args as [Term, Term];
  if (proof.kind !== 'var') return null;
  const asked = read(template);
  const columns = asked.kind === 'list' ? asked.items : asked.kind === 'var' ? [asked] : argumentsOf(asked);
  const left = columns.filter((column) => column.kind !== 'var' || column.name !== proof.name);
  const plain = assumptions === null ? proved : compound('assuming', [assumptions, proved]);
  return [
    ['ask', writeTerm(plain)],
    ['template', `[${left.map(writeTerm).join(',')}]`],
  ];
}

function read(text: string): Term {
  return readTerm(text, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term;
}

/** The end of an event that says how long the engine took: the one part of a reply to the same pengine id that never repeats. */
const SECONDS = /,[^,()]+(?:,(?:true|false))?\)\)\)\]\)\.\s*$/;
const SECONDS_BYTES = 64;

/** Equal for replies with equal rows (or the same error), to questions of the same pengine id. */
export function answerDigest(body: Buffer): string {
  const seconds = SECONDS.exec(body.subarray(-SECONDS_BYTES).toString('latin1'))?.[0].length ?? 0;
  return hash('sha256', body.subarray(0, body.length - seconds));
}
