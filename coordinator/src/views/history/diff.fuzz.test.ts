/** The comparison of two runs beside one that is written as it would be explained: slowly, from the definition. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FleetResult } from '@fleet/shared/api/ask.ts';
import fc from 'fast-check';
import { resultOf, type Said } from '../../testing/answered.ts';
import { diff } from './diff.ts';

const said: fc.Arbitrary<Said> = fc.oneof(
  fc.record({ loads: fc.dictionary(fc.constantFrom('pve1', 'pve2', 'nas'), fc.integer({ min: 0, max: 2 })) }),
  fc.record({ outcome: fc.constantFrom('timeout' as const, 'unreachable' as const, 'rejected' as const) }),
);
const fleet = fc.dictionary(fc.constantFrom('alder', 'birch', 'cedar', 'douglas'), said);
/** The same answers, some under another standing, and some given for two loads at once. */
const run = fc.tuple(fleet, fc.nat(3), fc.nat(3)).map(([sites, weak, twice]): FleetResult => {
  const result = resultOf(sites);
  const answers = result.answers.map((answer, i) =>
    i % 4 === weak ? { ...answer, standing: 'attested' as const } : answer,
  );
  const more = answers
    .filter((_, i) => i % 4 === twice)
    .map((answer) => ({ ...answer, bindings: { ...answer.bindings, L: 9 } }));
  return { ...result, answers: [...answers, ...more] };
});

const flat = ({ site, bindings, standing }: FleetResult['answers'][number]) =>
  JSON.stringify([site, bindings.N, bindings.L, standing]);
type Flat = readonly [string, string, number, string];

function naive(a: FleetResult, b: FleetResult) {
  const answeredIn = (result: FleetResult, site: string) =>
    result.coverage.sites.some((row) => row.site === site && ['answered', 'empty'].includes(row.outcome));
  const names = (result: FleetResult) => result.coverage.sites.map(({ site }) => site);
  const both = names(a).filter((site) => names(b).includes(site));
  const known = both.filter((site) => answeredIn(a, site) && answeredIn(b, site));
  const of = (result: FleetResult) => [
    ...new Set(result.answers.filter(({ site }) => known.includes(site)).map(flat)),
  ];
  const gone = of(a).filter((text) => !of(b).includes(text));
  const come = of(b).filter((text) => !of(a).includes(text));
  const subject = (text: string) => JSON.stringify((JSON.parse(text) as Flat).slice(0, 2));
  const alone = (text: string, all: readonly string[]) =>
    all.filter((other) => subject(other) === subject(text)).length === 1;
  const pairs = gone.flatMap((from) =>
    come
      .filter((to) => subject(to) === subject(from) && alone(from, gone) && alone(to, come))
      .map((to) => [from, to] as const),
  );
  return {
    added: come.filter((text) => !pairs.some(([, to]) => to === text)).sort(),
    removed: gone.filter((text) => !pairs.some(([from]) => from === text)).sort(),
    changed: pairs.map((pair) => pair.join()).sort(),
    same: of(a).filter((text) => of(b).includes(text)).length,
    unknown: both.filter((site) => answeredIn(a, site) !== answeredIn(b, site)).sort(),
    sites: [
      names(b).filter((site) => !names(a).includes(site)),
      names(a).filter((site) => !names(b).includes(site)),
    ],
  };
}

test('what changed between two runs is what a slow reading of the definition says', () => {
  fc.assert(
    fc.property(run, run, (a, b) => {
      const { answers, unknown, sites } = diff(a, b);
      const text = (answer: (typeof answers.added)[number]) => flat({ ...answer, proof: null });
      assert.deepEqual(
        {
          added: answers.added.map(text).sort(),
          removed: answers.removed.map(text).sort(),
          changed: answers.changed.map(({ from, to }) => `${text(from)},${text(to)}`).sort(),
          same: answers.same,
          unknown,
          sites: [sites.added, sites.removed],
        },
        naive(a, b),
      );
    }),
    { numRuns: 2_000 },
  );
});

test('a run has no difference to itself, and the way back is the mirror of the way there', () => {
  fc.assert(
    fc.property(run, run, (a, b) => {
      const none = diff(a, a);
      assert.deepEqual([none.sites, none.unknown], [{ added: [], removed: [], changed: [] }, []]);
      assert.deepEqual([none.answers.added, none.answers.removed, none.answers.changed], [[], [], []]);
      const [there, back] = [diff(a, b), diff(b, a)];
      assert.deepEqual(there.sites.added, back.sites.removed);
      assert.equal(there.answers.added.length, back.answers.removed.length);
      assert.equal(there.answers.changed.length, back.answers.changed.length);
      assert.equal(there.answers.same, back.answers.same);
    }),
    { numRuns: 500 },
  );
});

test('a site that did not answer is a change of outcome, and its answers are neither gone nor new', () => {
  const there = resultOf({ alder: { loads: { pve1: 1 } }, birch: { loads: { pve1: 2 } } });
  const silent = resultOf({ alder: { loads: { pve1: 3 } }, birch: { outcome: 'timeout' } });
  const { sites, answers, unknown } = diff(there, silent);
  assert.deepEqual(sites.changed, [
    {
      site: 'birch',
      from: { outcome: 'answered', code: null },
      to: { outcome: 'timeout', code: 'deadline' },
    },
  ]);
  assert.deepEqual(unknown, ['birch']);
  assert.deepEqual([answers.added, answers.removed, answers.changed.length], [[], [], 1]);
});
