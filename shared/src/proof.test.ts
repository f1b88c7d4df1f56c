/**
 * What the checker accepts, and every forgery we could think of, refused. The golden corpus (proof.golden.test.ts) has the
 * prover's own proofs and their mutations; here are those that no prover would write.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifest, NOW, term, withCode } from '../test/fixture.ts';
import { checkAsk } from './language.ts';
import { PROOF_STEPS } from './limits.ts';
import { checkProof, type ProofStanding } from './proof.ts';
import { hashTerm, int, list, type Term } from './term.ts';

const FRESH = `evidence(host,${NOW - 1000},${NOW + 14_000})`;

function check(
  query: string,
  values: readonly string[],
  steps: readonly string[] | string | Term,
  now = NOW,
): ProofStanding {
  const asked = checkAsk(query, manifest);
  const bindings = new Map(asked.variables.map((name, i) => [name, term(values[i] ?? 'missing')]));
  const text =
    typeof steps === 'string'
      ? steps
      : Array.isArray(steps)
        ? `[${steps.map((step, i) => `step(${i + 1},${step})`).join(',')}]`
        : '';
  return checkProof(text === '' ? (steps as Term) : term(text), {
    query: asked.goal,
    assumptions: asked.assumptions,
    bindings,
    now,
    manifest,
  });
}

const BUSY = [
  `fact(node_load(pve1,0.62),${FRESH})`,
  'eval(>(0.62,0.5))',
  'rule(clause(busy,1,1),busy(pve1),[1,2])',
  'query([3])',
];
const UNKNOWN = [
  'fact(node(nas),inventory)',
  "absent(node_up(nas,'$any'(0)))",
  'rule(clause(node_status,2,3),node_status(nas,unknown),[1,2])',
  'query([3])',
];
const GUESTS = [
  'fact(node(pve1),inventory)',
  `fact(vm_host(db,pve1),${FRESH})`,
  `fact(vm_host(web,pve1),${FRESH})`,
  "all(count,[],vm_host('$any'(0),pve1),[[db],[web]],2,[2,3])",
  'rule(clause(guests,2,1),guests(pve1,2),[1,4])',
  'query([5])',
];

/** `steps` with the text at `index` replaced must be refused. */
function refused(
  proof: readonly string[],
  index: number,
  step: string,
  code = 'bad_proof',
  query = 'busy(N)',
  values: readonly string[] = ['pve1'],
): void {
  assert.throws(() => check(query, values, proof.with(index, step)), withCode(code), step);
}

test("a derivation from facts is verified; with the site's word about its whole state, attested", () => {
  assert.deepEqual(check('busy(N)', ['pve1'], BUSY), { standing: 'verified', attested: [] });
  assert.deepEqual(check('node_status(N, S)', ['nas', 'unknown'], UNKNOWN), {
    standing: 'attested',
    attested: [2],
  });
  assert.deepEqual(check('guests(N, C)', ['pve1', '2'], GUESTS), { standing: 'attested', attested: [4] });
});

test('the proof must conclude this query with this answer', () => {
  assert.throws(() => check('busy(N)', ['pve2'], BUSY), withCode('bad_proof'));
  assert.throws(() => check('node(N)', ['pve1'], BUSY), withCode('bad_proof'));
  assert.throws(() => check('busy(N), node(N)', ['pve1'], BUSY), withCode('bad_proof'));
  for (const value of ["'$any'(0)", 'f(x)', '_', '[f(x)]', "['$any'(0)]"]) {
    assert.throws(() => check('busy(N)', [value], BUSY), withCode('bad_proof'), value);
  }
});

test("a fact is typed, declared as its evidence says, and fresh at the reply's own time", () => {
  for (const fact of [
    `fact(node_load(pve1,0.63),${FRESH})`,
    `fact(node_load(pve2,0.62),${FRESH})`,
    'fact(node_load(pve1,0.62),inventory)',
    'fact(node_load(pve1,0.62),clock)',
    `fact(busy(pve1),${FRESH})`,
    `fact(>(0.62,0.5),${FRESH})`,
    `fact(node_load(pve1,'0.62'),${FRESH})`,
    `fact(node_load('$any'(0),0.62),${FRESH})`,
    `fact(node_load(pve1,0.62),evidence(host,${NOW}))`,
    `fact(node_load(pve1,0.62),evidence(f(x),${NOW},${NOW}))`,
    `fact(node_load(pve1,0.62),evidence(host,0.0,${NOW}))`,
    `fact(node_load(pve1,0.62),evidence(host,${NOW},9.9e20))`,
    'fact(X,inventory)',
    'fact([],inventory)',
    'fact(7,inventory)',
  ])
    refused(BUSY, 0, fact);
  refused(BUSY, 0, `fact(node_load(pve1,0.62),evidence(host,${NOW - 2000},${NOW - 1}))`, 'stale_evidence');
  refused(
    BUSY,
    0,
    `fact(node_load(pve1,0.62),evidence(host,${NOW + 60_000},${NOW + 90_000}))`,
    'stale_evidence',
  );
  assert.throws(() => check('busy(N)', ['pve1'], BUSY, NOW + 14_001), withCode('stale_evidence'));
  assert.ok(check('busy(N)', ['pve1'], BUSY, NOW + 14_000));
});

