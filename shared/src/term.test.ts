/** What the one reader and the one writer of terms promise. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withCode } from '../test/fixture.ts';
import { atom, compareValues, float, int, list, readTerm, sameTerm, type Term, writeTerm } from './term.ts';

const BOUNDS = { bytes: 64 * 1024, depth: 100 };
const read = (text: string): Term => readTerm(text, BOUNDS).term;
const canonical = (text: string): string => writeTerm(read(text));
const reply = (text: string): string => writeTerm(readTerm(text, { ...BOUNDS, any: true }).term);

test('operator notation reads as its structure', () => {
  const cases = {
    'node_load(Node, Load), Load > 0.5': "','(node_load(Node,Load),>(Load,0.5))",
    'a,b;c': ";(','(a,b),c)",
    'a;b;c': ';(a,;(b,c))',
    '1-2-3': '-(-(1,2),3)',
    '1-(2-3)': '-(1,-(2,3))',
    '2+3*4': '+(2,*(3,4))',
    '(2+3)*4': '*(+(2,3),4)',
    '\\+ a, b': "','(\\+(a),b)",
    '\\+ (a, b)': "\\+(','(a,b))",
    '\\+(a,b)': '\\+(a,b)',
    'X is Y mod 2': 'is(X,mod(Y,2))',
    'X is -Y * 2': 'is(X,*(-(Y),2))',
    'f(a;b,c)': 'f(;(a,b),c)',
    '7 // 2 / 3': '/(//(7,2),3)',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(canonical(text), expected, text);
});

test('a minus directly before a digit belongs to the number, any other is an operator', () => {
  const cases = {
    '-5': '-5',
    '- 5': '-(5)',
    '-(5)': '-(5)',
    '1 -5': '-(1,5)',
    '1 - -5': '-(1,-5)',
    '-a': '-(a)',
    '- -1': '-(-1)',
    '-5.0': '-5.0',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(canonical(text), expected, text);
});

test('operators stand as plain atoms where no operand follows', () => {
  const cases = {
    'f(+, -, \\+)': 'f(+,-,\\+)',
    '[-]': '[-]',
    '-': '-',
    'f(is, mod)': 'f(is,mod)',
    "','": "','",
    '- < 1': '<(-,1)',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(canonical(text), expected, text);
});

test('what the language does not have is a syntax error', () => {
  const refused = [
    '',
    'a b',
    'f(',
    'f(a',
    'f(a,)',
    '[a',
    '[a|b]',
    '(a',
    'a)',
    ')',
    'f (a)',
    '"s"',
    '`s`',
    '{a}',
    '{}',
    'a{b:1}',
    '0x1F',
    "0'a",
    '0b1',
    '1_000',
    '1 000',
    '1r3',
    '1.0Inf',
    '1.5NaN',
    '1e10',
    '1.e5',
    'a.b',
    'a. b',
    'X(a)',
    '[](a)',
    'a/*c*/',
    '/*c*/a',
    "'a",
    "'\\q'",
    "'\\x110000\\'",
    "'\\xd800\\'",
    "'\\u0041'",
    "'\n'",
    '!',
    '@',
    '#',
    'a|b',
    'a->b',
    'a=b',
    'a:b',
    'X^a',
    "'$any'(0)",
    '$any(0)',
    'é',
    "'e\u0301'",
    '1 < 2 < 3',
    ':- a',
    'a*-b',
    '1.0e999',
    '1.0e-999',
    "'\ud800'",
    '1a',
    "1'a'",
    'a\0b',
  ];
  for (const text of refused) assert.throws(() => read(text), withCode('syntax_error'), JSON.stringify(text));
});

test('a syntax error names line and column', () => {
  assert.throws(() => read('a,\n  ?b'), /Line 2, column 3/);
  assert.throws(() => read('f(a'), /end of the text/);
});

test('comments, layout and a final full stop are allowed', () => {
  assert.equal(canonical(' a , % the first\n b .  % end\n'), "','(a,b)");
  assert.equal(canonical('X > 1.'), '>(X,1)');
});

