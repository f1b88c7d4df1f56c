/**
 * The coordinator's tRPC router. Scripts and pages import its type (`import type { FleetRouter }`).
 */
import { type FleetResult, fleetAskInput } from '@fleet/shared/api/ask.ts';
import type { FleetPlan } from '@fleet/shared/api/plan.ts';
import { logicTRPC, withCodes } from '@fleet/shared/api/trpc.ts';
import type { Caller } from '@fleet/shared/tokens.ts';
import { explainFleet } from './query/explain.ts';
import { askFleet, type Fleet } from './query/pipeline.ts';
import { streamFleet } from './query/stream.ts';
import type { Site } from './sites/registry.ts';

export interface Context {
  readonly fleet: Fleet;
  /** Resolves when the caller has read most of what it was sent; where its connection waits by itself, left out. */
  readonly drained?: (() => Promise<void>) | undefined;
  /** At least a viewer; what needs more says so. */
  readonly caller: Caller;
}

const { router: routerOf, procedure } = logicTRPC<Context>();

export type SiteListing = Omit<Site, 'publicKey'>;

const fleet = routerOf({
  /** One question to every site, or to the sites named. */
  ask: procedure
    .input(fleetAskInput)
    .query(({ ctx, input, signal }): Promise<FleetResult> => askFleet(ctx.fleet, input, signal)),
  /** How a question would be asked; no site is. */
  explain: procedure
    .input(fleetAskInput)
    .query(({ ctx, input }): FleetPlan => explainFleet(ctx.fleet, input)),
  /** The same question, each site as it answers. */
  stream: procedure
    .input(fleetAskInput)
    .subscription(({ ctx, input, signal }) => told(ctx, streamFleet(ctx.fleet, input, signal))),
  /** Every site of the registry, by name. */
  sites: procedure.query(({ ctx }): SiteListing[] =>
    ctx.fleet.registry.list().map(({ publicKey: _, ...site }) => site),
  ),
});

/** Events at the pace of the one who reads them. */
async function* told<T>({ drained }: Context, events: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const event of withCodes(events)) {
    yield event;
    await drained?.();
  }
}

export const router = routerOf({ fleet });
export type FleetRouter = typeof router;
