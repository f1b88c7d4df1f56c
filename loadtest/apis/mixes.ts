/**
 * What people and scripts ask of an agent and of a coordinator over a day, as GETs of their tRPC API, each with its share.
 * The shares are a judgement: mostly small questions, some with proofs, now and then a page that lists everything.
 */

import type { FleetRouter } from '@fleet/coordinator/router.ts';
import { chance } from '@fleet/node-agent/random.ts';
import type { SiteRouter } from '@fleet/node-agent/server.ts';
import type { inferRouterInputs } from '@trpc/server';

export interface Asked {
  readonly name: string;
  /** With its query string. */
  readonly path: string;
  /** Of so many in the mix. */
  readonly times: number;
}

type Inputs = inferRouterInputs<SiteRouter> & inferRouterInputs<FleetRouter>;

function call<R extends keyof Inputs, P extends keyof Inputs[R] & string>(
  name: string,
  [router, procedure, input]: readonly [R, P, Inputs[R][P]],
  times: number,
): Asked {
  const query = input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`;
  return { name, path: `/trpc/${router}.${procedure}${query}`, times };
}

export const AGENT_MIX = [
  call('site.ask, one machine', ['site', 'ask', { query: 'node_status(pve1, S)', prove: false }], 8),
  call('site.ask, all machines', ['site', 'ask', { query: 'node_status(N, S)', prove: false }], 4),
  call('site.ask with proofs', ['site', 'ask', { query: 'at_risk_of_throttling(N)' }], 3),
  call('site.ask, a count', ['site', 'ask', { query: 'aggregate_all(count, vm(V), C)', prove: false }], 2),
  call('site.whyNot', ['site', 'whyNot', { query: 'node_status(pve1, down)' }], 1),
  call('site.alerts', ['site', 'alerts', { history: 20 }], 1),
  call('site.info', ['site', 'info', undefined], 1),
];

/** `one` is a site, and `where` what some of the sites are labelled. */
export function fleetMix(one: string, where: string): Asked[] {
  return [
    call('fleet.ask of one site', ['fleet', 'ask', { query: 'node_status(N, S)', sites: [one] }], 10),
    call('fleet.ask by label', ['fleet', 'ask', { query: 'at_risk_of_throttling(N)', where }], 5),
    call('fleet.ask of all', ['fleet', 'ask', { query: 'aggregate_all(count, node_status(N, up), C)' }], 1),
    call('fleet.explain', ['fleet', 'explain', { query: 'at_risk_of_throttling(N)', where }], 1),
    call('fleet.history', ['fleet', 'history', { limit: 20 }], 2),
    call('fleet.sites', ['fleet', 'sites', undefined], 1),
  ];
}

/** Each as many times as it is to be asked, in an order drawn by the seed. */
export function inTurns(mix: readonly Asked[], seed: number): Asked[] {
  const all = mix.flatMap((asked) => Array.from({ length: asked.times }, (_, at) => ({ asked, at })));
  const place = ({ asked, at }: (typeof all)[number]) => chance(seed, asked.name, String(at));
  return all.sort((a, b) => place(a) - place(b)).map(({ asked }) => asked);
}
