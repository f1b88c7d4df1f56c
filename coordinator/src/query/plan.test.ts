import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FleetAskInput } from '@fleet/shared/api/ask.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import fc from 'fast-check';
import { registryRow } from '../testing/registry-row.ts';
import { planQuestion } from './plan.ts';

const manifest = await loadManifest(join(import.meta.dirname, '../../../kb'));
const sites = [
  registryRow('alder', { region: 'eu' }),
  registryRow('birch', { region: 'us' }),
  { ...registryRow('cedar', { region: 'eu' }), status: 'quarantined' as const },
];
const known = { manifest, registry: { list: () => sites } };
const plan = (query: string, more: Omit<FleetAskInput, 'query'> = {}) =>
  planQuestion({ query, ...more }, known);
const asks = (query: string, more: Omit<FleetAskInput, 'query'> = {}) =>
  plan(query, more).parts.map(({ admitted }) => admitted.asked.text);
const refused = (query: string, more: Omit<FleetAskInput, 'query'> = {}) => {
  try {
    plan(query, more);
  } catch (cause) {
    return (cause as { code?: string }).code;
  }
  return assert.fail(`planned: ${query}`);
};

test('a site that is not active is a target that is skipped with the reason', () => {
  const { targets, parts } = plan('node(N)', { where: 'region=eu' });
  assert.deepEqual(
    targets.map(({ name }) => name),
    ['alder', 'cedar'],
  );
  assert.deepEqual(
    parts[0]?.targets.asked.map(({ name }) => name),
    ['alder'],
  );
  assert.equal(parts[0]?.targets.skipped[0]?.reason, 'the site is quarantined');
});

test('where no site matches, the labels that there are stand in the refusal', () => {
  assert.throws(() => plan('node(N)', { where: 'region=asia' }), {
    code: 'unknown_site',
    message: /the labels are region=eu\|us/,
  });
  assert.throws(() => plan('node(N)', { sites: ['alder'], where: 'region=us' }), { code: 'unknown_site' });
});

test('one aggregate is folded, and what is more than that is not', () => {
  const spec = (query: string) => plan(query).fold;
  assert.equal(spec('aggregate_all(count, vm(V), C)')?.op, 'count');
  assert.equal(spec('aggregate_all(max(L), node_load(N, L), M)')?.base, 'float');
  assert.equal(spec('aggregate_all(set(N), node(N), S)')?.base, 'atom');
  assert.equal(spec('aggregate_all(count, vm(V), C), C > 1'), null);
  assert.equal(spec('aggregate_all(count, vm(V), 3)'), null);
  assert.equal(spec('node(N), aggregate_all(count, vm_host(V, N), C)'), null);
});

test('a sum is bounded from below only where the goal itself says that nothing in it is negative', () => {
  const bounded = (goal: string) => plan(`aggregate_all(sum(L), (${goal}), S)`).fold?.nonNegative;
  assert.equal(bounded('node_temp(N, L)'), false);
  assert.equal(bounded('node_temp(N, L), L >= 0'), true);
  assert.equal(bounded('node_temp(N, L), 5.0 < L'), true);
  assert.equal(bounded('node_temp(N, L), L >= -1'), false);
  assert.equal(bounded('node_temp(N, L), (L >= 0 ; L < 5)'), false);
  assert.equal(bounded('node_temp(N, L), node_load(N, M), M >= 0'), false);
});

test('a limit in the order of one number is asked of the sites, where it ranks facts', () => {
  const by = (variable: string, descending = true) => ({ orderBy: [{ variable, descending }], limit: 3 });
  assert.deepEqual(asks('node_load(N, L), L > 0.5', by('L')), ["top(3,L,','(node_load(N,L),>(L,0.5)))"]);
  assert.deepEqual(asks('node_load(N, L)', by('L', false)), [
    "top(3,Rank__,','(node_load(N,L),is(Rank__,-(L))))",
  ]);
  assert.deepEqual(plan('node_load(N, L)', by('L', false)).variables, ['N', 'L']);
  for (const [query, order, why] of [
    ['node_load(N, L)', by('N'), /ranks by one number/],
    ['quorum_margin(C, M)', by('M'), /more than facts/],
    ['node_load(N, L)', { limit: 3 }, /without an order/],
    ['node_load(_N, L)', by('L'), /_N is no answer variable/],
  ] as const) {
    const { pushed, here } = plan(query, order);
    assert.deepEqual(pushed, []);
    assert.match(here.join('; '), why);
  }
});