test("time is the reply's", () => {
  assert.ok(check('now(T)', [String(NOW)], [`fact(now(${NOW}),clock)`, 'query([1])']));
  for (const fact of [
    `fact(now(${NOW + 1}),clock)`,
    `fact(now(${NOW}),inventory)`,
    `fact(now(${NOW}),${FRESH})`,
    `fact(node(a),clock)`,
    `fact(now(${NOW}.0),clock)`,
  ]) {
    assert.throws(() => check('now(T)', [String(NOW)], [fact, 'query([1])']), withCode('bad_proof'), fact);
  }
});

test("a rule is an instance of the manifest's clause and needs all of its premises, in order, and no others", () => {
  const rule = (id: string, premises: string, head = 'busy(pve1)') => `rule(${id},${head},${premises})`;
  for (const step of [
    rule('clause(busy,1,2)', '[1,2]'),
    rule('clause(busy,1,0)', '[1,2]'),
    rule('clause(busy,1,-1)', '[1,2]'),
    rule('clause(busy,2,1)', '[1,2]'),
    rule('clause(node_status,2,1)', '[1,2]'),
    rule('clause(busy,1,1.0)', '[1,2]'),
    rule("clause('busy/1#1',1,1)", '[1,2]'),
    rule("clause('__proto__',0,1)", '[1,2]'),
    rule('clause(constructor,1,1)', '[1,2]'),
    rule('busy', '[1,2]'),
    rule('clause(busy,1,1)', '[2,1]'),
    rule('clause(busy,1,1)', '[1]'),
    rule('clause(busy,1,1)', '[]'),
    rule('clause(busy,1,1)', '[1,2,2]'),
    rule('clause(busy,1,1)', '[1,2,1]'),
    rule('clause(busy,1,1)', '[1,3]'),
    rule('clause(busy,1,1)', '[1,4]'),
    rule('clause(busy,1,1)', '[0,2]'),
    rule('clause(busy,1,1)', '[-1,2]'),
    rule('clause(busy,1,1)', '[1.0,2.0]'),
    rule('clause(busy,1,1)', '[99999999999999999999,2]'),
    rule('clause(busy,1,1)', "['1','2']"),
    rule('clause(busy,1,1)', 'a'),
    rule('clause(busy,1,1)', '[[1],2]'),
    rule('clause(busy,1,1)', '[1,2]', "busy('$any'(0))"),
    rule('clause(busy,1,1)', '[1,2]', 'busy(f(pve1))'),
    rule('clause(busy,1,1)', '[1,2]', 'busy(X)'),
    rule('clause(busy,1,1)', '[1,2]', 'busy'),
    rule('clause(busy,1,1)', '[1,2]', 'busy(pve2)'),
    rule('clause(busy,1,1)', '[1,2]', 'node(pve1)'),
    rule('clause(limit,2,1)', '[]'),
  ])
    refused(BUSY, 2, step);
});

test('a computed step computes, over values of one kind', () => {
  for (const step of [
    'eval(>(0.62,0.7))',
    'eval(>(0.63,0.5))',
    'eval(>(1,0.5))',
    'eval(<(0.5,0.62))',
    "eval(>('$any'(0),0.5))",
    'eval(>(0.62,/(1.0,0.0)))',
    'eval(>(0.62,-(0.5)))',
    'eval(>(+(0.31,0.31),0.5))',
    'eval(busy(pve1))',
    'eval(true)',
    "eval(','(>(0.62,0.5),>(0.62,0.5)))",
    'eval(shell(ls))',
    'eval(>(0.62))',
    'eval(;(>(0.62,0.5),a))',
  ])
    refused(BUSY, 1, step);
  const same = (text: string) =>
    check('node(N), N \\== nas', ['pve1'], ['fact(node(pve1),inventory)', text, 'query([1,2])']);
  assert.ok(same('eval(\\==(pve1,nas))'));
  for (const text of [
    'eval(\\==(nas,nas))',
    "eval(\\==('$any'(0),nas))",
    'eval(\\==(f(x),nas))',
    'eval(==(pve1,nas))',
  ])
    assert.throws(() => same(text), withCode('bad_proof'), text);
  assert.ok(check('X is 1 + 2', ['3'], ['eval(is(3,+(1,2)))', 'query([1])']));
  for (const [value, step] of [
    ['4', 'eval(is(4,+(1,2)))'],
    ['3.0', 'eval(is(3.0,+(1,2)))'],
    ['3', 'eval(is(3,3))'],
  ] as const) {
    assert.throws(() => check('X is 1 + 2', [value], [step, 'query([1])']), withCode('bad_proof'), step);
  }
});

