/**
 * `npm run loadtest -- join`: sites join a fleet by invitations, lose their power, and come back at once. In order: joins a few at a time
 * beside a bare server, all of them at once, their first tellings, and the returns (returns.ts).
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ANNOUNCE_SPREAD_MS, MEMBERSHIP_AT_ONCE } from '@fleet/shared/limits.ts';
import type { LoadOptions } from '../options.ts';
import { inRunFolder } from '../swarm/folder.ts';
import { startWatched } from '../watched/watched.ts';
import { measureJoins } from './joins.ts';
import { measureReturns } from './returns.ts';
import { ownLoopback, startSites } from './sites.ts';

export const NOTES = [
  'Sites are whole agents, hundreds a process, that join by the code of `logic-node join`: a key, a request, the pin checked, two connections a join.',
  'They share the machine with the coordinator and the asker.',
  'A power cut is `kill -9` of every process, sites and coordinator. Sites start again in silence, since one machine takes half a minute to start a thousand.',
  `Then all tell at once, each within ${ANNOUNCE_SPREAD_MS / 1000} s, as the coordinator starts.`,
  'Meanwhile a question with proofs is asked again and again, by its usual deadline, with a rest of a second; the delay of the event loop is the longest at both ends.',
  'The bare client only connects, with as many handshakes at once as the coordinator allows itself. Handshakes are counted inside, from the first packet to their end.',
  `A join is turned away where ${MEMBERSHIP_AT_ONCE} are worked on and the queue behind them is full.`,
];

const LOOK_MS = 200;

export async function measureJoin(options: LoadOptions) {
  return inRunFolder(async (folder, started) => {
    const { sites: count, seed, say } = options;
    say('starting processes for the sites, and a coordinator');
    const data = join(folder, 'fleet');
    mkdirSync(data, { recursive: true });
    const sites = started(await startSites({ sites: count, seed, folder: join(folder, 'sites') }));
    const coordinator = started(await startWatched(data, folder, { tls: `${ownLoopback()}:0` }));
    const { tls } = coordinator;
    if (tls === null) throw new Error('the coordinator has no TLS listener');
    const test = { sites, coordinator, data, folder, started, options };
    const joins = await measureJoins(test);
    say('the sites start');
    const addresses = await sites.serve();
    await sites.begin();
    say('each tells the coordinator where it is');
    await allTold(coordinator, count);
    const returns = await measureReturns({ ...test, addresses, tls });
    return {
      figures: [...joins.figures, ...returns.figures],
      plots: [...joins.plots, ...returns.plots],
      notes: [`${count} sites, seed ${seed}.`],
    };
  });
}

async function allTold(coordinator: Awaited<ReturnType<typeof startWatched>>, sites: number): Promise<void> {
  const told = new Set<string>();
  while (told.size < sites) {
    await sleep(LOOK_MS);
    for (const { path, status, who } of (await coordinator.seen()).asked)
      if (path === '/moved' && status === 200) told.add(who);
  }
}
