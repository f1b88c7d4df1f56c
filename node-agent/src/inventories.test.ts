/** What `init` writes is an inventory that the catalogue takes, and sample sites differ in what is worth asking. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkFact, loadManifest } from '@fleet/shared/catalogue.ts';
import { type Term, writeTerm } from '@fleet/shared/term.ts';
import { hostInventory, sampleInventory } from './inventories.ts';
import { readFacts } from './inventory.ts';

const KB = fileURLToPath(new URL('../../kb', import.meta.url));
const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

const factsOf = (seed: number) => readFacts(sampleInventory('garage', seed));

function named(facts: readonly Term[], name: string): string[][] {
  return facts.flatMap((fact) =>
    fact.kind === 'compound' && fact.name === name ? [fact.args.map(writeTerm)] : [],
  );
}

test('every fact is of a declared inventory predicate, well typed, and stands once', async () => {
  const manifest = await loadManifest(KB);
  for (const facts of [...SEEDS.map(factsOf), readFacts(await hostInventory('home', 'this-machine'))]) {
    for (const fact of facts) assert.equal(checkFact(fact, manifest).kind, 'inventory', writeTerm(fact));
    const texts = facts.map(writeTerm);
    assert.equal(new Set(texts).size, texts.length);
  }
});

test('what a fact names is a machine, a virtual machine or a UPS of the site', () => {
  for (const facts of SEEDS.map(factsOf)) {
    const units = new Set([...named(facts, 'node'), ...named(facts, 'vm')].map(([unit]) => unit));
    const names = (name: string) => named(facts, name).flat();
    for (const unit of ['depends_on', 'vm_home', 'keep_apart'].flatMap(names))
      assert.ok(units.has(unit), unit);
    const fed = named(facts, 'ups_feeds').map(([, node]) => node);
    assert.deepEqual(new Set(fed), new Set(named(facts, 'node').flat()));
  }
});

test('some sites have a shadowed rule, a wrong VLAN, a second UPS, storage that needs its own machines', () => {
  const oddities = SEEDS.map(factsOf).map((facts) => [
    named(facts, 'firewall_rule').some(([, from, to]) => from === 'servers' && to === 'management'),
    named(facts, 'node_zone').some(
      ([node, zone]) =>
        zone === 'servers' && named(facts, 'node_vlan').some(([n, v]) => n === node && v === '30'),
    ),
    named(facts, 'ups').length === 2,
    named(facts, 'depends_on').some(([unit, on]) => unit === 'nas' && on === 'dns'),
  ]);
  for (const at of [0, 1, 2, 3]) {
    const count = oddities.filter((has) => has[at]).length;
    assert.ok(count > 0 && count < SEEDS.length, `oddity ${at}: ${count}`);
  }
});

test('firewall rules are numbered from 1 in the order they are written in', () => {
  for (const facts of SEEDS.map(factsOf))
    assert.deepEqual(
      named(facts, 'firewall_rule').map(([position]) => Number(position)),
      named(facts, 'firewall_rule').map((_, at) => at + 1),
    );
});
