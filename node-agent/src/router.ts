/**
 * The agent's tRPC router: `site.ask`, `whyNot`, `translate`, `correct`, `translations`, `alerts`, `observe`, `info`. Scripts and pages import its type
 * (`import type { SiteRouter }`).
 */
import { type AlertsResult, alertsInput } from '@fleet/shared/api/alerts.ts';
import { type AskResult, siteAskInput, type WhyNotResult, whyNotInput } from '@fleet/shared/api/ask.ts';
import { type ObserveResult, observeInput } from '@fleet/shared/api/observe.ts';
import {
  type CorrectionResult,
  correctionInput,
  type Translation,
  type TranslationsResult,
  translateInput,
} from '@fleet/shared/api/translate.ts';
import { logicTRPC } from '@fleet/shared/api/trpc.ts';
import type { CatalogueEntry } from '@fleet/shared/catalogue.ts';
import type { Sentences } from '@fleet/shared/semantic/sentences.ts';
import { type Caller, needs } from '@fleet/shared/tokens.ts';
import type { Confinement } from './prolog/confinement.ts';
import type { EngineState } from './prolog/supervisor.ts';
import type { Asker } from './query/ask.ts';
import { askSite, type QueryParts } from './query/pipeline.ts';
import { whyNot } from './query/why-not.ts';
import type { SemanticService } from './semantic/service.ts';
import type { Alerts } from './telemetry/alerts/alerts.ts';
import type { CollectorState } from './telemetry/collectors.ts';
import type { TelemetryParts } from './telemetry/pipeline.ts';
import { push } from './telemetry/push.ts';

export interface SiteInfo {
  readonly site: string;
  /** Of this process: made anew at each start. */
  readonly instance: string;
  readonly bundle: string;
  readonly revision: number;
  readonly engine: EngineState;
  /** What keeps the engine's process from the network and the disk. */
  readonly confinement: Confinement;
  readonly collectors: readonly CollectorState[];
  /** What translates sentences: not started before the first, `elsewhere` behind a socket of somebody else's. */
  readonly semantic: SemanticService['state'];
  readonly catalogue: readonly CatalogueEntry[];
}

export interface Context {
  readonly caller: Caller;
  /** Aborted when the caller goes away. */
  readonly gone: AbortSignal;
  readonly parts: QueryParts;
  readonly telemetry: TelemetryParts;
  readonly alerts: Alerts;
  readonly sentences: Sentences;
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
  /** A sentence as a query, which whoever said it sees first and then asks; or a question back, or a no. Nothing of it runs. */
  translate: procedure
    .input(translateInput)
    .query(({ ctx, input }): Promise<Translation> => ctx.sentences.translate(input.text, askerOf(ctx))),
  /** What a person meant by a sentence: kept in this site's log, if the query may be asked. */
  correct: procedure
    .input(correctionInput)
    .mutation(({ ctx, input }): Promise<CorrectionResult> => ctx.sentences.correct(input)),
  /** That log whole; the role operator, as it holds what people said. */
  translations: procedure.query(async ({ ctx }): Promise<TranslationsResult> => {
    needs('operator', ctx.caller);
    return { lines: await ctx.sentences.log.lines() };
  }),
  /** What is active, what changed, and what no webhook has taken yet. */
  alerts: procedure
    .input(alertsInput)
    .query(({ ctx, input }): Promise<AlertsResult> => alertsOf(ctx, input.history)),
  /** Facts that a script vouches for; the role operator. On the disk when it returns. */
  observe: procedure.input(observeInput).mutation(({ ctx, input }): Promise<ObserveResult> => {
    needs('operator', ctx.caller);
    return push(input, ctx.caller.name, ctx.telemetry);
  }),
  /** Who this site is, how it is, and what it can be asked. */
  info: procedure.query(
    ({ ctx }): SiteInfo => ({ ...ctx.status(), catalogue: [...ctx.parts.manifest.entries.values()] }),
  ),
});

/** Throws `not_ready`, `engine_lost`. */
export async function alertsOf(
  { alerts: { pass, ledger }, parts }: Pick<Context, 'alerts' | 'parts'>,
  history: number,
): Promise<AlertsResult> {
  const { revision, alerts } = await pass.active();
  const { undelivered } = ledger;
  return { site: parts.site, revision, active: alerts, history: ledger.history(history), undelivered };
}

function askerOf({ caller, gone }: Context): Asker {
  return { caller: caller.name, gone };
}

export const router = routerOf({ site });
export type SiteRouter = typeof router;
