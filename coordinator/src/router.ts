/**
 * The coordinator's tRPC router. Scripts and pages import its type (`import type { FleetRouter }`).
 * Each error carries, beside tRPC's own code, `data.logic`: the code of our table and what to do.
 */
import { type AskResult, fleetAskInput } from '@fleet/shared/api/ask.ts';
import { ERRORS, type ErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { initTRPC, TRPCError } from '@trpc/server';
import { ZodError } from 'zod';
import { askFleet, type Fleet } from './query/pipeline.ts';
import type { Site } from './sites/registry.ts';

export interface Context {
  readonly fleet: Fleet;
}

/** What travels with every error, under `data.logic`. */
export interface LogicErrorData {
  readonly code: ErrorCode;
  readonly advice: string;
}

const t = initTRPC.context<Context>().create({
  isDev: false, // no stack ever leaves the process
  errorFormatter: ({ shape, error }) => {
    const code = codeOf(error);
    return {
      ...shape,
      message: messageOf(error, shape.message),
      data: { ...shape.data, logic: { code, advice: ERRORS[code].advice } },
    };
  },
});

/** LogicErrors keep their code in tRPC's own vocabulary too, which decides the HTTP status. */
const procedure = t.procedure.use(async ({ next }) => {
  const result = await next();
  if (result.ok || !(result.error.cause instanceof LogicError)) return result;
  const { cause } = result.error;
  throw new TRPCError({ code: ERRORS[cause.code].trpc, message: cause.message, cause });
});

export type SiteListing = Omit<Site, 'publicKey'>;

const fleet = t.router({
  /** One question to every site, or to the sites named. */
  ask: procedure
    .input(fleetAskInput)
    .query(({ ctx, input, signal }): Promise<AskResult> => askFleet(ctx.fleet, input, signal)),
  /** Every site of the registry, by name. */
  sites: procedure.query(({ ctx }): SiteListing[] =>
    ctx.fleet.registry.list().map(({ publicKey: _, ...site }) => site),
  ),
});

export const router = t.router({ fleet });
export type FleetRouter = typeof router;

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
