/** Sites that join: a few at a time, beside a bare server of the same bytes, and then all of them at once. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FleetRouter } from '@fleet/coordinator/router.ts';
import { readInvitation, writeInvitation } from '@fleet/shared/invitation.ts';
import { FLEET_SITES, MEMBERSHIP_AT_ONCE, TLS_CONNECTIONS } from '@fleet/shared/limits.ts';
import { createTRPCClient, httpLink } from '@trpc/client';
import { z } from 'zod';
import { startService } from '../../deploy/local/service.ts';
import { COORDINATOR_HEAP } from '../../shared/launch.mjs';
import { atLeast, atMost, compared, type Figure, type Goal, plain } from '../figures.ts';
import type { LoadOptions } from '../options.ts';
import { distribution, type Plot } from '../page.ts';
import { cpuMilliseconds } from '../processes.ts';
import type { Started } from '../swarm/folder.ts';
import type { Watched } from '../watched/watched.ts';
import type { Joined } from './host.ts';
import type { Sites } from './sites.ts';

const JOINS_A_ROUND = 100;
/** A fleet of a thousand that is set up anew is there within a minute, whether its sites come a few at a time or all at once. */
const ALL_JOINED_MS = 60_000;
const RATE = FLEET_SITES / (ALL_JOINED_MS / 1000);
/** A third of that minute, so that the coordinator can do something else meanwhile. */
const CPU_MS = ALL_JOINED_MS / FLEET_SITES / 3;

export interface JoinTest {
  readonly sites: Sites;
  readonly coordinator: Watched;
  /** The coordinator's data folder. */
  readonly data: string;
  readonly folder: string;
  readonly started: Started;
  readonly options: LoadOptions;
}

interface Cost {
  readonly perSecond: number;
  readonly cpuMs: number;
}

export async function measureJoins(test: JoinTest): Promise<{ figures: Figure[]; plots: Plot[] }> {
  const { folder, data, started } = test;
  const bare = started(
    startService({
      name: 'bare coordinator',
      entry: fileURLToPath(new URL('bare-coordinator.ts', import.meta.url)),
      args: [data],
      log: join(folder, 'bare-coordinator.log'),
      heapFlags: COORDINATOR_HEAP,
    }),
  );
  const { pid, address } = z.object({ pid: z.int(), address: z.string() }).parse(await bare.ready);
  const rate = await measureRate(test, { pid, address });
  const all = await measureAllAtOnce(test, address);
  await bare.stop();
  return { figures: [...rate, ...all.figures], plots: all.plots };
}

interface Bare {
  readonly pid: number;
  readonly address: string;
}

async function measureRate(test: JoinTest, bare: Bare): Promise<Figure[]> {
  const { sites, coordinator, options } = test;
  const ours: Cost[] = [];
  const theirs: Cost[] = [];
  const each = Math.min(JOINS_A_ROUND, options.sites);
  const cost = async (pid: number, invitations: readonly string[]): Promise<Cost> => {
    const [cpu, began] = [cpuMilliseconds(pid), performance.now()];
    const joined = await sites.join({ invitations, atOnce: MEMBERSHIP_AT_ONCE, scratch: true });
    const failed = joined.find((one) => one.failed !== null);
    if (failed) throw new Error(`${failed.site} did not join: ${failed.failed}`);
    const seconds = (performance.now() - began) / 1000;
    return { perSecond: each / seconds, cpuMs: (cpuMilliseconds(pid) - cpu) / each };
  };
  // One round that does not count: code is compiled.
  for (let round = 0; round <= options.rounds; round += 1) {
    options.say(`joins, ${MEMBERSHIP_AT_ONCE} at once, round ${round} of ${options.rounds}`);
    const names = Array.from({ length: each }, (_, at) => `guest-${round}-${at}`);
    const invitations = await invite(coordinator, names);
    ours.push(await cost(coordinator.pid, invitations));
    theirs.push(await cost(bare.pid, invitations.map(readdressed(bare.address))));
    await revoke(coordinator, names);
  }
  const of = (costs: readonly Cost[], key: keyof Cost) => costs.slice(1).map((one) => one[key]);
  const figures = (name: string, unit: string, key: keyof Cost, goal: Goal): Figure[] => [
    plain(name, unit, of(ours, key), goal),
    compared('the same, against a bare server of the same bytes', unit, of(ours, key), of(theirs, key)),
  ];
  return [
    ...figures(`joins a second, ${MEMBERSHIP_AT_ONCE} at once`, '/s', 'perSecond', atLeast(RATE)),
    ...figures('coordinator CPU a join', 'ms', 'cpuMs', atMost(CPU_MS)),
  ];
}

