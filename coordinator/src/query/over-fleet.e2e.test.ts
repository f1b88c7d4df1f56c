/** What is said over a fleet of real agents: aggregates, top, joins and what-if, with the proofs that real Prolog gives. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FleetAskInput } from '@fleet/shared/api/ask.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { type AgentProcess, startAgent } from '../testing/agent-process.ts';
import { openTestFleet } from '../testing/site-server.ts';
import { realWorld } from '../world.ts';
import { askFleet, openFleet } from './pipeline.ts';

const manifest = await loadManifest(join(import.meta.dirname, '../../../kb'));
const parts = await openTestFleet();
const agents: AgentProcess[] = [];
after(async () => {
  await Promise.all(agents.map((agent) => agent.end()));
  await parts.close();
});
// Two sites with one seed have the same inventory, so that names meet.
const started = await Promise.allSettled(
  [
    ['alder', 1],
    ['birch', 1],
    ['cedar', 2],
  ].map(async ([name, seed]) => {
    agents.push(await startAgent({ ...parts, name: name as string, seed: seed as number }));
  }),
);
for (const result of started) if (result.status === 'rejected') throw result.reason;
const fleet = openFleet({ ...parts, manifest, world: realWorld });
const ask = (query: string, more: Omit<FleetAskInput, 'query'> = {}) =>
  askFleet(fleet, { query, deadlineMs: 10_000, ...more });

test('a count over the fleet is the sum of what each site counts, and stands as their word', async () => {
  const rows = await ask('vm(V)');
  const { groups, answers, standing, complete } = await ask('aggregate_all(count, vm(V), C)');
  assert.equal(complete, true);
  assert.deepEqual(groups, [
    {
      group: null,
      value: rows.answers.length,
      bound: 'exact',
      unknownSites: [],
      standing: 'attested',
      sites: ['alder', 'birch', 'cedar'],
    },
  ]);
  assert.equal(standing, 'attested');
  assert.ok(answers.every(({ proof }) => proof?.includes('all(count')));
  const each = await ask('aggregate_all(count, vm(V), C)', {
    groupBy: 'site',
    orderBy: [{ variable: 'C', descending: true }],
  });
  const counts = each.groups.map(({ value }) => value as number);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => b - a),
  );
  assert.equal(
    counts.reduce((a, b) => a + b),
    rows.answers.length,
  );
});

test('extremes and sets over the fleet are those of all rows', async () => {
  const memories = (await ask('vm_memory(V, M)')).answers.map(({ bindings }) => bindings.M as number);
  const names = new Set((await ask('node(N)')).answers.map(({ bindings }) => bindings.N));
  const value = async (query: string) => (await ask(query)).groups[0]?.value;
  assert.ok(memories.length > 0);
  assert.equal(await value('aggregate_all(max(M), vm_memory(V, M), X)'), Math.max(...memories));
  assert.equal(await value('aggregate_all(min(M), vm_memory(V, M), X)'), Math.min(...memories));
  assert.equal(
    await value('aggregate_all(sum(M), vm_memory(V, M), X)'),
    memories.reduce((a, b) => a + b),
  );
  assert.deepEqual(await value('aggregate_all(set(N), node(N), S)'), [...names].sort());
});

test('an aggregate of nothing is empty at a site and nothing over the fleet', async () => {
  const { groups, coverage, complete } = await ask('aggregate_all(max(M), (vm_memory(V, M), M < 0), X)');
  assert.deepEqual([coverage.empty, complete], [3, true]);
  assert.deepEqual([groups[0]?.value, groups[0]?.bound, groups[0]?.standing], [null, 'exact', 'attested']);
});

test('the first rows asked of the sites are those of all rows, ascending and descending, and top/3 is the same over the fleet', async () => {
  const all = (await ask('vm_memory(V, M)')).answers;
  const key = ({ site, bindings }: (typeof all)[number]) => `${site} ${bindings.V} ${bindings.M}`;
  for (const descending of [true, false]) {
    const { answers, complete, standing } = await ask('vm_memory(V, M)', {
      orderBy: [{ variable: 'M', descending }],
      limit: 4,
    });
    const sorted = all
      .map((row, i) => ({ row, i }))
      .sort(
        (a, b) => (descending ? -1 : 1) * (Number(a.row.bindings.M) - Number(b.row.bindings.M)) || a.i - b.i,
      );
    assert.equal(complete, true);
    assert.deepEqual(
      answers.map(key),
      sorted.slice(0, 4).map(({ row }) => key(row)),
    );
    assert.equal(standing, 'attested');
  }
  const top = await ask('top(2, M, vm_memory(V, M))');
  const memories = all.map(({ bindings }) => Number(bindings.M));
  const naive = all.filter(({ bindings }) => memories.filter((one) => one > Number(bindings.M)).length < 2);
  assert.deepEqual(top.answers.map(key).sort(), naive.map(key).sort());
});

test('a name at two sites is found by a join, each row with the proofs of both', async () => {
  const {
    join: joined,
    complete,
    coverage,
  } = await ask('at(S1, vm_memory(V, M)), at(S2, vm_memory(V, M)), S1 \\== S2');
  assert.equal(complete, true);
  assert.equal(coverage.targets, 3);
  const vms = (await ask('vm(V)', { sites: ['alder'] })).answers.length;
  assert.ok(vms > 0 && (joined?.rows.length ?? 0) >= 2 * vms);
  for (const { rests, standing } of joined?.rows ?? []) {
    assert.equal(standing, 'verified');
    for (const { part, answer } of rests)
      assert.match(joined?.parts[part]?.answers[answer]?.proof ?? '', /fact\(vm_memory\(/);
  }
  const { join: alone } = await ask('at(S, node(N)), \\+ at(alder, node(N))');
  const elsewhere = new Set(
    (await ask('node(N)', { sites: ['alder'] })).answers.map(({ bindings }) => bindings.N),
  );
  const rest = (await ask('node(N)')).answers.filter(({ bindings }) => !elsewhere.has(bindings.N as string));
  assert.deepEqual(
    alone?.rows.map(({ bindings, standing }) => [bindings.S, bindings.N, standing]).sort(),
    rest.map(({ site, bindings }) => [site, bindings.N, 'attested']).sort(),
  );
});

test('a what-if stays one in folds and joins', async () => {
  const assume = ['vm(dream)'];
  const before = (await ask('aggregate_all(count, vm(V), C)')).groups[0]?.value as number;
  const [group] = (await ask('aggregate_all(count, vm(V), C)', { assume })).groups;
  assert.deepEqual([group?.value, group?.standing], [before + 3, 'hypothetical']);
  const { join: joined } = await ask('at(alder, vm(V)), at(cedar, vm(V))', { assume });
  assert.deepEqual(
    joined?.rows.filter(({ bindings }) => bindings.V === 'dream').map(({ standing }) => standing),
    ['hypothetical'],
  );
  assert.equal((await ask('aggregate_all(count, vm(V), C)')).groups[0]?.value, before, 'it leaves no trace');
});

test('a site that is gone makes of a number a bound, by name', async () => {
  const [whole] = (await ask('aggregate_all(count, vm(V), C)', { groupBy: 'fleet' })).groups;
  await agents.find(({ name }) => name === 'cedar')?.end();
  const { groups, complete } = await ask('aggregate_all(count, vm(V), C)');
  assert.equal(complete, false);
  assert.deepEqual([groups[0]?.bound, groups[0]?.unknownSites], ['at_least', ['cedar']]);
  assert.ok((groups[0]?.value as number) < (whole?.value as number));
  await assert.rejects(ask('at(S, vm(V)), \\+ at(cedar, vm(V))'), { code: 'partial_coverage' });
  await assert.rejects(ask('node(N)', { mode: 'strict' }), { code: 'partial_coverage' });
});
