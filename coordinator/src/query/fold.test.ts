import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, FleetGroup, JsonValue, Standing } from '@fleet/shared/api/ask.ts';
import fc from 'fast-check';
import { registryRow } from '../testing/registry-row.ts';
import { type Basis, fold } from './fold.ts';
import type { Fold, GroupBy, Order, Top } from './plan.ts';
import { inOrder, topOver } from './rank.ts';

/** What is true at one site, whether it can be asked or not. */
interface Truth {
  readonly name: string;
  readonly region: string | null;
  readonly known: boolean;
  readonly values: readonly number[];
}

const truths = (value: fc.Arbitrary<number>) =>
  fc.uniqueArray(
    fc.record({
      name: fc.stringMatching(/^[a-z]{1,3}$/),
      region: fc.constantFrom('eu', 'us', null),
      known: fc.boolean(),
      values: fc.array(value, { maxLength: 4 }),
    }),
    { selector: ({ name }) => name, minLength: 1, maxLength: 8 },
  );

const answer = (site: string, value: JsonValue, standing: Standing = 'verified'): Answer => ({
  site,
  bindings: { R: value },
  standing,
  proof: null,
});

/** What a site says to one aggregate: nothing where min and max have nothing to say. */
function said(op: Fold['op'], values: readonly number[]): JsonValue | null {
  switch (op) {
    case 'count':
      return values.length;
    case 'sum':
      return values.reduce((a, b) => a + b, 0);
    case 'min':
      return values.length === 0 ? null : Math.min(...values);
    case 'max':
      return values.length === 0 ? null : Math.max(...values);
    case 'set':
      return [...new Set(values)].sort((a, b) => a - b);
    case 'list':
      return [...values];
  }
}

