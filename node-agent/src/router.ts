/**
 * The agent's tRPC router: `site.ask` and `site.info`. Scripts and pages import its type
 * (`import type { SiteRouter }`). Each error carries, beside tRPC's own code, `data.logic`: the code of our table
 * and what to do.
 */
import { type AskResult, siteAskInput } from '@fleet/shared/api/ask.ts';
import type { CatalogueEntry } from '@fleet/shared/catalogue.ts';
import { ERRORS, type ErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { initTRPC, TRPCError } from '@trpc/server';
import { ZodError } from 'zod';
import type { EngineState } from './prolog/supervisor.ts';
import type { Asker } from './query/ask.ts';
import { askSite, type QueryParts } from './query/pipeline.ts';

export interface SiteInfo {
  readonly site: string;
  readonly bundle: string;
  readonly revision: number;
  readonly engine: EngineState;
  readonly catalogue: readonly CatalogueEntry[];
}

export interface Context {
  readonly asker: Asker;
  readonly parts: QueryParts;
  readonly status: () => Omit<SiteInfo, 'catalogue'>;
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

const site = t.router({
  /** One question to this site. */
  ask: procedure
    .input(siteAskInput)
    .query(({ ctx, input }): Promise<AskResult> => askSite(input, ctx.asker, ctx.parts)),
  /** Who this site is, how it is, and what it can be asked. */
  info: procedure.query(
    ({ ctx }): SiteInfo => ({ ...ctx.status(), catalogue: [...ctx.parts.manifest.entries.values()] }),
  ),
});

export const router = t.router({ site });
export type SiteRouter = typeof router;

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