test('floats are told apart by their bits and never taken for integers', () => {
  const load = (fact: string, value: string) =>
    check('node_load(pve1, L)', [value], [`fact(node_load(pve1,${fact}),${FRESH})`, 'query([1])']);
  assert.ok(load('0.1', '0.1'));
  assert.ok(load('1.0', '1.0'));
  for (const [fact, value] of [
    ['0.1', '0.10000000000000002'],
    ['1.0', '1'],
    ['1', '1'],
    ['0.0', '-0.0'],
    ['-0.0', '-0.0'],
    ['-0.0', '0.0'],
  ] as const) {
    assert.throws(() => load(fact, value), withCode('bad_proof'), `${fact} ${value}`);
  }
});

test('an absence is the one that the goal needs, and existential variables stand nowhere else', () => {
  const query = 'node_status(N, S)';
  const values = ['nas', 'unknown'];
  for (const absent of [
    'absent(node_up(nas,true))',
    "absent(node_up('$any'(0),'$any'(1)))",
    "absent(node_up(nas,'$any'(1)))",
    "absent(node_up(pve1,'$any'(0)))",
    "absent(node_up('$any'(0),nas))",
    "absent(node_load(nas,'$any'(0)))",
    "absent(','(node_up(nas,'$any'(0)),node(pve9)))",
    'absent(node_up(nas,X))',
    "absent(node_up(nas,'$any'(a)))",
    "absent(\\+(node_up(nas,'$any'(0))))",
    "fact(\\+(node_up(nas,'$any'(0))),inventory)",
    "eval(\\+(node_up(nas,'$any'(0))))",
  ])
    refused(UNKNOWN, 1, absent, 'bad_proof', query, values);
});

test('an aggregate shows each of its solutions, once and in order, and its result', () => {
  const query = 'guests(N, C)';
  const all = (
    solutions: string,
    result: string,
    premises: string,
    rest = "count,[],vm_host('$any'(0),pve1)",
  ) => `all(${rest},${solutions},${result},${premises})`;
  for (const step of [
    all('[[db],[web]]', '3', '[2,3]'),
    all('[[db]]', '2', '[2]'),
    all('[[db],[web]]', '2', '[2]'),
    all('[[db],[web]]', '2', '[3,2]'),
    all('[[web],[db]]', '2', '[3,2]'),
    all('[[db],[db]]', '2', '[2,2]'),
    all('[[db],[web]]', '2', '[2,3,1]'),
    all('[[db],[nas]]', '2', '[2,3]'),
    all("[[db],['$any'(0)]]", '2', '[2,3]'),
    all('[[db,x],[web,x]]', '2', '[2,3]'),
    all('[db,web]', '2', '[2,3]'),
    all('[]', '2', '[]'),
    all('[[db],[web]]', '2.0', '[2,3]'),
    all('[[db],[web]]', '2', '[2,3]', "count,[],vm_host('$any'(1),pve1)"),
    all('[[db],[web]]', '2', '[2,3]', "count,'$any'(0),vm_host('$any'(0),pve1)"),
    all('[[db],[web]]', '2', '[2,3]', "sum(integer),'$any'(0),vm_host('$any'(0),pve1)"),
    all('[[db],[web]]', '2', '[2,3]', "shell,[],vm_host('$any'(0),pve1)"),
    all('[[],[]]', '2', '[2,3]', 'count,[],vm_host(db,pve1)'),
    all('[[db],[web]]', '2', '[2,3]', "count,[],vm_host('$any'(0),nas)"),
    all('X', '2', '[2,3]'),
  ])
    refused(GUESTS, 3, step, 'bad_proof', query, ['pve1', '2']);
  // Fewer than there are is the site's word to give, and makes the proof no more than attested.
  const fewer = GUESTS.with(3, all('[[db]]', '1', '[2]')).with(
    4,
    'rule(clause(guests,2,1),guests(pve1,1),[1,4])',
  );
  assert.equal(check(query, ['pve1', '1'], fewer).standing, 'attested');
});