function basisOf(op: Fold['op'], sites: readonly Truth[]): Basis {
  const targets = sites
    .map(({ name, region }) => registryRow(name, region === null ? {} : { region }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const known = sites.filter((site) => site.known);
  const answers = new Map(
    known.map(({ name, values }) => {
      const value = said(op, values);
      return [name, value === null ? [] : [answer(name, value)]] as const;
    }),
  );
  return { targets, answers, word: 'attested' };
}

const byName = (sites: readonly Truth[]) => sites.toSorted((a, b) => (a.name < b.name ? -1 : 1));
const inGroup = (by: GroupBy, { group }: FleetGroup, sites: readonly Truth[]) =>
  byName(sites).filter(({ name, region }) =>
    by === 'fleet' ? true : by === 'site' ? name === group : region === group,
  );
const groupings: readonly GroupBy[] = ['fleet', 'site', { label: 'region' }];

/** Whether a group's value says nothing false about the value over all of its sites. */
function isTrue(op: Fold['op'], { value, bound }: FleetGroup, truth: JsonValue | null): boolean {
  if (bound === 'unknown') return value === null;
  if (bound === 'exact') return JSON.stringify(value) === JSON.stringify(truth);
  if (op === 'set' || op === 'list') {
    const left = [...(truth as number[])];
    return (value as number[]).every((one) => left.includes(one) && left.splice(left.indexOf(one), 1));
  }
  if (truth === null || value === null) return false;
  return bound === 'at_least' ? value <= truth : value >= truth;
}

test('a fold says of every group what a naive fold over all sites says, or a bound of it', () => {
  const ops = fc.constantFrom<Fold['op']>('count', 'sum', 'min', 'max', 'set', 'list');
  const numbers = fc.oneof(
    fc.tuple(fc.constant(false), truths(fc.integer({ min: -5, max: 5 }))),
    fc.tuple(fc.constant(true), truths(fc.integer({ min: 0, max: 5 }))),
  );
  fc.assert(
    fc.property(ops, numbers, fc.constantFrom(...groupings), (op, [nonNegative, sites], groupBy) => {
      const spec: Fold = { op, variable: 'R', base: 'integer', nonNegative, groupBy };
      const groups = fold(spec, basisOf(op, sites));
      assert.equal(groups.flatMap((one) => inGroup(groupBy, one, sites)).length, sites.length);
      for (const group of groups) {
        const own = inGroup(groupBy, group, sites);
        const truth = said(
          op,
          own.flatMap(({ values }) => values),
        );
        assert.ok(isTrue(op, group, truth), `${op} ${JSON.stringify(group)}, in truth ${truth}`);
        const unknown = own.filter(({ known }) => !known).map(({ name }) => name);
        assert.deepEqual(group.unknownSites, unknown);
        assert.equal(group.bound === 'exact', unknown.length === 0);
        assert.deepEqual(
          group.sites,
          own.filter(({ known }) => known).map(({ name }) => name),
        );
      }
    }),
    { numRuns: 2_000 },
  );
});

const one = (spec: Partial<Fold>, answers: Record<string, Answer[]>, targets = Object.keys(answers)) =>
  fold(
    { op: 'sum', variable: 'R', base: 'integer', nonNegative: false, groupBy: 'fleet', ...spec },
    {
      targets: targets.map((name) => registryRow(name)),
      answers: new Map(Object.entries(answers)),
      word: 'attested',
    },
  )[0] as FleetGroup;

test('integers past 2^53 are added exactly', () => {
  const big = { integer: '9007199254740993' };
  const { value } = one({}, { a: [answer('a', big)], b: [answer('b', 1)], c: [answer('c', big)] });
  assert.deepEqual(value, { integer: '18014398509481987' });
});

test('floats are added in the order of the site names: equal answers give equal bits', () => {
  const parts = { a: 0.1, b: 0.2, c: 0.3 };
  const answers = Object.fromEntries(
    Object.entries(parts).map(([name, value]) => [name, [answer(name, value)]]),
  );
  assert.equal(one({ base: 'float' }, answers).value, 0.1 + 0.2 + 0.3);
});

test('a sum of floats that no float holds is unknown, whoever claimed it', () => {
  const { value, bound } = one(
    { base: 'float' },
    { a: [answer('a', Number.MAX_VALUE)], b: [answer('b', Number.MAX_VALUE)] },
  );
  assert.deepEqual([value, bound], [null, 'unknown']);
});

test('the least of nothing is nothing, and that is the word of the sites', () => {
  const nothing = one({ op: 'min' }, { a: [], b: [] });
  assert.deepEqual([nothing.value, nothing.bound, nothing.standing], [null, 'exact', 'attested']);
  assert.equal(one({ op: 'max' }, { a: [] }, ['a', 'gone']).bound, 'unknown');
});

test('a group stands as the weakest answer that it rests on', () => {
  const { standing } = one({}, { a: [answer('a', 1)], b: [answer('b', 1, 'hypothetical')] });
  assert.equal(standing, 'hypothetical');
});

test('sets are united without doubles, in canonical order of code points', () => {
  const names = one(
    { op: 'set', base: 'atom' },
    { a: [answer('a', ['z', '\u{1F600}'])], b: [answer('b', ['\uFF5E', 'a', 'z'])] },
  );
  assert.deepEqual(names.value, ['a', 'z', '\uFF5E', '\u{1F600}']);
});

// ---- order, limit, top ----

const rowsOf = (sites: readonly Truth[]) =>
  byName(sites).flatMap(({ name, values }) => values.map((value) => answer(name, value)));

test('order and limit give what a stable sort of all rows by site gives', () => {
  fc.assert(
    fc.property(
      truths(fc.integer({ min: 0, max: 3 })),
      fc.boolean(),
      fc.nat(5),
      (sites, descending, limit) => {
        const order: Order = { by: [{ variable: 'R', descending, base: 'integer' }], limit: limit + 1 };
        const value = (row: Answer) => row.bindings.R as number;
        const naive = rowsOf(sites)
          .map((row, i) => ({ row, i }))
          .sort((a, b) => (descending ? -1 : 1) * (value(a.row) - value(b.row)) || a.i - b.i)
          .slice(0, limit + 1);
        assert.deepEqual(
          inOrder(rowsOf(sites), order, ({ bindings }) => bindings),
          naive.map(({ row }) => row),
        );
      },
    ),
  );
});

test('a row without the value comes last in either order', () => {
  for (const descending of [true, false]) {
    const order: Order = { by: [{ variable: 'R', descending, base: 'integer' }], limit: null };
    const rows = inOrder([{ R: null }, { R: 1 }, { R: 2 }], order, (row) => row);
    assert.equal(rows[2]?.R, null);
  }
});

test('top over the fleet keeps each row of which fewer than K in its group are larger, asked whole or as the top of each site', () => {
  fc.assert(
    fc.property(
      truths(fc.integer({ min: 0, max: 4 })),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(...groupings),
      (sites, most, groupBy) => {
        const spec: Top = { most, variable: 'R', base: 'integer', groupBy };
        const known = byName(sites).filter((site) => site.known);
        const topAt = ({ values }: Truth) =>
          values.filter((one) => values.filter((other) => other > one).length < most);
        const basis: Basis = {
          targets: byName(sites).map(({ name, region }) =>
            registryRow(name, region === null ? {} : { region }),
          ),
          answers: new Map(
            known.map((site) => [site.name, topAt(site).map((one) => answer(site.name, one))]),
          ),
          word: 'attested',
        };
        const { groups, answers } = topOver(spec, basis);
        const naive = groups.flatMap((group) => {
          const rows = rowsOf(inGroup(groupBy, group, known));
          const value = (row: Answer) => row.bindings.R as number;
          return rows.filter((row) => rows.filter((other) => value(other) > value(row)).length < most);
        });
        const text = (rows: readonly Answer[]) => rows.map((row) => JSON.stringify(row)).sort();
        assert.deepEqual(text(answers), text(naive));
      },
    ),
    { numRuns: 1_000 },
  );
});
