/** What a person reads in a terminal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW, term } from '../test/fixture.ts';
import type { AskResult, SiteOutcome } from './api/ask.ts';
import { coverageOf } from './coverage.ts';
import { formatTerm, renderProof, renderResult } from './render.ts';

const FRESH = `evidence(host,${NOW - 3200},${NOW + 14_000})`;
const BUSY = `[step(1,fact(node_load(pve1,0.62),${FRESH})),step(2,eval(>(0.62,0.5))),step(3,rule(clause(busy,1,1),busy(pve1),[1,2])),step(4,query([3]))]`;

test('terms are shown in operator notation, with parentheses only where they are needed', () => {
  const cases = {
    'node_load(pve1,0.62)': 'node_load(pve1, 0.62)',
    '>(0.62,0.5)': '0.62 > 0.5',
    'is(6.5,-(95.0,88.5))': '6.5 is 95.0 - 88.5',
    '-(2,+(1,2))': '2 - (1 + 2)',
    '-(-(2,1),2)': '2 - 1 - 2',
    '*(+(1,2),3)': '(1 + 2) * 3',
    "','(a,b)": 'a, b',
    "f(','(a,b))": 'f((a, b))',
    "\\+(','(a,b))": 'not (a, b)',
    "node_up(nas,'$any'(0))": 'node_up(nas, _0)',
    "[a,'B c']": "[a, 'B c']",
    '-(X)': '- X',
    "all(sum(integer),'$any'(1),vm('$any'(0),'$any'(1)),5)": 'sum(_1) of (vm(_0, _1)) = 5',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(formatTerm(term(text)), expected, text);
});

test('a proof is a tree from the query down to facts with source and age', () => {
  assert.equal(
    renderProof(BUSY, { now: NOW }),
    ['└─ busy(pve1)  by busy/1#1', '   ├─ node_load(pve1, 0.62)  [host, 3.2 s ago]', '   └─ 0.62 > 0.5'].join(
      '\n',
    ),
  );
  assert.match(renderProof(BUSY), /\[host, at 2024-11-23T/, 'without a clock the time stands as it is');
});

test("a negation and an aggregate say that they are the site's word", () => {
  const proof = `[step(1,fact(node(nas),inventory)),step(2,absent(node_up(nas,'$any'(0)))),step(3,all(count,[],node('$any'(0)),[[nas]],1,[1])),step(4,query([1,2,3]))]`;
  assert.equal(
    renderProof(proof),
    [
      '├─ node(nas)  [inventory]',
      "├─ not: node_up(nas, _0)  (the site's word)",
      "└─ count of (node(_0)) = 1  (over 1 found; that there are no more is the site's word)",
      '   └─ node(nas)  [inventory]',
    ].join('\n'),
  );
});

test('a lemma that is used twice is drawn once', () => {
  const proof = `[step(1,fact(node(a),inventory)),step(2,rule(clause(p,1,1),p(a),[1])),step(3,query([2,2]))]`;
  assert.equal(renderProof(proof).split('\n').at(-1), '└─ p(a)  by p/1#1  (shown above, step 2)');
});

test('a deep sub-proof that is shared at every level is drawn in linear size', () => {
  const steps = Array.from({ length: 60 }, (_, i) =>
    i === 0
      ? 'step(1,fact(node(a),inventory))'
      : `step(${i + 1},rule(clause(p,1,${i}),p(a${i}),[${i},${i}]))`,
  );
  assert.ok(renderProof(`[${steps.join(',')},step(61,query([60]))]`).split('\n').length < 130);
});

test('a result shows answers by site, their standing and proof, then the coverage of every site', () => {
  const sites: SiteOutcome[] = [
    {
      site: 'garage',
      outcome: 'answered',
      code: null,
      message: null,
      ms: 12,
      revision: 42,
      bundle: 'ab',
      answers: 2,
    },
    {
      site: 'attic',
      outcome: 'timeout',
      code: 'deadline',
      message: 'no whole reply came by the deadline',
      ms: 5000,
      revision: null,
      bundle: null,
      answers: 0,
    },
  ];
  const result: AskResult = {
    query: 'busy(N)',
    variables: ['N'],
    coverage: coverageOf(sites),
    complete: false,
    answers: [
      { site: 'garage', bindings: { N: 'pve1' }, standing: 'verified', proof: BUSY },
      { site: 'garage', bindings: { N: 'A b' }, standing: 'unproved', proof: null },
    ],
  };
  assert.equal(
    renderResult(result, { now: NOW }),
    [
      'garage',
      '  N = pve1  [verified]',
      '    └─ busy(pve1)  by busy/1#1',
      '       ├─ node_load(pve1, 0.62)  [host, 3.2 s ago]',
      '       └─ 0.62 > 0.5',
      "  N = 'A b'  [unproved]",
      '',
      'Coverage: 2 sites, 1 answered, 1 timeout (partial)',
      '  SITE    OUTCOME   CODE      ANSWERS  MS    REVISION  MESSAGE',
      '  garage  answered  -         2        12    42',
      '  attic   timeout   deadline  0        5000  -         no whole reply came by the deadline',
      '',
    ].join('\n'),
  );
});

test('a question without variables answers true, and no answers are said to be none', () => {
  const sites: SiteOutcome[] = [
    {
      site: 'garage',
      outcome: 'empty',
      code: null,
      message: null,
      ms: 1,
      revision: 1,
      bundle: null,
      answers: 0,
    },
  ];
  const empty: AskResult = {
    query: 'q',
    variables: [],
    answers: [],
    coverage: coverageOf(sites),
    complete: true,
  };
  assert.match(renderResult(empty), /^No answers\.\n\nCoverage: 1 site, 1 empty \(complete\)/);
  const yes: AskResult = {
    ...empty,
    answers: [{ site: 'garage', bindings: {}, standing: 'unproved', proof: null }],
  };
  assert.match(renderResult(yes), /^garage\n {2}true {2}\[unproved\]/);
});
