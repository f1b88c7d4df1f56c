/**
 * Third stage: the same question to every target at once, one POST each, under one deadline.
 *
 * Every target ends in exactly one `Reply`, and none waits for another: a site that has not answered
 * within its slot gives its place among those being asked to the next one, and goes on being waited
 * for until the deadline. (Holding the place until the reply came was rejected: as many silent sites
 * as there are places would have kept all the others from being asked.) Nothing is asked twice here;
 * what came as a body is not looked at here either, only counted.
 */
import type { Outcome } from '@fleet/shared/api/ask.ts';
import { ERRORS, LogicError } from '@fleet/shared/errors.ts';
import { FANOUT_SLOT_MS, REFUSAL_BYTES, REPLY_BYTES } from '@fleet/shared/limits.ts';
import type { FleetQuestion } from '@fleet/shared/pengine.ts';
import type { LimitFunction } from 'p-limit';
import type { Through } from '../composition/ask-through.ts';
import { askBehind } from '../composition/behind.ts';
import type { Path } from '../composition/path.ts';
import type { Site } from '../sites/registry.ts';
import type { Session, Sessions } from '../sites/sessions.ts';
import type { World } from '../world.ts';
import { readRefusal } from './refusal.ts';
import { endLeftBehind, NO_ASSUMPTIONS } from './stock.ts';

/** What became of one target on the wire. */
export type Reply = ReplyBody | NoReply;

interface Target {
  readonly site: Site;
  /** From asking to this reply. */
  readonly ms: number;
}
export interface ReplyBody extends Target {
  readonly kind: 'body';
  readonly nonce: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** Whether it came over a session with the site itself, whose certificate was seen; else by way of another coordinator. */
  readonly ownSession?: boolean;
  /** When it was asked, on the elapsed clock. */
  readonly start: number;
  /** Wall clock around the exchange, milliseconds since 1970 UTC. */
  readonly askedAt: number;
  readonly receivedAt: number;
}
export interface NoReply extends Target {
  readonly kind: 'none';
  readonly outcome: Outcome;
  /** Null where the asker went away: that is nobody's error. */
  readonly error: LogicError | null;
  /** Why it was not asked, where it was not. */
  readonly reason?: string;
}

export interface Wire {
  readonly sessions: Sessions;
  /** Bounds how many sites are being asked at the same moment, over all questions. */
  readonly limit: LimitFunction;
  readonly world: World;
  /** How sites behind other coordinators are asked, where there are any. */
  readonly through?: Through | undefined;
}

/** Milliseconds until the deadline, and a signal that the asker has gone away. */
export interface Patience {
  readonly deadlineMs: number;
  readonly cancel?: AbortSignal | undefined;
  /** Of a question that another coordinator passed on: its nonce goes to the sites as it came. */
  readonly relay?: { readonly nonce: string; readonly path: Path } | undefined;
}

/** One promise for each target, in their order. None rejects, and all have settled by the deadline. */
export function fanout(
  wire: Wire,
  targets: readonly Site[],
  question: FleetQuestion,
  patience: Patience,
): Promise<Reply>[] {
  const { deadlineMs, cancel, relay } = patience;
  const deadline = AbortSignal.timeout(deadlineMs);
  const signal = cancel ? AbortSignal.any([deadline, cancel]) : deadline;
  const behind = askBehind(wire, targets, question, { ...patience, signal, deadline });
  return targets.map(
    (site) =>
      behind.get(site) ??
      inSlot(wire.limit, () => askSite(wire, site, question, { signal, deadline, nonce: relay?.nonce })),
  );
}

/** Runs `task` in a place of `limit` that is given back when it has settled, or after a slot. */
export function inSlot<T>(limit: LimitFunction, task: () => Promise<T>, slotMs = FANOUT_SLOT_MS): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  void limit(() => {
    const running = task();
    resolve(running);
    return new Promise<void>((leave) => {
      const timer = setTimeout(leave, slotMs).unref();
      const free = () => {
        clearTimeout(timer);
        leave();
      };
      running.then(free, free);
    });
  });
  return promise;
}

interface Signals {
  readonly signal: AbortSignal;
  readonly deadline: AbortSignal;
  readonly nonce?: string | undefined;
}

async function askSite(
  { sessions, world }: Wire,
  site: Site,
  question: FleetQuestion,
  { signal, deadline, nonce: given }: Signals,
): Promise<Reply> {
  const start = world.elapsed();
  const target = () => ({ site, ms: Math.round(world.elapsed() - start) });
  const sent = site.kind === 'stock' ? (question.plain ?? null) : question.body;
  if (sent === null) return { ...target(), ...NO_ASSUMPTIONS };
  const session = sessions.to(site);
  try {
    signal.throwIfAborted();
    const nonce = given ?? world.randomHex(16);
    const askedAt = world.now();
    const headers = { 'content-type': 'application/json', 'logic-nonce': nonce };
    const path = '/pengine/create';
    const { statusCode, body, ...reply } = await session.post({
      path,
      headers,
      body: sent,
      signal,
      most: mostOf,
    });
    if (statusCode !== 200) throw readRefusal(statusCode, body.toString());
    if (site.kind === 'stock') endLeftBehind(session, body);
    return {
      ...target(),
      kind: 'body',
      ownSession: true,
      nonce,
      headers: reply.headers,
      body,
      start,
      askedAt,
      receivedAt: world.now(),
    };
  } catch (cause) {
    if (!signal.aborted) return { ...target(), ...failure(lost(cause, site)) };
    if (!deadline.aborted) return { ...target(), kind: 'none', outcome: 'cancelled', error: null };
    const error = late(session);
    session.retire();
    return { ...target(), ...failure(error) };
  }
}

function failure(error: LogicError): Pick<NoReply, 'kind' | 'outcome' | 'error'> {
  return { kind: 'none', outcome: ERRORS[error.code].outcome, error };
}

function late(session: Session): LogicError {
  return new LogicError(
    'deadline',
    session.connected ? 'no whole reply came by the deadline' : 'no session was open by the deadline',
  );
}

const mostOf = (statusCode: number): number => (statusCode === 200 ? REPLY_BYTES : REFUSAL_BYTES);

/** What undici, TLS or HTTP/2 reported, as the one code that it comes to. */
export function lost(cause: unknown, site: Site): LogicError {
  if (cause instanceof LogicError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  if (code.startsWith('ERR_SSL'))
    return new LogicError('unreachable', `${site.address} ended the TLS session (${code})`, cause);
  if (/^(UND_|ERR_HTTP2|ERR_STREAM|E[A-Z]+$)/.test(code))
    return new LogicError('reply_lost', `the connection ended before the reply did (${code})`, cause);
  return new LogicError('internal', 'the question could not be sent', cause);
}