test('sums, extremes and sets are recomputed over the solutions in canonical order', () => {
  const facts = ['a,10', 'b,20', 'c,20'].map((args) => `fact(node_memory(${args}),inventory)`);
  const goal = "node_memory('$any'(0),'$any'(1))";
  const on = (op: string, result: string, spec = op) => {
    const query = `aggregate_all(${spec}(M), node_memory(_, M), R)`;
    return check(
      query,
      [result],
      [...facts, `all(${op},'$any'(1),${goal},[[a,10],[b,20],[c,20]],${result},[1,2,3])`, 'query([4])'],
    );
  };
  for (const [op, result, spec] of [
    ['sum(integer)', '50', 'sum'],
    ['min', '10'],
    ['max', '20'],
    ['set', '[10,20]'],
  ] as const)
    assert.equal(on(op, result, spec).standing, 'attested');
  for (const [op, result, spec] of [
    ['sum(integer)', '30', 'sum'],
    ['sum(float)', '50.0', 'sum'],
    ['min', '20'],
    ['max', '10'],
    ['max', '20.0'],
    ['set', '[10,20,20]'],
    ['set', '[20,10]'],
    ['set', '[10]'],
    ['min', '10', 'max'],
    ['set', '10', 'min'],
  ] as const)
    assert.throws(() => on(op, result, spec), withCode('bad_proof'), `${op} ${result}`);
  const empty = (op: string, result: string, spec: string) =>
    check(
      `aggregate_all(${spec}(M), node_memory(_, M), R)`,
      [result],
      [`all(${op},'$any'(1),${goal},[],${result},[])`, 'query([1])'],
    );
  assert.ok(empty('sum(integer)', '0', 'sum'));
  assert.ok(empty('set', '[]', 'set'));
  assert.throws(() => empty('max', '0', 'max'), withCode('bad_proof'), 'nothing has a greatest value');
});

test('steps are numbered in order, each concludes something new, and the query is the last one only', () => {
  const bad = (steps: string) =>
    assert.throws(() => check('busy(N)', ['pve1'], steps), withCode('bad_proof'), steps);
  const text = (numbers: readonly (number | string)[], steps: readonly string[]) =>
    `[${steps.map((step, i) => `step(${numbers[i]},${step})`).join(',')}]`;
  bad(text([1, 2, 3, 5], BUSY));
  bad(text([0, 1, 2, 3], BUSY));
  bad(text(['1.0', 2, 3, 4], BUSY));
  bad(text([1, 2, 3], BUSY.slice(0, 3)));
  bad(text([1, 2, 3, 4, 5], [...BUSY, BUSY[3] as string]));
  bad(text([1, 2, 3, 4, 5], [...BUSY.slice(0, 3), 'query([3])', 'eval(1 < 2)']));
  bad(
    text(
      [1, 2, 3, 4, 5],
      [
        BUSY[0] as string,
        BUSY[0] as string,
        'eval(>(0.62,0.5))',
        'rule(clause(busy,1,1),busy(pve1),[1,3])',
        'query([4])',
      ],
    ),
  );
  for (const other of [
    '[]',
    'busy(pve1)',
    '[query([])]',
    '[step(1,query([]))]',
    '[step(1,query([1]))]',
    '[step(1,query)]',
    '[[1]]',
    "'$any'(0)",
    '[step(1,assumed(busy(pve1))),step(2,query([1]))]',
  ])
    bad(other);
  assert.throws(
    () => check('busy(N)', ['pve1'], text([1, 2, 3, 4], BUSY.with(0, 'fact(node_load(X,0.62),inventory)'))),
    withCode('bad_proof'),
  );
});

test('conclusions that share a hash are told apart', () => {
  const [one, other] = ['xlysjmo', 'yloikbb'];
  assert.equal(hashTerm(term(`node(${one})`)), hashTerm(term(`node(${other})`)));
  const facts = [one, other, 'pve1'].map((node) => `fact(node(${node}),inventory)`);
  const query = (...steps: string[]) => check('node(N)', [other], [...steps, 'query([2])']);
  assert.ok(query(...facts));
  assert.throws(() => query(...facts, facts[0] as string), withCode('bad_proof'));
  assert.throws(() => query(...facts, facts[1] as string), withCode('bad_proof'));
});

test('an unused step does not hurt, an unused premise does', () => {
  const extra = [...BUSY.slice(0, 3), 'fact(node(x),inventory)'];
  assert.ok(check('busy(N)', ['pve1'], [...extra, 'query([3])']));
  assert.throws(() => check('busy(N)', ['pve1'], [...extra, 'query([3,4])']), withCode('bad_proof'));
});

