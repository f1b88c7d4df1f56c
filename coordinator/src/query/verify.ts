/**
 * Fourth stage: is this reply the site's own, for this question, now, and does every proof in it hold?
 * A reply that fails in anything is `rejected` as a whole, with the code of the first failure, and
 * none of its answers goes on. Replies are checked in turns (turn.ts).
 *
 * An answer without a proof stands as `unproved`, whoever signed it. Where it came over the site's own session, both ends of which showed
 * their certificates, its signature would add nothing to that and is not checked; a relayed one always is.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Answer, SiteOutcome } from '@fleet/shared/api/ask.ts';
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { checkReply } from '@fleet/shared/check.ts';
import { asLogicError, ERRORS, type ErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { FLEET_SITES } from '@fleet/shared/limits.ts';
import { type Question, readReply } from '@fleet/shared/pengine.ts';
import { type ReplyStamp, readStamp } from '@fleet/shared/reply.ts';
import { checkStockReply } from '@fleet/shared/stock.ts';
import type { Clones } from '../sites/clones.ts';
import { type Admitted, readmit } from './admit.ts';
import type { NoReply, Reply, ReplyBody } from './fanout.ts';
import type { Manifests } from './manifests.ts';
import { plainText } from './refusal.ts';
import type { Turn } from './turn.ts';

/** One target's row of the coverage, and the answers that may be merged. */
export interface Verdict {
  readonly outcome: SiteOutcome;
  readonly answers: readonly Answer[];
  /** Answers that hold and are not to be merged (apart.ts), where that is so. */
  readonly apart?: readonly Answer[];
}

export interface Check extends Admitted {
  readonly question: Question;
  readonly manifest: Manifest;
  /** Of other bundles; where left out, a reply from one is rejected. */
  readonly manifests?: Manifests;
  readonly clones?: Pick<Clones, 'revision'> | undefined;
  /** Over all questions. */
  readonly turn: Turn;
  /** A reply that is not checked by then is late, on the elapsed clock; left out, it may take as long as it must. */
  readonly due?: number;
}

/** Never rejects: whatever is wrong with a reply is an outcome of its site. */
export async function verify(check: Check, reply: Reply): Promise<Verdict> {
  if (reply.kind === 'none') return withoutReply(reply);
  const bundle = reply.headers['logic-bundle'];
  const own = bundle === check.manifest.bundle || typeof bundle !== 'string';
  const rules = own ? check : await underItsRules(check, bundle);
  return check
    .turn(() => judge(rules, reply), check.due)
    .catch((cause: unknown) => refuse(reply, asLogicError(cause), null));
}

/** A reply from other core rules is checked against their manifest, where there is one and the question can be asked there. */
async function underItsRules(check: Check, bundle: string): Promise<Check> {
  const manifest = (await check.manifests?.of(bundle)) ?? null;
  if (manifest === null) return check;
  try {
    return { ...check, ...readmit(check, manifest), manifest };
  } catch (cause) {
    if (cause instanceof LogicError) return check;
    throw cause;
  }
}

function withoutReply({ site, ms, outcome, error, reason }: NoReply): Verdict {
  const code = error?.code ?? null;
  return {
    outcome: {
      site: site.name,
      outcome,
      code,
      message: error?.message ?? reason ?? null,
      ms,
      revision: null,
      bundle: null,
      answers: 0,
    },
    answers: [],
  };
}

function judge(check: Check, reply: ReplyBody): Verdict {
  const { asked, prove, question, manifest } = check;
  const { site, ms, nonce, start, askedAt, receivedAt } = reply;
  let stamp: ReplyStamp | null = null;
  try {
    if (site.kind === 'stock') return judgeStock(check, reply);
    if (reply.headers['logic-signature'] === undefined) throw unstamped(check, reply);
    stamp = readStamp(reply.headers);
    const { answers, outcome } = checkReply({
      asked,
      prove,
      ask: question.ask,
      body: reply.body,
      stamp,
      publicKey: publicKeyOf(site.publicKey),
      signed: prove || !reply.ownSession,
      expect: { site: site.subject, nonce, manifest, askedAt, receivedAt },
    });
    const { revision, bundle } = stamp;
    // Of a site behind another coordinator, that one keeps the count.
    const cloned = site.via === undefined ? check.clones?.revision(site, revision, start) : null;
    if (cloned) throw cloned;
    return {
      outcome: {
        site: site.name,
        outcome,
        code: null,
        message: null,
        ms,
        revision,
        bundle,
        answers: answers.length,
      },
      answers: site.name === site.subject ? answers : answers.map((one) => ({ ...one, site: site.name })),
    };
  } catch (cause) {
    return refuse(reply, asLogicError(cause), stamp);
  }
}

/** Keys as they were read: reading one costs as much as checking a signature with it. */
const keys = new Map<string, KeyObject>();

function publicKeyOf(pem: string): KeyObject {
  const known = keys.get(pem);
  if (known !== undefined) return known;
  // Sites that left make room, now and then; those of fleets below and beyond the size that this is made for do not push each other out.
  if (keys.size >= 10 * FLEET_SITES) keys.clear();
  const key = createPublicKey(pem);
  keys.set(pem, key);
  return key;
}

/** Nobody signed it and nothing proves it: what it says is read, typed, and stands as `unproved`. */
function judgeStock({ asked, manifest }: Check, { site, ms, body }: ReplyBody): Verdict {
  const text = body.toString();
  const { answers, outcome } = checkStockReply({ text, site: site.name, asked, manifest });
  const told = { code: null, message: null, ms, revision: null, bundle: null, answers: answers.length };
  return { outcome: { site: site.name, outcome, ...told }, answers };
}

/**
 * A site signs replies to questions that ran; that it would not run one needs no signature, for the TLS
 * session is the site's own and nothing of such a reply is merged. An answer without a stamp is none.
 */
function unstamped({ asked, prove }: Check, { body }: ReplyBody): LogicError {
  const reply = readReply(body.toString(), asked, prove);
  return reply.kind === 'error'
    ? new LogicError(reply.code, reply.message)
    : new LogicError('bad_signature', 'the reply is not signed');
}

/** Codes of a reply whose signature held, so that its revision and bundle are the site's word. */
const SIGNED: ReadonlySet<ErrorCode> = new Set([
  'bundle_mismatch',
  'bad_proof',
  'stale_evidence',
  'clock_skew',
  'cloned',
]);

function refuse({ site, ms }: ReplyBody, { code, message }: LogicError, stamp: ReplyStamp | null): Verdict {
  const { revision, bundle } = (SIGNED.has(code) ? stamp : null) ?? { revision: null, bundle: null };
  const { outcome } = ERRORS[code];
  return {
    outcome: {
      site: site.name,
      outcome,
      code,
      message: plainText(message),
      ms,
      revision,
      bundle,
      answers: 0,
    },
    answers: [],
  };
}
