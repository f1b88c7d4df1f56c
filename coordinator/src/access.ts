/**
 * Who asks this coordinator, and what they may do. On loopback: the holder of a token, or nobody in particular, who may do
 * everything that a shell on this machine may. viewer asks, operator invites and labels, admin revokes.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { LogicError } from '@fleet/shared/errors.ts';
import { type Caller, type Tokens, tokenCaller } from '@fleet/shared/tokens.ts';
import type { World } from './world.ts';

/** Throws `unauthorized`, `forbidden`. */
export type CallerOf = (request: AskingRequest) => Caller;

/** A request of HTTP/1.1 or HTTP/2, or one that is to become a WebSocket. */
interface AskingRequest {
  readonly headers: IncomingHttpHeaders;
}

const LOOPBACK: Caller = { name: 'loopback', role: 'admin' };

export function loopbackCallers(tokens: Tokens): CallerOf {
  return ({ headers }) => tokenCaller(headers.authorization, tokens) ?? LOOPBACK;
}

/** Over TLS only a token counts. */
export function tokenCallers(tokens: Tokens): CallerOf {
  return ({ headers }) => {
    const caller = tokenCaller(headers.authorization, tokens);
    if (caller !== null) return caller;
    throw new LogicError('unauthorized', 'calls to this address need a token (authorization: Bearer …)');
  };
}

/** Remembers what was found out: a token is hashed for it. */
export function onceARequest(callerOf: CallerOf): CallerOf {
  const callers = new WeakMap<AskingRequest, Caller>();
  return (request) => {
    const known = callers.get(request);
    if (known !== undefined) return known;
    const caller = callerOf(request);
    callers.set(request, caller);
    return caller;
  };
}

/** 256 random bits, base64url. */
export function secretOf(world: Pick<World, 'randomHex'>): string {
  return Buffer.from(world.randomHex(32), 'hex').toString('base64url');
}
