/** What a person reads of a fleet's answer: nothing that holds for part of the fleet is worded as if it held for all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, FleetGroup, FleetResult, JsonValue, SiteOutcome } from './api/ask.ts';
import type { FleetPlan } from './api/plan.ts';
import { coverageOf } from './coverage.ts';
import { renderFleetResult, renderPlan } from './render-fleet.ts';

const row = (site: string, outcome: SiteOutcome['outcome'], answers = 0): SiteOutcome => ({
  site,
  outcome,
  code: null,
  message: null,
  ms: 3,
  revision: 7,
  bundle: null,
  answers,
});
const answer = (site: string, bindings: Record<string, JsonValue>): Answer => ({
  site,
  bindings,
  standing: 'verified',
  proof: null,
});

function result(part: Partial<FleetResult>, readAt?: number): string {
  const coverage = part.coverage ?? coverageOf([row('attic', 'answered', 1), row('barn', 'answered', 1)]);
  return renderFleetResult(
    {
      query: 'q',
      kind: 'rows',
      variables: ['N'],
      answers: [],
      coverage,
      complete: coverage.complete,
      found: { value: part.answers?.length ?? 0, bound: 'exact', unknownSites: [] },
      standing: 'verified',
      groups: [],
      join: null,
      bundles: [],
      stale: [],
      lastKnown: [],
      ...part,
    },
    readAt === undefined ? {} : { readAt },
  );
}

const PARTIAL = coverageOf([row('attic', 'empty'), row('barn', 'timeout'), row('cave', 'unreachable')]);
const unknown = (value: number) => ({ value, bound: 'at_least', unknownSites: ['barn', 'cave'] }) as const;
const group = (part: Partial<FleetGroup>): FleetGroup => ({
  group: null,
  value: 12,
  bound: 'exact',
  unknownSites: [],
  standing: 'attested',
  sites: ['attic', 'barn'],
  ...part,
});

test('no answer is said only of the sites that said so', () => {
  assert.match(result({ coverage: PARTIAL, found: unknown(0) }), /^none at 1 site; 2 unknown\n/);
  assert.match(result({}), /^No answers\.\n/);
});

test('answers over part of the fleet are at least so many', () => {
  const answers = [answer('attic', { N: 'a' })];
  const text = result({ coverage: PARTIAL, answers, found: unknown(1) });
  assert.match(text, /attic\n {2}N = a {2}\[verified\]\n\nat least 1 answer; 2 sites unknown\n/);
  assert.doesNotMatch(result({ answers }), /answers;/, 'of all answers nothing needs saying');
  const first = result({ answers, found: { value: 9, bound: 'exact', unknownSites: [] } });
  assert.match(first, /1 of 9 answers/);
});

test('a goal without variables holds at so many sites', () => {
  const text = result({
    variables: [],
    answers: [answer('attic', {})],
    coverage: PARTIAL,
    found: unknown(1),
  });
  assert.match(text, /holds at 1 of 3 sites; 2 unknown/);
});

test('a folded value is a number, a bound, unknown, or none', () => {
  const fold = (part: Partial<FleetGroup>) => result({ kind: 'fold', groups: [group(part)] }).split('\n')[0];
  assert.equal(fold({}), 'N = 12  [attested, 2 sites]');
  const partial = { unknownSites: ['x', 'y'], sites: ['attic'] };
  assert.equal(
    fold({ bound: 'at_least', ...partial }),
    'N = at least 12; 2 sites unknown  [attested, 1 site]',
  );
  assert.equal(fold({ bound: 'at_most', ...partial }), 'N = at most 12; 2 sites unknown  [attested, 1 site]');
  assert.equal(
    fold({ bound: 'unknown', value: null, ...partial }),
    'N = unknown; 2 sites unknown  [attested, 1 site]',
  );
  assert.equal(fold({ value: null }), 'N = none  [attested, 2 sites]');
});

test('groups are a table that names the unknown sites, and counts those that would not fit', () => {
  const many = Array.from({ length: 11 }, (_, i) => `s${i}`);
  const text = result({
    kind: 'fold',
    groups: [group({ group: 'eu' }), group({ bound: 'at_least', unknownSites: many, sites: [] })],
  });
  assert.match(text, /GROUP +N +SITES +STANDING +UNKNOWN\n {2}eu +12 +2 +attested +-\n/);
  assert.match(text, /\(without the label\) +at least 12 +0 +attested +s0, s1, .*s7 and 3 more/);
});

test('rows that are ranked stand in their order, as a table', () => {
  const answers = [answer('barn', { N: 'b' }), answer('attic', { N: 'a' })];
  assert.match(result({ answers }), /SITE +N +STANDING\n {2}barn +b +verified\n {2}attic +a +verified/);
});

test('a row of a join names the sites that it rests on', () => {
  const part = {
    query: 'node(N)',
    at: { variable: '_1' },
    negated: false,
    variables: ['N'],
    coverage: PARTIAL,
  } as const;
  const text = result({
    kind: 'join',
    join: {
      parts: [
        { ...part, answers: [answer('attic', { N: 'a' })] },
        { ...part, answers: [answer('barn', { N: 'a' })] },
      ],
      rows: [
        {
          bindings: { N: 'a' },
          standing: 'verified',
          rests: [
            { part: 0, answer: 0 },
            { part: 1, answer: 0 },
          ],
        },
      ],
    },
    found: { value: 1, bound: 'exact', unknownSites: [] },
  });
  assert.match(text, /N +STANDING +RESTS ON\n {2}a +verified +attic, barn\n/);
});

test('what is not merged is shown apart, with the reason', () => {
  const text = result({
    bundles: [
      { bundle: 'a'.repeat(64), own: true, known: true, sites: ['attic'], answers: [] },
      {
        bundle: 'b'.repeat(64),
        own: false,
        known: true,
        sites: ['barn'],
        answers: [answer('barn', { N: 'x' })],
      },
      { bundle: 'c'.repeat(64), own: false, known: false, sites: ['cave'], answers: [] },
    ],
    stale: [answer('dam', { N: 'y' })],
    lastKnown: [{ site: 'elm', at: 0, answers: [answer('elm', { N: 'z' })] }],
  });
  assert.match(text, /Other rules \(bundle b{12}\), not merged: barn\n {2}SITE +N +STANDING\n {2}barn +x/);
  assert.match(text, /Other rules \(bundle c{12}\), not merged: cave; its manifest is not here/);
  assert.match(text, /Stale, not merged:\n.*\n {2}dam +y/);
  assert.match(
    text,
    /Last known, not part of the answer:\n {2}elm, at 1970-01-01T00:00:00.000Z:\n.*\n {2}elm +z/,
  );
});

test('what a missing site said before is told with its age', () => {
  const lastKnown = [{ site: 'elm', at: 1_000, answers: [] }];
  assert.match(result({ lastKnown }, 91_000), /\n {2}elm, 90 s ago: nothing\n/);
});

test('a plan says who is asked what, who is skipped, what is computed here, and where the time goes', () => {
  const plan: FleetPlan = {
    query: 'q',
    kind: 'join',
    variables: ['S', 'N'],
    targets: { asked: ['attic', 'barn'], skipped: [{ site: 'cave', reason: 'the site is revoked' }] },
    parts: [
      {
        query: "','(node(N),\\+(vm(N)))",
        at: { variable: 'S' },
        negated: false,
        variables: ['N'],
        sites: 2,
        expectedRows: 8,
        mostRows: 2000,
      },
      {
        query: 'vm(N)',
        at: { site: 'barn' },
        negated: true,
        variables: ['N'],
        sites: 1,
        expectedRows: null,
        mostRows: 1000,
      },
    ],
    pushed: ['>(L,0.5)'],
    here: ['rows of the goals are joined by hash'],
    share: 0.9,
    maxAgeMs: 60_000,
    budget: { deadlineMs: 5_000, sendingMs: 250, siteMs: 3_000, questionMs: 2_000, restMs: 1_750 },
    join: { expectedRows: null, mostRows: 100_000, mostGiven: 10_000, refused: false },
  };
  const text = renderPlan(plan);
  for (const says of [
    /^Targets: 3, of which 2 are asked: attic, barn\n {2}skipped: cave, the site is revoked\n/,
    / {2}node\(N\), not vm\(N\) +some target S +2 +8 rows +2000 rows\n {2}vm\(N\) +not barn +1 +not known yet +1000 rows/,
    /Pushed down:\n {2}>\(L,0\.5\)\n/,
    /takes in an unknown number of rows, at most 100000; gives at most 10000/,
    /1750 ms are left for the way and for checking/,
    /Needs: 90 % of the targets\nStale: what cites an observation older than 60000 ms/,
  ])
    assert.match(text, says);
  const short = renderPlan({ ...plan, join: null, budget: { ...plan.budget, restMs: 0 } });
  assert.match(short, /a site that takes all of it is a timeout/);
});