async function measureAllAtOnce(test: JoinTest, bare: string) {
  const { sites, coordinator, options } = test;
  const names = Array.from({ length: options.sites }, (_, at) => `s${String(at + 1).padStart(4, '0')}`);
  options.say(`inviting ${names.length} sites`);
  const invitations = await invite(coordinator, names);
  await coordinator.seen();
  options.say(`${names.length} sites join at once`);
  const [cpu, began] = [cpuMilliseconds(coordinator.pid), performance.now()];
  const joined = await sites.join({ invitations, atOnce: names.length, scratch: false });
  const ms = performance.now() - began;
  const cpuMs = (cpuMilliseconds(coordinator.pid) - cpu) / names.length;
  const { listener, loopMs, asked } = await coordinator.seen();
  options.say('the same at the bare server');
  const bareBegan = performance.now();
  const bareJoined = await sites.join({
    invitations: invitations.map(readdressed(bare)),
    atOnce: names.length,
    scratch: true,
  });
  const bareMs = performance.now() - bareBegan;
  const failed = joined.filter((one) => one.failed !== null);
  for (const one of failed.slice(0, 5)) options.say(`  ${one.site}: ${one.failed}`);
  const tries = joined.reduce((sum, one) => sum + one.tries, 0) / joined.length;
  const turnedAway = asked.filter(({ status }) => status === 429).length;
  const took = (all: readonly Joined[]) => all.map((one) => one.ms);
  const figures: Figure[] = [
    plain('all join at once: sites that did not join', 'sites', [failed.length], atMost(0)),
    plain('all join at once: until the last has', 'ms', [ms], atMost(ALL_JOINED_MS)),
    compared('the same, against the bare server, which turns nobody away', 'ms', [ms], [bareMs]),
    plain('tries a join, all at once', 'tries', [tries]),
    plain('of them told to come again', 'tries', [turnedAway]),
    plain(
      'handshakes at the listener under way at once',
      'handshakes',
      [listener.most],
      atMost(TLS_CONNECTIONS),
    ),
    plain('coordinator CPU a join, all at once', 'ms', [cpuMs], atMost(CPU_MS)),
    plain('longest delay of its event loop meanwhile', 'ms', [loopMs]),
  ];
  const plots = [
    distribution('Sites that joined, by time since all began', 'ms', {
      coordinator: took(joined),
      'bare server': took(bareJoined),
    }),
  ];
  return { figures, plots };
}

const client = ({ url }: Watched) =>
  createTRPCClient<FleetRouter>({ links: [httpLink({ url: `${url}/trpc` })] });

async function invite(coordinator: Watched, names: readonly string[]): Promise<string[]> {
  const { fleet } = client(coordinator);
  const all = await Promise.all(names.map((name) => fleet.invite.mutate({ name })));
  return all.map(({ invitation }) => invitation);
}

async function revoke(coordinator: Watched, names: readonly string[]): Promise<void> {
  const { fleet } = client(coordinator);
  await Promise.all(names.map((name) => fleet.revoke.mutate({ name })));
}

/** The same invitation, to join elsewhere. */
function readdressed(coordinator: string): (invitation: string) => string {
  return (invitation) => writeInvitation({ ...readInvitation(invitation), coordinator });
}
