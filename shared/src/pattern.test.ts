/** The form in which the checker goes through clauses and goals says the same as the term that it was made from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { term } from '../test/fixture.ts';
import { terms } from '../test/terms.ts';
import { bodyOf, type Goal, patternsOf, ruleOf } from './pattern.ts';
import { variablesOf, writeTerm } from './term.ts';

/** A goal as text; patterns are terms whose variables have numbers besides. */
function shown(goal: Goal): string {
  switch (goal.kind) {
    case 'plain':
      return writeTerm(goal.pattern);
    case 'absent':
      return `not ${writeTerm(goal.goal)}`;
    case 'all':
      return `all ${[goal.op, goal.over, goal.goal, goal.result].map(writeTerm).join(' ')}`;
    case 'either':
      return `(${goal.left.map(shown).join(' & ')} | ${goal.right.map(shown).join(' & ')})`;
  }
}
const goals = (text: string) => bodyOf(term(text)).goals.map(shown);

test('conjunctions are flat whichever way they nest, and true is nothing', () => {
  assert.deepEqual(goals('((a, b), (true, (c, d)))'), ['a', 'b', 'c', 'd']);
  assert.deepEqual(goals('true'), []);
  assert.deepEqual(goals('f(true, (a, b))'), ["f(true,','(a,b))"]);
});

test('each goal is told apart by the way in which it is shown', () => {
  assert.deepEqual(goals("\\+ a(X), (b ; true, c ; \\+ d), all(count, X, e(X), N), all(a), '\\\\+'(a, b)"), [
    'not a(X)',
    '(b | (c | not d))',
    'all count X e(X) N',
    'all(a)',
    '\\+(a,b)',
  ]);
});

test('variables are numbered in order of first occurrence, the head before the body', () => {
  const { head, goals, variables } = ruleOf(term('p(B, [A, B])'), term('q(C, A), r(B)'));
  assert.deepEqual(variables, ['B', 'A', 'C']);
  assert.equal(writeTerm(head), 'p(B,[A,B])');
  const [q] = goals;
  assert.ok(q?.kind === 'plain' && q.pattern.kind === 'compound');
  assert.deepEqual(
    q.pattern.args.map((arg) => arg.kind === 'var' && arg.at),
    [2, 1],
  );
});

test('a pattern reads as its term, and equal names have equal numbers', () => {
  fc.assert(
    fc.property(terms, terms, (a, b) => {
      assert.deepEqual(patternsOf([a, b]).map(writeTerm), [a, b].map(writeTerm));
      const { variables } = ruleOf(a, b);
      assert.deepEqual(variables, variablesOf(a, b));
    }),
    { numRuns: 500 },
  );
});