test('a disjunction is shown by either side, whichever side the rest needs', () => {
  const node = 'fact(node(a),inventory)';
  const memory = 'fact(node_memory(a,1),inventory)';
  assert.ok(check('(node(N) ; node_memory(N, _))', ['a'], [memory, 'query([1])']));
  assert.ok(
    check(
      '(node(N) ; node(N), node_memory(N, _)), node_memory(N, _X)',
      ['a'],
      [node, memory, 'query([1,2,2])'],
    ),
  );
  assert.ok(
    check(
      '(node(N) ; node(N), node_memory(N, _)), node_memory(N, _X)',
      ['a'],
      [node, memory, 'query([1,2])'],
    ),
  );
  assert.throws(
    () => check('(node(N) ; node_memory(N, _))', ['a'], [node, memory, 'query([1,2])']),
    withCode('bad_proof'),
  );
  const solutions =
    "all(count,[],;(node('$any'(0)),','(node('$any'(0)),node_memory('$any'(0),1))),[[a],[b]],2,[1,2,3])";
  assert.ok(
    check(
      'aggregate_all(count, (node(N) ; node(N), node_memory(N, 1)), C)',
      ['2'],
      [node, memory, 'fact(node(b),inventory)', solutions, 'query([4])'],
    ),
  );
});

test('a nameless variable keeps one value through the whole query', () => {
  const query = 'node_memory(_N, M), node(_N)';
  const facts = ['fact(node_memory(a,1),inventory)', 'fact(node(a),inventory)', 'fact(node(b),inventory)'];
  assert.ok(check(query, ['1'], [...facts, 'query([1,2])']));
  assert.throws(() => check(query, ['1'], [...facts, 'query([1,3])']), withCode('bad_proof'));
});

test('many disjunctions cost no more than their size', () => {
  const either = '(node(a) ; node(b))';
  const facts = ['fact(node(a),inventory)', 'fact(node(b),inventory)'];
  const start = performance.now();
  const query = Array.from({ length: 60 }, () => either).join(', ');
  assert.ok(
    check(query, [], [...facts, `query([${Array.from({ length: 60 }, (_, i) => 1 + (i % 2)).join(',')}])`]),
  );
  assert.throws(
    () => check(query, [], [...facts, `query([${Array.from({ length: 59 }, () => 1).join(',')}])`]),
    withCode('bad_proof'),
  );
  const loose = Array.from({ length: 24 }, (_, i) => `(node(_A${i}) ; node(_B${i}))`).join(', ');
  assert.throws(
    () => check(loose, [], [...facts, `query([${Array.from({ length: 23 }, () => 1).join(',')}])`]),
    withCode('bad_proof'),
  );
  const same = Array.from({ length: 60 }, () => '(node(a) ; node(a), node(a) ; node(a))').join(', ');
  assert.throws(
    () => check(same, [], [...facts, `query([${Array.from({ length: 130 }, () => 1).join(',')}])`]),
    withCode('bad_proof'),
  );
  assert.ok(performance.now() - start < 2000);
});

test('the cost of a huge proof is linear in its size', () => {
  const chain = (n: number): Term => {
    const steps = Array.from({ length: n }, (_, i) => term(`step(${i + 1},fact(node(n${i}),inventory))`));
    return list([...steps, term(`step(${n + 1},query([1]))`)]);
  };
  const time = (n: number): number => {
    const start = performance.now();
    assert.ok(check('node(N)', ['n0'], chain(n)));
    return performance.now() - start;
  };
  time(1000);
  assert.ok(time(PROOF_STEPS - 1) < 2000);
  assert.throws(() => check('node(N)', ['n0'], chain(PROOF_STEPS)), withCode('bad_proof'));
});

test('a forged aggregate with a large goal and many solutions costs no more than its size', () => {
  const goal = Array.from({ length: 900 }, () => 'node(a)').reduce((all, one) => `','(${one},${all})`);
  const solutions = list(Array.from({ length: 200_000 }, (_, i) => list([int(i)])));
  const step = term(`step(1,all(count,[],','(node('$any'(0)),${goal}),SOLUTIONS,200000,[]))`);
  const forged =
    step.kind === 'compound' && step.args[1]?.kind === 'compound'
      ? list([
          { ...step, args: [int(1), { ...step.args[1], args: step.args[1].args.with(3, solutions) }] },
          term('step(2,query([1]))'),
        ])
      : step;
  const start = performance.now();
  assert.throws(() => check('aggregate_all(count, node(_N), C)', ['200000'], forged), withCode('bad_proof'));
  assert.ok(performance.now() - start < 3000);
});
