/** Sample sites: repeatable, moving, and worth asking about. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { type Term, writeTerm } from '@fleet/shared/term.ts';
import { sampleInventory } from '../../inventories.ts';
import { readFacts, toInventory } from '../../inventory.ts';
import { somePass } from '../../testing/pass.ts';
import { toRow } from '../observation.ts';
import { sampleCollector, sampleFacts } from './sample.ts';

const KB = fileURLToPath(new URL('../../../../kb', import.meta.url));
const NOON = 1_732_446_000_000;
const inventoryOf = (seed: number) => toInventory(readFacts(sampleInventory('garage', seed)));

function numbers(facts: readonly Term[], name: string): Map<string, number> {
  const rows = facts.flatMap((fact) => (fact.kind === 'compound' && fact.name === name ? [fact.args] : []));
  return new Map(
    rows.map(([node, value]) => [
      node?.kind === 'atom' ? node.name : '',
      value?.kind === 'float' ? value.value : Number.NaN,
    ]),
  );
}

test('the same seed and time give the same facts, another time moves them', () => {
  const facts = (now: number) => sampleFacts(inventoryOf(3), 3, now).map(writeTerm);
  assert.deepEqual(facts(NOON), facts(NOON));
  assert.notDeepEqual(facts(NOON), facts(NOON + 60_000));
});

test('every site has a node within 10 degrees of its limit, whatever the seed and time', () => {
  const limits: Record<string, number> = {
    rpi4: 80,
    rpi5: 82,
    nuc: 95,
    mini_pc: 95,
    server: 85,
    generic: 90,
  };
  for (let seed = 0; seed < 40; seed += 1) {
    const inventory = inventoryOf(seed);
    const temperatures = numbers(sampleFacts(inventory, seed, NOON + seed * 97_000), 'node_temp');
    const hot = inventory.nodes.filter(
      ({ name, nodeClass }) => (temperatures.get(name) ?? 0) > (limits[nodeClass] ?? 0) - 10,
    );
    assert.ok(hot.length >= 1, `seed ${seed}`);
    assert.ok(hot.length < inventory.nodes.length, `seed ${seed}: not all are hot`);
  }
});

test('now and then a node is down, and what it ran is stopped', () => {
  const inventory = inventoryOf(5);
  const down = new Set<string>();
  for (let hour = 0; hour < 48; hour += 1) {
    for (const text of sampleFacts(inventory, 5, NOON + hour * 3_600_000).map(writeTerm)) {
      const node = /^node_up\((\w+),false\)$/.exec(text)?.[1];
      if (node !== undefined) down.add(node);
    }
  }
  assert.ok(down.size > 0);
  assert.ok(!down.has(inventory.logicNode ?? ''));
});

test('inventories of different seeds differ, with 3 to 5 machines and a logic node outside the cluster', () => {
  const texts = new Set(
    Array.from({ length: 10 }, (_, seed) => sampleInventory('garage', seed).replace(/seed \d+/, '')),
  );
  assert.ok(texts.size >= 8);
  for (let seed = 0; seed < 20; seed += 1) {
    const { nodes, logicNode, vms } = inventoryOf(seed);
    assert.ok(nodes.length >= 3 && nodes.length <= 5);
    assert.equal(nodes.find(({ name }) => name === logicNode)?.cluster, null);
    assert.ok(vms.length >= 4);
  }
});

test('the catalogue takes every sample fact as state, and its evidence says sample', async () => {
  const manifest = await loadManifest(KB);
  const batch = await sampleCollector(inventoryOf(9), 9).collect(NOON, somePass());
  assert.ok(batch.length > 15);
  for (const observation of batch) assert.equal(toRow(observation, manifest).source, 'sample');
});
