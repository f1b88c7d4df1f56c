/**
 * How both routers speak of errors. Each error carries, beside tRPC's own code, `data.logic`: the code of our
 * table and what to do about it. Nothing of an internal error leaves the process.
 */
import { initTRPC, TRPCError } from '@trpc/server';
import { ZodError } from 'zod';
import { ERRORS, type ErrorCode, LogicError } from '../errors.ts';
import { SSE_PING_MS, SSE_SILENCE_MS } from '../limits.ts';
import type { Coverage } from './ask.ts';

/** What travels with every error, under `data.logic`. */
export interface LogicErrorData {
  readonly code: ErrorCode;
  readonly advice: string;
  /** Of `partial_coverage`: who answered, and who did not, with the reason. */
  readonly coverage?: Coverage;
}

/** tRPC's parts for a router whose procedures are called with `Context`. */
export function logicTRPC<Context extends object>() {
  const t = initTRPC.context<Context>().create({
    isDev: false, // no stack ever leaves the process
    // A subscription says now and then that it lives, so that a client behind a proxy notices when it does not.
    sse: {
      ping: { enabled: true, intervalMs: SSE_PING_MS },
      client: { reconnectAfterInactivityMs: SSE_SILENCE_MS },
    },
    errorFormatter: ({ shape, error }) => {
      const code = codeOf(error);
      const { advice, http } = ERRORS[code];
      const more = error.cause instanceof LogicError ? error.cause.data : {};
      const logic: LogicErrorData = { ...more, code, advice };
      // tRPC answers with this status: its own codes know fewer than HTTP does (no 507, say).
      const data = { ...shape.data, httpStatus: http, logic };
      return { ...shape, message: messageOf(error, shape.message), data };
    },
  });
  /** LogicErrors keep their code in tRPC's own vocabulary too. */
  const procedure = t.procedure.use(async ({ next }) => {
    const result = await next();
    if (result.ok || !(result.error.cause instanceof LogicError)) return result;
    const { cause } = result.error;
    throw ofLogicError(cause);
  });
  return { router: t.router, procedure };
}

function ofLogicError(cause: LogicError): TRPCError {
  return new TRPCError({ code: ERRORS[cause.code].trpc, message: cause.message, cause });
}

/** A subscription's events; what goes wrong in between keeps its code too. */
export async function* withCodes<T>(events: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* events;
  } catch (cause) {
    throw cause instanceof LogicError ? ofLogicError(cause) : cause;
  }
}

function codeOf(error: TRPCError): ErrorCode {
  if (error.cause instanceof LogicError) return error.cause.code;
  switch (error.code) {
    case 'BAD_REQUEST':
    case 'PARSE_ERROR':
    case 'METHOD_NOT_SUPPORTED':
    case 'UNSUPPORTED_MEDIA_TYPE':
      return 'bad_request';
    case 'NOT_FOUND':
      return 'not_found';
    case 'PAYLOAD_TOO_LARGE':
      return 'too_large';
    default:
      return 'internal';
  }
}

/** Zod's report on one line; nothing of an internal error. */
function messageOf(error: TRPCError, shown: string): string {
  if (error.cause instanceof ZodError) {
    return error.cause.issues
      .map(({ path, message }) => `${path.join('.') || 'input'}: ${message}`)
      .join('; ');
  }
  return codeOf(error) === 'internal' && !(error.cause instanceof LogicError)
    ? 'An internal error occurred.'
    : shown;
}
