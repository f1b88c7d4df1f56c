/**
 * The coordinator's tRPC router. Scripts and pages import its type (`import type { FleetRouter }`).
 */
import { type FleetResult, fleetAskInput } from '@fleet/shared/api/ask.ts';
import { type FleetAlertsResult, fleetAlertsInput } from '@fleet/shared/api/fleet-alerts.ts';
import {
  diffInput,
  type HistoryCheck,
  type HistoryDiff,
  type HistoryPage,
  type HistoryRow,
  historyCheckInput,
  historyInput,
  historyRowInput,
} from '@fleet/shared/api/history.ts';
import {
  type Invited,
  inviteInput,
  labelInput,
  renameInput,
  revokeInput,
} from '@fleet/shared/api/membership.ts';
import type { FleetPlan } from '@fleet/shared/api/plan.ts';
import {
  type CorrectionResult,
  type FleetTranslation,
  fleetCorrectionInput,
  fleetTranslateInput,
} from '@fleet/shared/api/translate.ts';
import { logicTRPC, withCodes } from '@fleet/shared/api/trpc.ts';
import { fleetWatchInput } from '@fleet/shared/api/watch.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import type { Speaker } from '@fleet/shared/semantic/sentences.ts';
import { type Caller, needs } from '@fleet/shared/tokens.ts';
import { answerLive } from './live-replies.ts';
import { explainFleet } from './query/explain.ts';
import type { LiveAnswers } from './query/live.ts';
import { askFleetTelling, type Fleet } from './query/pipeline.ts';
import { streamFleet } from './query/stream.ts';
import type { FleetSentences } from './query/translate.ts';
import type { Members } from './sites/members.ts';
import type { Labels, Site } from './sites/registry.ts';
import type { FleetAlerts } from './views/alerts.ts';
import type { History } from './views/history.ts';
import type { Views } from './views/watch.ts';

export interface Context {
  readonly fleet: Fleet;
  readonly members: Members;
  readonly views: Views;
  readonly live: LiveAnswers;
  readonly alerts: FleetAlerts;
  readonly sentences: FleetSentences;
  /** Resolves when the caller has read most of what it was sent; where its connection waits by itself, left out. */
  readonly drained?: (() => Promise<void>) | undefined;
  /** At least a viewer; what needs more says so. */
  readonly caller: Caller;
}

const { router: routerOf, procedure } = logicTRPC<Context>();

export type SiteListing = Omit<Site, 'publicKey' | 'via'> & {
  /** The coordinator that it is behind. */
  readonly through: string | null;
};
export type InvitedListing = ReturnType<Members['invited']>[number];

const fleet = routerOf({
  /** One question to every site, or to the sites named. */
  ask: procedure
    .input(fleetAskInput)
    .query(
      async ({ ctx, input, signal }): Promise<FleetResult> =>
        (input.live === true ? answerLive(input, ctx.caller, ctx) : null) ??
        askFleetTelling(ctx.fleet, input, { cancel: signal, by: ctx.caller }),
    ),
  /** A sentence as a query, by the translator of a site or the coordinator's own; whoever said it sees it first and then asks. */
  translate: procedure
    .input(fleetTranslateInput)
    .query(
      ({ ctx, input, signal }): Promise<FleetTranslation> =>
        ctx.sentences.translate(input, speakerOf(ctx, signal)),
    ),
  /** What a person meant by a sentence: kept where it was translated. */
  correct: procedure
    .input(fleetCorrectionInput)
    .mutation(
      ({ ctx, input, signal }): Promise<CorrectionResult> =>
        ctx.sentences.correct(input, speakerOf(ctx, signal)),
    ),
  /** How a question would be asked; no site is. */
  explain: procedure
    .input(fleetAskInput)
    .query(({ ctx, input }): FleetPlan => explainFleet(ctx.fleet, input)),
  /** The same question, each site as it answers. */
  stream: procedure
    .input(fleetAskInput)
    .subscription(({ ctx, input, signal }) =>
      told(ctx, streamFleet(ctx.fleet, input, { cancel: signal, by: ctx.caller })),
    ),
  /** Answers that were given, the newest first. */
  history: procedure.input(historyInput).query(({ ctx, input }): HistoryPage => historyOf(ctx).list(input)),
  /** One of them whole. */
  historyRow: procedure
    .input(historyRowInput)
    .query(({ ctx, input }): Promise<HistoryRow> => historyOf(ctx).row(input.id)),
  /** Whether anybody changed the history. */
  historyCheck: procedure
    .input(historyCheckInput)
    .query(({ ctx, input }): Promise<HistoryCheck> => historyOf(ctx).check(input.against)),
  /** What changed between two runs of a question. */
  diff: procedure
    .input(diffInput)
    .query(({ ctx, input }): Promise<HistoryDiff> => historyOf(ctx).diff(input)),
  /** A question that stands: the whole answer, then what changes. */
  watch: procedure.input(fleetWatchInput).subscription(({ ctx, input, signal }) => {
    const feed = ctx.views.watch(input);
    signal?.addEventListener('abort', () => feed.end(), { once: true });
    return told(ctx, feed);
  }),
  /** What is active over the fleet, which sites cannot be seen, and what changed. */
  alerts: procedure
    .input(fleetAlertsInput)
    .query(({ ctx, input }): FleetAlertsResult => ctx.alerts.list(input.history)),
  /** Every site of the registry, by name, those that were revoked and those behind coordinators too. */
  sites: procedure.query(({ ctx }): SiteListing[] => {
    const { registry } = ctx.fleet;
    const behind = registry.list().filter(({ via }) => via !== undefined);
    return [...registry.listAll(), ...behind].map(listing).sort((a, b) => (a.name < b.name ? -1 : 1));
  }),
  /** Invitations that nobody has used. */
  invited: procedure.query(({ ctx }): readonly InvitedListing[] => {
    needs('operator', ctx.caller);
    return ctx.members.invited();
  }),
  /** A text with which one machine may join as this site. */
  invite: procedure.input(inviteInput).mutation(({ ctx, input }): Invited => {
    needs('operator', ctx.caller);
    return ctx.members.invite(input, ctx.caller.name);
  }),
  /** Sets and takes away labels of a site; gives all that it has then. */
  label: procedure.input(labelInput).mutation(({ ctx, input: { name, ...change } }): Labels => {
    needs('operator', ctx.caller);
    return ctx.members.label(name, change);
  }),
  /** Another name for a site, here; its certificate keeps the old one. */
  rename: procedure.input(renameInput).mutation(({ ctx, input }): void => {
    needs('operator', ctx.caller);
    ctx.members.rename(input.name, input.to);
  }),
  /** Ends a site's membership now, its sessions included. */
  revoke: procedure.input(revokeInput).mutation(({ ctx, input }): void => {
    needs('admin', ctx.caller);
    ctx.members.revoke(input.name, input.reason ?? null);
  }),
});

function historyOf({ fleet }: Context): History {
  if (fleet.history === undefined) throw new LogicError('not_found', 'this coordinator keeps no history');
  return fleet.history;
}

function speakerOf({ caller }: Context, signal: AbortSignal | undefined): Speaker {
  return { caller: caller.name, gone: signal ?? new AbortController().signal };
}

function listing({ publicKey: _, via, ...site }: Site): SiteListing {
  return { ...site, through: via?.coordinator.name ?? null };
}

/** Events at the pace of the one who reads them. */
async function* told<T>({ drained }: Context, events: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const event of withCodes(events)) {
    yield event;
    await drained?.();
  }
}

export const router = routerOf({ fleet });
export type FleetRouter = typeof router;
