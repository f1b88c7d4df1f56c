/**
 * The coordinator's tRPC router. Scripts and pages import its type (`import type { FleetRouter }`).
 */
import { type AskResult, fleetAskInput } from '@fleet/shared/api/ask.ts';
import { logicTRPC } from '@fleet/shared/api/trpc.ts';
import { askFleet, type Fleet } from './query/pipeline.ts';
import type { Site } from './sites/registry.ts';

export interface Context {
  readonly fleet: Fleet;
}

const { router: routerOf, procedure } = logicTRPC<Context>();

export type SiteListing = Omit<Site, 'publicKey'>;

const fleet = routerOf({
  /** One question to every site, or to the sites named. */
  ask: procedure
    .input(fleetAskInput)
    .query(({ ctx, input, signal }): Promise<AskResult> => askFleet(ctx.fleet, input, signal)),
  /** Every site of the registry, by name. */
  sites: procedure.query(({ ctx }): SiteListing[] =>
    ctx.fleet.registry.list().map(({ publicKey: _, ...site }) => site),
  ),
});

export const router = routerOf({ fleet });
export type FleetRouter = typeof router;
