/**
 * The agent's tRPC router: `site.ask` and `site.info`. Scripts and pages import its type
 * (`import type { SiteRouter }`).
 */
import { type AskResult, siteAskInput, type WhyNotResult, whyNotInput } from '@fleet/shared/api/ask.ts';
import { logicTRPC } from '@fleet/shared/api/trpc.ts';
import type { CatalogueEntry } from '@fleet/shared/catalogue.ts';
import type { Caller } from './access/callers.ts';
import type { EngineState } from './prolog/supervisor.ts';
import type { Asker } from './query/ask.ts';
import { askSite, type QueryParts } from './query/pipeline.ts';
import { whyNot } from './query/why-not.ts';

export interface SiteInfo {
  readonly site: string;
  readonly bundle: string;
  readonly revision: number;
  readonly engine: EngineState;
  readonly catalogue: readonly CatalogueEntry[];
}

export interface Context {
  readonly caller: Caller;
  /** Aborted when the caller goes away. */
  readonly gone: AbortSignal;
  readonly parts: QueryParts;
  readonly status: () => Omit<SiteInfo, 'catalogue'>;
}

const { router: routerOf, procedure } = logicTRPC<Context>();

const site = routerOf({
  /** One question to this site. */
  ask: procedure
    .input(siteAskInput)
    .query(({ ctx, input }): Promise<AskResult> => askSite(input, askerOf(ctx), ctx.parts)),
  /** Why a goal without variables does not hold here. */
  whyNot: procedure
    .input(whyNotInput)
    .query(({ ctx, input }): Promise<WhyNotResult> => whyNot(input, askerOf(ctx), ctx.parts)),
  /** Who this site is, how it is, and what it can be asked. */
  info: procedure.query(
    ({ ctx }): SiteInfo => ({ ...ctx.status(), catalogue: [...ctx.parts.manifest.entries.values()] }),
  ),
});

function askerOf({ caller, gone }: Context): Asker {
  return { caller: caller.name, gone };
}

export const router = routerOf({ site });
export type SiteRouter = typeof router;
