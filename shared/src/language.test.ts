/** What may be asked, what is refused and with which code (docs/protocol.md section 1). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifest, withCode } from '../test/fixture.ts';
import { checkAsk } from './language.ts';
import { writeTerm } from './term.ts';

const normal = (text: string): string => writeTerm(checkAsk(text, manifest).goal);
const variables = (text: string, template?: string): readonly string[] =>
  checkAsk(text, manifest, template === undefined ? {} : { template }).variables;

function refused(code: string, ...texts: string[]): void {
  for (const text of texts) assert.throws(() => checkAsk(text, manifest), withCode(code), text);
}

test('a question keeps its text and gets one normal form', () => {
  const asked = checkAsk('node_load(N, L), L > 1', manifest);
  assert.equal(asked.text, "','(node_load(N,L),>(L,1))");
  assert.equal(writeTerm(asked.goal), "','(node_load(N,L),>(L,1.0))");
  assert.deepEqual(asked.variables, ['N', 'L']);
  assert.equal(asked.prove, false);
});

test('prove/2 asks for proofs and its variable is no answer', () => {
  const asked = checkAsk('prove(node_status(N, S), P)', manifest);
  assert.deepEqual([asked.text, asked.variables, asked.prove], ['node_status(N,S)', ['N', 'S'], true]);
  refused('type_error', 'prove(node(N), a)', 'prove(node(N), N)');
  refused('unknown_predicate', '(node(N), prove(node(N), P))');
});

test('integer literals become floats beside a float, literal by literal', () => {
  const cases = {
    'node_load(pve1, 1)': 'node_load(pve1,1.0)',
    'node_load(_A, L), L > 1 + 2': "','(node_load(_A,L),>(L,+(1.0,2.0)))",
    'node_load(_A, L), X is L * 2 - 1': "','(node_load(_A,L),is(X,-(*(L,2.0),1.0)))",
    'node_load(_A, L), X is L / 2': "','(node_load(_A,L),is(X,/(L,2.0)))",
    'node_memory(_A, M), X is float(M) / 1024': "','(node_memory(_A,M),is(X,/(float(M),1024.0)))",
    'node_load(_A, L), L == 1': "','(node_load(_A,L),==(L,1.0))",
    '1 < 2': '<(1,2)',
    '1 < 2.0': '<(1.0,2.0)',
    'X is 1 + 2': 'is(X,+(1,2))',
    '1.5 > abs(-1)': '>(1.5,abs(-1.0))',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(normal(text), expected, text);
});

test('aggregates are written as all/4 with their type', () => {
  const cases = {
    'aggregate_all(count, node(_N), C)': 'all(count,[],node(_N),C)',
    'aggregate_all(sum(M), node_memory(_N, M), S)': 'all(sum(integer),M,node_memory(_N,M),S)',
    'aggregate_all(sum(L), node_load(_N, L), S)': 'all(sum(float),L,node_load(_N,L),S)',
    'aggregate_all(max(L), node_load(_N, L), 0.5)': 'all(max,L,node_load(_N,L),0.5)',
    'aggregate_all(set(N), node(N), Ns)': 'all(set,N,node(N),Ns)',
    'aggregate_all(max(C), (node(N), aggregate_all(count, vm_host(_V, N), C)), X)':
      "all(max,C,','(node(N),all(count,[],vm_host(_V,N),C)),X)",
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(normal(text), expected, text);
});

test('answer variables are the named ones outside negations and aggregates, or those of the template', () => {
  assert.deepEqual(variables('node_load(N, _L), \\+ vm_host(_V, N)'), ['N']);
  assert.deepEqual(variables('aggregate_all(count, node(N), C)'), ['C']);
  assert.deepEqual(variables('node(_)'), []);
  assert.deepEqual(variables('node_load(N, L)', '[L]'), ['L']);
  assert.deepEqual(variables('prove(node_load(N, L), P)', 'row(L, N, P)'), ['L', 'N']);
  assert.throws(() => variables('node(N)', '[a]'), withCode('type_error'));
  assert.throws(() => variables('node(N)', '[M]'), withCode('non_ground_answer'));
  assert.throws(() => variables('node(N), \\+ vm_host(V, N)', '[V]'), withCode('free_variable'));
});

test('nothing outside the catalogue can be called', () => {
  refused(
    'unknown_predicate',
    'shell(ls)',
    'call(node(_))',
    'node(a, b)',
    'halt',
    "'__proto__'(a)",
    'constructor(a)',
    '[node]',
    'all(count,[],node(_),C)',
    'findall(X, node(X), L)',
    'node(N) :- true',
  );
  refused('unknown_predicate', 'X is foo(1)', 'X is pi', '1 < sqrt(4)', 'X is [1]', '+(1) < 2');
  refused('type_error', 'X', 'node(N), X', '1', '\\+ X', '[]', '1.5');
});

test('a message names name and arity, never the term', () => {
  assert.throws(
    () => checkAsk("shell('rm -rf /')", manifest),
    (error: Error) => /shell\/1/.test(error.message) && !/rm/.test(error.message),
  );
});

test('arguments have their declared type and mode', () => {
  refused(
    'type_error',
    'node(1)',
    'node([])',
    'node([a])',
    'node(f(x))',
    'node_up(N, maybe)',
    'node_status(N, off)',
    'node_load(N, abc)',
    'node_memory(N, 1.5)',
    'now(1.0)',
    'node(- 1)',
    'node_load(N, -0.0)',
  );
  refused(
    'type_error',
    'node_memory(N, M), node_load(N, M)',
    'node(N), node_memory(_, N)',
    `node_memory(N, 9${'9'.repeat(77)})`,
  );
  refused('unbound_argument', 'above(N, L)');
  assert.equal(normal('node_load(nas, L), above(N, L)'), "','(node_load(nas,L),above(N,L))");
  assert.equal(normal('above(N, 1)'), 'above(N,1.0)');
});

test('comparisons need values of one kind', () => {
  refused(
    'unbound_argument',
    'X > 1',
    'X == a',
    'node(N), X is Y + 1',
    'X > 1, node_memory(_, X)',
    'X is X + 1',
  );
  refused(
    'type_error',
    'node(N), N > 1',
    'node(N), N == 1',
    'node(N), N == f(x)',
    'node(N), N == []',
    'node_memory(N, M), M == 1.0',
    'node_memory(_, M), M is 1',
    '1 is 1',
  );
  refused(
    'mixed_arithmetic',
    'node_memory(_, M), M > 0.5',
    'X is 1 / 2',
    'node_memory(_, M), X is M / 2',
    'node_load(_, L), X is L mod 2',
    'node_load(_, L), L > 7 // 2',
    'node_memory(_,M), node_load(_,L), M > L',
    'X is 1.0 // 2',
  );
});

test('a variable of a negation or aggregate is used inside only, or has a value before', () => {
  refused(
    'free_variable',
    '\\+ node(N), node(N)',
    'node(N), \\+ vm_host(V, N), vm_host(V, _)',
    '\\+ vm_host(V, _), \\+ vm_host(V, _)',
  );
  refused(
    'free_variable',
    'aggregate_all(count, node(N), C), node(N)',
    'aggregate_all(count, node(N), N)',
    'aggregate_all(sum(M), node_memory(_, M), M)',
    'aggregate_all(max(X), \\+ node_memory(_, X), S)',
  );
  refused('unbound_argument', 'aggregate_all(sum(X), node(_), S)', '\\+ X > 1');
  refused(
    'type_error',
    'aggregate_all(sum(N), node(N), S)',
    'aggregate_all(bag(N), node(N), S)',
    'aggregate_all(X, node(N), S)',
    'aggregate_all(sum(1), node(N), S)',
    'aggregate_all(count, node(N), 1.0)',
    'aggregate_all(count, node(_), a)',
  );
});

test('a disjunction binds what both of its sides bind', () => {
  assert.deepEqual(variables('(node_up(N, true) ; node_load(N, _))'), ['N']);
  refused('non_ground_answer', '(node(N) ; vm_host(V, _))');
  refused(
    'unbound_argument',
    '(node_memory(_, M) ; node(_)), M > 1',
    'aggregate_all(count, (node(X) ; vm_host(Y, _)), C)',
  );
});

test('questions past the bounds are too large', () => {
  refused('too_large', `node('${'a'.repeat(65_536)}')`, `${'\\+ '.repeat(101)}node(a)`);
  refused('syntax_error', '', 'node(', '"text"', "node('$any'(0))");
});
