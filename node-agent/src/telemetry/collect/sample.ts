/**
 * Made-up telemetry for sample sites, moving and repeatable: a reading is a pure function of the seed, the
 * inventory and the time, and its evidence says `sample`. Each site has one hot node that is always up, so that
 * "what is at risk" has an answer; now and then another node is down, and its machines with it; a UPS is on battery,
 * a disk fills up, a node is in maintenance, a machine has been moved away from its home.
 */
import { HOST_COLLECT_MS } from '@fleet/shared/limits.ts';
import type { Term } from '@fleet/shared/term.ts';
import type { Inventory, InventoryNode } from '../../inventory.ts';
import { chance } from '../../random.ts';
import { type Collector, fact, seenBy } from '../observation.ts';

/** Where each class throttles, in °C: kb/core/thermal.pl. Only to make plausible readings; rules decide. */
const THROTTLES_AT: Readonly<Record<string, number>> = {
  rpi4: 80,
  rpi5: 82,
  nuc: 95,
  mini_pc: 95,
  server: 85,
  generic: 90,
};

/** Readings of one node swing over this long. */
const SWING_MS = 10 * 60_000;
/** A node that goes down stays down this long. */
const OUTAGE_MS = 5 * 60_000;
const OUTAGE_CHANCE = 0.06;
/** One window in this many has a power failure, as long as an outage; the runtime falls faster than the time passes. */
const BLACKOUT_CHANCE = 0.08;
const FULL_RUNTIME_S = 1500;
const MAINTENANCE_CHANCE = 0.05;
const MOVED_CHANCE = 0.15;
/** The trend of a made-up temperature is taken over this long. */
const TREND_MS = 60_000;

export function sampleCollector(inventory: Inventory, seed: number): Collector {
  return {
    source: 'sample',
    async collect(now) {
      return seenBy('sample', sampleFacts(inventory, seed, now), { now, everyMs: HOST_COLLECT_MS });
    },
  };
}

/** Every state fact of a sample site at that time. */
export function sampleFacts(inventory: Inventory, seed: number, now: number): Term[] {
  const nodes = inventory.nodes.map((node) => sampleNode(node, inventory, seed, now));
  return [
    ...nodes.flatMap((node) => node.facts),
    ...sampleVms(inventory, nodes, seed, now),
    ...inventory.upses.flatMap((ups) => sampleUps(ups, seed, now)),
  ];
}

interface SampledNode {
  readonly node: InventoryNode;
  readonly up: boolean;
  readonly facts: readonly Term[];
}

function sampleNode(node: InventoryNode, inventory: Inventory, seed: number, now: number): SampledNode {
  const { name } = node;
  const hot = name === hotNode(inventory, seed);
  const spared = hot || name === inventory.logicNode;
  const up = spared || chance(seed, name, 'outage', Math.floor(now / OUTAGE_MS)) >= OUTAGE_CHANCE;
  if (!up) return { node, up, facts: [fact('node_up', name, false)] };
  const load = sampleLoad(name, hot, seed, now);
  const temperature = sampleTemperature(node, load, hot);
  const before = sampleTemperature(node, sampleLoad(name, hot, seed, now - TREND_MS), hot);
  const facts = [
    fact('node_up', name, true),
    fact('node_load', name, load),
    fact('node_temp', name, temperature),
    fact('node_temp_trend', name, rounded(((temperature - before) * 60_000) / TREND_MS, 3)),
    fact('node_maintenance', name, !spared && windowed(seed, now, name, 'maintenance') < MAINTENANCE_CHANCE),
    fact('node_memory_available', name, BigInt(Math.round(node.memory * (0.75 - 0.5 * Math.min(load, 1))))),
    fact('node_disk_available', name, '/', sampleDisk(name, seed, now)),
  ];
  return { node, up, facts };
}

/** One draw for each SWING_MS. */
function windowed(seed: number, now: number, ...words: readonly string[]): number {
  return chance(seed, ...words, Math.floor(now / SWING_MS));
}

/** Mostly 20 to 24 GB free; in one window of ten a few. */
function sampleDisk(name: string, seed: number, now: number): bigint {
  const drawn = windowed(seed, now, name, 'disk');
  return BigInt(drawn < 0.1 ? 2_000 + Math.round(drawn * 60_000) : 20_000 + Math.round(drawn * 4_000));
}

/** On mains and charged, but for a power failure now and then, in which runtime and charge fall. */
function sampleUps(ups: string, seed: number, now: number): Term[] {
  const onBattery = chance(seed, ups, 'blackout', Math.floor(now / OUTAGE_MS)) < BLACKOUT_CHANCE;
  const share = onBattery ? (now % OUTAGE_MS) / OUTAGE_MS : 0;
  return [
    fact('ups_on_battery', ups, onBattery),
    fact('ups_runtime', ups, BigInt(Math.round(FULL_RUNTIME_S * (1 - share)))),
    fact('ups_charge', ups, rounded(100 * (1 - share), 1)),
  ];
}

/** The one that runs close to its limit. */
function hotNode(inventory: Inventory, seed: number): string {
  const members = inventory.nodes.filter((node) => node.cluster !== null);
  return members[Math.floor(chance(seed, 'hot', '', 0) * members.length)]?.name ?? '';
}

function sampleLoad(name: string, hot: boolean, seed: number, now: number): number {
  const phase = chance(seed, name, 'phase', 0);
  const swing = Math.sin(2 * Math.PI * (now / SWING_MS + phase));
  const noise = chance(seed, name, 'load', Math.floor(now / HOST_COLLECT_MS)) - 0.5;
  const middle = hot ? 0.85 : 0.15 + 0.5 * chance(seed, name, 'middle', 0);
  return rounded(Math.max(0.01, middle + 0.12 * swing + 0.06 * noise), 2);
}

/** Idle at 40 °C; full load comes 15 °C below the limit, and on the hot node 3 °C below. */
function sampleTemperature(node: InventoryNode, load: number, hot: boolean): number {
  const limit = THROTTLES_AT[node.nodeClass] ?? 90;
  const full = hot ? limit - 3 : limit - 15;
  const share = hot ? 0.85 + 0.15 * Math.min(load, 1.1) : Math.min(load, 1);
  return rounded(40 + (full - 40) * share, 1);
}

function sampleVms(inventory: Inventory, nodes: readonly SampledNode[], seed: number, now: number): Term[] {
  const hosts = nodes.filter(({ node }) => node.cluster !== null);
  if (hosts.length === 0) return [];
  return inventory.vms.flatMap(({ name, home }, index) => {
    const at = hosts.findIndex(({ node }) => node.name === home);
    const moved = windowed(seed, now, name, 'moved') < MOVED_CHANCE ? 1 : 0;
    const host = hosts[((at < 0 ? index : at) + moved) % hosts.length];
    if (host === undefined) return [];
    const resting = windowed(seed, now, name, 'state');
    const state = !host.up || resting < 0.08 ? 'stopped' : resting < 0.12 ? 'paused' : 'running';
    return [fact('vm_host', name, host.node.name), fact('vm_state', name, state)];
  });
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
