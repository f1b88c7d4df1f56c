/**
 * The upper side: sites behind another coordinator are asked by one request to it, with the question and the nonce that each of them
 * gets unchanged, and each is answered by a line of its own: the site's reply as it signed it. So what comes back is checked here
 * by the site's own key, as if it had been asked directly; the coordinator between can lose a reply, not change one.
 *
 * Every site ends in exactly one `Reply`: its line; or, where none came, what became of the request to its coordinator.
 */
import { type LeafLine, leafLine } from '@fleet/shared/api/composition.ts';
import { asLogicError, ERRORS, type ErrorCode, isErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { REFUSAL_BYTES, REPLY_BYTES } from '@fleet/shared/limits.ts';
import type { Question } from '@fleet/shared/pengine.ts';
import type { NoReply, Patience, Reply } from '../query/fanout.ts';
import { plainText, readRefusal } from '../query/refusal.ts';
import type { Site } from '../sites/registry.ts';
import type { World } from '../world.ts';
import type { Below } from './below.ts';
import { linesOf, readAtMost } from './lines.ts';
import { deadlineBelow, extend, type Path, writePath } from './path.ts';
import type { Rosters } from './refresh.ts';
import type { Self } from './roster.ts';

/** What asking through a coordinator takes. */
export interface Through {
  readonly below: Below;
  readonly self: Self;
  readonly rosters: Pick<Rosters, 'seen'>;
}

export interface Passing extends Patience {
  /** Aborts at the deadline. */
  readonly deadline: AbortSignal;
  /** Aborts at the deadline and when the asker leaves. */
  readonly signal: AbortSignal;
}

/** A reply for each of `sites`, all of which are behind `coordinator`. None rejects, and all have settled by the deadline. */
export function askThrough(
  through: Through & { readonly world: World },
  { coordinator, sites }: { readonly coordinator: Site; readonly sites: readonly Site[] },
  { question, passing }: { readonly question: Question; readonly passing: Passing },
): readonly Promise<Reply>[] {
  const { world } = through;
  const start = world.elapsed();
  const askedAt = world.now();
  const nonce = passing.relay?.nonce ?? world.randomHex(16);
  const waiting = new Map(
    sites.map((site) => [site.via?.path ?? '', { site, ...Promise.withResolvers<Reply>() }]),
  );
  const replies = [...waiting.values()].map(({ promise }) => promise);
  const settle = (path: string, told: (site: Site, ms: number) => Reply) => {
    const one = waiting.get(path);
    if (one === undefined) return;
    waiting.delete(path);
    one.resolve(told(one.site, Math.round(world.elapsed() - start)));
  };
  const take = (text: string) => {
    const line = readLine(text);
    settle(line.site, (site, ms) => {
      const exchange = { site, ms, nonce, start, askedAt, receivedAt: world.now() };
      return replyOf(line, exchange);
    });
  };
  const end = (told: Told) => {
    for (const path of [...waiting.keys()]) settle(path, (site, ms) => ({ site, ms, kind: 'none', ...told }));
  };
  const paths = [...waiting.keys()];
  const path = passing.relay?.path ?? [];
  passOn(through, coordinator, { question, paths, nonce, passing, path }, take).then(
    () => end(failure(new LogicError('reply_lost', `${coordinator.name} ended its reply without this site`))),
    (cause) => {
      if (passing.deadline.aborted) through.below.retire(coordinator);
      end(whatBecame(coordinator, cause, passing));
    },
  );
  return replies;
}

interface Request {
  readonly question: Question;
  readonly paths: readonly string[];
  readonly nonce: string;
  readonly passing: Passing;
  readonly path: Path;
}

/** One request, and each line of its reply to `take`. */
async function passOn(
  { below, self, rosters }: Through,
  coordinator: Site,
  { question, paths, nonce, passing, path }: Request,
  take: (line: string) => void,
): Promise<void> {
  const way = extend(path, { id: self.id, name: coordinator.name });
  const reply = await below.ask(coordinator, {
    method: 'POST',
    path: '/pengine/create',
    headers: {
      'content-type': 'application/json',
      accept: 'application/x-ndjson',
      'logic-nonce': nonce,
      'logic-way': writePath(way),
      'logic-deadline-ms': String(deadlineBelow(passing.deadlineMs)),
    },
    body: `${question.body.slice(0, -1)},"sites":${JSON.stringify(paths)}}`,
    signal: passing.signal,
  });
  if (reply.statusCode !== 200)
    throw readRefusal(reply.statusCode, (await readAtMost(reply.body, REFUSAL_BYTES)).toString());
  const digest = reply.headers['logic-roster'];
  if (typeof digest === 'string') rosters.seen(coordinator, digest);
  // A reply in a line is JSON text: quotes and line ends are escaped.
  for await (const line of linesOf(reply.body, 2 * REPLY_BYTES)) take(line);
}

function readLine(text: string): LeafLine {
  try {
    return leafLine.parse(JSON.parse(text));
  } catch (cause) {
    throw new LogicError('bad_reply', 'a line of the reply is none', cause);
  }
}

interface Exchange {
  readonly site: Site;
  readonly ms: number;
  readonly nonce: string;
  readonly start: number;
  readonly askedAt: number;
  readonly receivedAt: number;
}

function replyOf({ outcome, code, message, stamp, body }: LeafLine, exchange: Exchange): Reply {
  const { site, ms } = exchange;
  if (body !== null) {
    return { ...exchange, kind: 'body', headers: stamp ?? {}, body: Buffer.from(body) };
  }
  return { site, ms, kind: 'none', ...withoutReply(outcome, code, message) };
}

type Told = Pick<NoReply, 'outcome' | 'error' | 'reason'>;

/** What a coordinator says of a site whose reply it has not: never that it answered. */
function withoutReply(outcome: LeafLine['outcome'], code: string | null, message: string | null): Told {
  const text = plainText(message ?? '');
  if (outcome === 'skipped' || outcome === 'cancelled') return { outcome, error: null, reason: text };
  if (code !== null && isErrorCode(code) && ERRORS[code].outcome === outcome)
    return failure(new LogicError(code, text));
  return failure(
    new LogicError('bad_reply', 'its coordinator says that it answered, and has no answer of it'),
  );
}

function failure(error: LogicError): Told {
  return { outcome: ERRORS[error.code].outcome, error };
}

/** Of the sites whose line had not come when the request failed. */
function whatBecame({ name }: Site, cause: unknown, { signal, deadline }: Passing): Told {
  if (signal.aborted && !deadline.aborted) return { outcome: 'cancelled', error: null };
  if (signal.aborted)
    return failure(new LogicError('deadline', `no reply of it came through ${name} by the deadline`));
  const { code, message } = cause instanceof LogicError ? cause : lost(cause);
  return failure(new LogicError(code, `by way of ${name}: ${message}`));
}

function lost(cause: unknown): { readonly code: ErrorCode; readonly message: string } {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  if (!/^(UND_|ERR_|E[A-Z]+$)/.test(code)) return asLogicError(cause);
  if (code.startsWith('ERR_SSL'))
    return { code: 'unreachable', message: `it ended the TLS session (${code})` };
  return { code: 'reply_lost', message: `the connection ended before the reply did (${code})` };
}
