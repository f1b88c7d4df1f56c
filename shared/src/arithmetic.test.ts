/** What the closed arithmetic promises; arithmetic.fuzz.test.ts has the properties, language.diff.test.ts swipl's word. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { term, withCode } from '../test/fixture.ts';
import { evaluate, holds } from './arithmetic.ts';
import { compound, float, isCompound, writeTerm } from './term.ts';

const value = (text: string): string => writeTerm(evaluate(term(text)));
const judge = (text: string): boolean => {
  const goal = term(text);
  assert.ok(goal.kind === 'compound' && goal.args[0] && goal.args[1]);
  return holds(goal.name, goal.args[0], goal.args[1]);
};
const LARGEST = ((1n << 256n) - 1n).toString();

test('each function has its value', () => {
  const cases = {
    '2 + 3': '5',
    '2.5 + 0.5': '3.0',
    '2 - 3': '-1',
    '4 * 5': '20',
    '7 // 2': '3',
    '-7 // 2': '-3',
    '7 // -2': '-3',
    '-7 mod 3': '2',
    '7 mod -3': '-2',
    '6 mod -3': '0',
    '7.0 / 2.0': '3.5',
    'min(2, 3)': '2',
    'max(2.5, 3.5)': '3.5',
    'abs(-4)': '4',
    'abs(-4.5)': '4.5',
    '-(4)': '-4',
    'float(3)': '3.0',
    'float(3.5)': '3.5',
    '1 + 2 * 3 - abs(-1)': '6',
    'float(9007199254740993)': '9.007199254740992e+15',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(value(text), expected, text);
});

test('a zero divisor and a float that is not finite have no value', () => {
  for (const text of [
    '1 // 0',
    '1 mod 0',
    '1.0 / 0.0',
    '0.0 / 0.0',
    '1.0e308 * 10.0',
    '-1.0e308 - 1.0e308',
  ]) {
    assert.throws(() => value(text), withCode('evaluation_error'), text);
  }
  assert.throws(() => evaluate(float(Number.NaN)), withCode('evaluation_error'));
});

test('a negative zero becomes zero', () => {
  for (const text of ['-(0.0)', '0.0 * -1.0', '-1.0e-300 * 1.0e-300', 'min(0.0, -(0.0))'])
    assert.equal(value(text), '0.0', text);
});

test('integers and floats never meet', () => {
  for (const text of ['1 + 1.0', 'min(1, 1.0)', '1 / 2', '1.0 // 2.0', '1.0 mod 2.0', '2 * float(1)']) {
    assert.throws(() => value(text), withCode('type_error'), text);
  }
  assert.throws(() => judge('1 < 2.0'), withCode('type_error'));
  assert.throws(() => judge('1 =:= 1.0'), withCode('type_error'));
});

test('integers are exact up to 256 bits and refused past them', () => {
  assert.equal(value(`${LARGEST} - 1 + 1`), LARGEST);
  for (const text of [`${LARGEST} + 1`, `-(${LARGEST}) - 1`, `${LARGEST} * ${LARGEST}`])
    assert.throws(() => value(text), withCode('type_error'), text);
});

test('nothing but the listed functions is arithmetic', () => {
  for (const text of [
    'a',
    'X',
    '[1]',
    'sqrt(4)',
    '2 ** 3',
    'random(3)',
    'foo(1, 2)',
    '+(1)',
    'abs(1, 2)',
    'min(1, 2, 3)',
    "'$any'(0)",
  ]) {
    assert.throws(
      () => evaluate(text.includes('**') ? compound('**', [float(1), float(1)]) : term(text)),
      withCode('type_error'),
      text,
    );
  }
});

test('comparisons, identity and is decide', () => {
  const cases = {
    '1 < 2': true,
    '2 < 1': false,
    '2 =< 2': true,
    '3 > 2': true,
    '2 >= 3': false,
    '1 + 1 =:= 2': true,
    '1 =\\= 1': false,
    '0.5 > 0.25': true,
    'a == a': true,
    'a \\== b': true,
    '1 == 1.0': false,
    '1 + 1 == 2': false,
    '3 is 1 + 2': true,
    '4 is 1 + 2': false,
    '3.0 is 1 + 2': false,
    '9007199254740993 > 9007199254740992': true,
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(judge(text), expected, text);
  assert.ok(!isCompound(term('1 < 2'), '>', 2));
});