test('quoted atoms read with their escapes and are written only where they need quotes', () => {
  const cases = {
    "'abc'": 'abc',
    "'it''s'": "'it\\'s'",
    "'a\\x41\\b'": 'aAb',
    "'\\n\\t\\\\\\''": "'\\n\\t\\\\\\''",
    "''": "''",
    "'Node'": "'Node'",
    "'é'": "'é'",
    "'[]'": "'[]'",
    '[]': '[]',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(canonical(text), expected, text);
  assert.ok(!sameTerm(read('[]'), read("'[]'")), 'the empty list is no atom');
});

test('a reply may hold what swipl itself writes', () => {
  const cases = {
    "'$any'(0)": "'$any'(0)",
    'f(é,!,{},#,$)': "f('é','!','{}','#','$')",
    "'\\u0001\\a'": "'\\x1\\\\x7\\'",
    '"text"': 'text',
    'error(x,_123)': 'error(x,_123)',
    '1.0e+15': '1.0e+15',
    "'\\u00A0'": "'\\xa0\\'",
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(reply(text), expected, text);
  assert.throws(() => reply("'e\u0301'"), withCode('syntax_error'), 'NFC holds for replies too');
});

test('floats are written as the shortest text that reads back, laid out as swipl does', () => {
  const cases: [number, string][] = [
    [0, '0.0'],
    [0.62, '0.62'],
    [1, '1.0'],
    [1e14, '100000000000000.0'],
    [1e15, '1.0e+15'],
    [1.5e300, '1.5e+300'],
    [1e-4, '0.0001'],
    [1e-5, '1.0e-5'],
    [5e-324, '5.0e-324'],
    [123456789.123, '123456789.123'],
    [-2.5, '-2.5'],
    [0.1 + 0.2, '0.30000000000000004'],
    [1234567890123456.8, '1234567890123456.8'],
  ];
  for (const [value, text] of cases) assert.equal(writeTerm(float(value)), text);
});

test('the bounds of text, depth, digits and variables hold', () => {
  const tooLarge = withCode('too_large');
  assert.throws(() => read(`'${'a'.repeat(64 * 1024)}'`), tooLarge);
  assert.throws(
    () => readTerm(`'${'é'.repeat(10)}'`, { bytes: 20, depth: 10 }),
    tooLarge,
    'bytes are counted, not characters',
  );
  assert.equal(writeTerm(read(`${'f('.repeat(100)}a${')'.repeat(100)}`)).length, 301);
  for (const [open, close] of [
    ['f(', ')'],
    ['(', ')'],
    ['[', ']'],
    ['- ', ''],
    ['\\+ ', ''],
    ['1 + (', ')'],
  ] as const) {
    assert.throws(() => read(`${open.repeat(101)}a${close.repeat(101)}`), tooLarge, open);
  }
  assert.throws(() => read(`${'a,'.repeat(101)}a`), tooLarge);
  assert.throws(() => read(`1${'+1'.repeat(101)}`), tooLarge, 'left-nested depth counts as well');
  assert.throws(() => read('9'.repeat(79)), tooLarge);
  assert.equal(canonical('9'.repeat(78)), '9'.repeat(78));
  const many = (n: number) => `[${Array.from({ length: n }, (_, i) => `X${i}`).join(',')}]`;
  assert.equal(readTerm(many(200), BOUNDS).variables.length, 200);
  assert.throws(() => read(many(201)), tooLarge);
});

test('a hostile megabyte is refused in time linear in its length', () => {
  const bounds = { bytes: 1 << 20, depth: 1000, any: true };
  const start = performance.now();
  for (const unit of ['(', '[', 'f(', '- ', 'a,', '1+', "'", "'\\", '\\x', '%', '_,', '9', '/*']) {
    try {
      readTerm(unit.repeat((1 << 20) / unit.length), bounds);
    } catch (error) {
      assert.ok(withCode('too_large')(error) || withCode('syntax_error')(error), String(error));
    }
  }
  assert.ok(performance.now() - start < 5000);
});

test('variables are listed in order of first occurrence, each underscore as one of its own', () => {
  assert.deepEqual(readTerm('f(B, A, B, _, _1, _)', BOUNDS).variables, ['B', 'A', '_2', '_1', '_3']);
});

test('values have the canonical order: numbers by value, atoms by code point, lists item by item', () => {
  const ordered: Term[][] = [
    [int(-2), int(10), int(2n ** 70n)],
    [float(-1.5), float(0), float(1e300)],
    [atom(''), atom('A'), atom('a'), atom('ab'), atom('b'), atom('é'), atom('\uffee'), atom('😀')],
    [list([]), list([atom('a')]), list([atom('a'), atom('a')]), list([atom('b')])],
  ];
  for (const row of ordered) {
    for (const [i, a] of row.entries())
      for (const [j, b] of row.entries()) assert.equal(Math.sign(compareValues(a, b)), Math.sign(i - j));
  }
});

test('equality tells integers from floats and floats by their bits', () => {
  assert.ok(!sameTerm(int(1), float(1)));
  assert.ok(!sameTerm(float(0), float(-0)));
  assert.ok(!sameTerm(atom('1'), int(1)));
});