test('what cannot be grouped, ordered or dated is refused before anyone is asked', () => {
  assert.equal(refused('node(N)', { groupBy: 'site' }), 'bad_request');
  assert.equal(refused('node(N)', { orderBy: [{ variable: 'X' }] }), 'bad_request');
  assert.equal(refused('node(N)', { maxAgeMs: 1_000, prove: false }), 'bad_request');
  assert.equal(refused('shell(ls)'), 'unknown_predicate');
});

test('a join asks each goal by itself, with the comparisons that one goal can decide, and only the columns that are used', () => {
  const { parts, join, variables } = plan(
    'at(S1, node_load(N, L1)), at(S2, (node_load(N, L2), node_temp(N, _T))), S1 \\== S2, L1 > 0.5, L1 > L2',
  );
  assert.deepEqual(
    parts.map(({ admitted }) => [admitted.asked.text, admitted.asked.variables.join()]),
    [
      ["','(node_load(N,L1),>(L1,0.5))", 'N,L1'],
      ["','(node_load(N,L2),node_temp(N,_T))", 'N,L2'],
    ],
  );
  assert.deepEqual(variables, ['S1', 'N', 'L1', 'S2', 'L2']);
  assert.equal(join?.checks.length, 2);
  assert.deepEqual(
    join?.goals.map(({ key }) => key.join()),
    ['', 'N'],
  );
});

test('a constant is a site of its own, whatever the other targets are', () => {
  const { parts, targets } = plan('at(birch, node(N)), at(S, node(N))', { where: 'region=eu' });
  assert.deepEqual(
    parts.map((part) => part.targets.all.map(({ name }) => name)),
    [['birch'], ['alder', 'cedar']],
  );
  assert.deepEqual(
    targets.map(({ name }) => name),
    ['alder', 'birch', 'cedar'],
  );
});

test('joins that would lie, or be every row beside every row, are refused with the reason', () => {
  for (const [query, code] of [
    ['at(S1, node(N)), at(S2, vm(V))', 'cross_product'],
    ['at(S1, node_load(N, L1)), at(S2, node_load(M, L2)), L1 > L2', 'cross_product'],
    ['at(S, node(N)), \\+ at(birch, vm(_V))', 'cross_product'],
    ['at(S1, node(N)), at(S2, aggregate_all(count, vm_host(V, N), C))', 'unbound_argument'],
    ['at(S1, node(N)), at(S2, \\+ node_up(N, true))', 'unbound_argument'],
    ['at(S1, vm_host(_V, N)), at(S2, (node(N), \\+ vm(_V)))', 'unbound_argument'],
    ['at(S1, node(N)), at(S2, node_load(M, N))', 'type_error'],
    ['at(S1, node(N)), node(N)', 'bad_request'],
    ['at(S1, node(N)) ; at(S2, node(N))', 'bad_request'],
    ['at(S1, at(S2, node(N)))', 'bad_request'],
    ['prove(at(S, node(N)), P)', 'bad_request'],
    ['\\+ at(_, node(n))', 'bad_request'],
    ['at(S, node(N)), \\+ at(T, vm_host(_V, N))', 'free_variable'],
    ['at(nobody, node(N)), at(S, node(N))', 'unknown_site'],
    ['at(S, shell(N))', 'unknown_predicate'],
    [['a', 'b', 'c', 'd', 'e'].map((s) => `at(_${s}, node(N))`).join(', '), 'too_large'],
  ] as const)
    assert.equal(refused(query), code, query);
});

test('any order of the goals and comparisons of a join asks the same', () => {
  const items = [
    'at(S1, vm_host(V, N))',
    'at(S2, vm_host(V, M))',
    '\\+ at(_, vm_state(V, stopped))',
    'at(S3, node_load(M, L))',
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(items, { minLength: items.length }), (shuffled) => {
      const positives = shuffled.filter((one) => !one.startsWith('\\'));
      const query = [...positives, '\\+ at(_, vm_state(V, stopped))', 'S1 \\== S2'].join(', ');
      const texts = asks(query);
      assert.deepEqual([...texts].sort(), [
        'node_load(M,L)',
        'vm_host(V,M)',
        'vm_host(V,N)',
        'vm_state(V,stopped)',
      ]);
      assert.equal(texts.at(-1), 'vm_state(V,stopped)', 'what is taken away comes last');
    }),
  );
});
