/** Arbitrary terms for property tests. */
import fc from 'fast-check';
import { atom, compound, float, int, list, type Term, variable } from '../src/term.ts';

const OPERATORS = [
  '<',
  '>',
  '=<',
  '>=',
  '=:=',
  '=\\=',
  '==',
  '\\==',
  'is',
  '+',
  '-',
  '*',
  '/',
  '//',
  'mod',
  '\\+',
  ',',
  ';',
  ':-',
];

export const plainNames: fc.Arbitrary<string> = fc.stringMatching(/^[a-z][A-Za-z0-9_]{0,8}$/);

/** Names of atoms: plain, operators, and any Unicode text in Normalization Form C. */
export const names: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: plainNames },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...OPERATORS,
      '',
      '[]',
      '!',
      '|',
      "it's",
      'a b',
      'Éa',
      'back\\slash',
      'tab\tline\n',
      '😀',
      '%',
      '.',
    ),
  },
  // A character from anywhere in front of digits: where swipl ends an unquoted name and where we do must agree.
  fc
    .tuple(fc.integer({ min: 0x80, max: 0x1ffff }), fc.constantFrom('', '0', '_1', 'a', '+'))
    .filter(([code]) => code < 0xd800 || code > 0xdfff)
    .map(([code, tail]) => `${String.fromCodePoint(code)}${tail}`.normalize('NFC')),
  fc
    .string({ unit: 'grapheme', maxLength: 8 })
    .map((text) => text.normalize('NFC'))
    .filter((text) => !text.startsWith('$')),
);

export const floats: fc.Arbitrary<number> = fc
  .oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -1000, max: 1000 }),
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc
      .tuple(fc.integer({ min: -99, max: 99 }), fc.integer({ min: -25, max: 25 }))
      .map(([m, e]) => m * 10 ** e),
  )
  .map((value) => (Object.is(value, -0) ? 0 : value));

const LARGEST = (1n << 256n) - 1n;
export const integers: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: -100n, max: 100n }),
  fc.bigInt({ min: -LARGEST, max: LARGEST }),
  fc.constantFrom(0n, 1n, -1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, -(2n ** 63n), LARGEST, -LARGEST),
);

export const atomic: fc.Arbitrary<Term> = fc.oneof(names.map(atom), floats.map(float), integers.map(int));

const variables: fc.Arbitrary<Term> = fc.stringMatching(/^[A-Z][A-Za-z0-9_]{0,3}$/).map(variable);

export const values: fc.Arbitrary<Term> = fc.oneof(
  { weight: 5, arbitrary: atomic },
  fc.array(atomic, { maxLength: 4 }).map(list),
);

/** Any term that the strict reader takes. */
export const terms: fc.Arbitrary<Term> = fc.letrec<{ term: Term }>((tie) => ({
  term: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(atomic, variables),
    fc
      .tuple(names, fc.array(tie('term'), { minLength: 1, maxLength: 3 }))
      .map(([name, args]) => compound(name, args)),
    fc
      .tuple(fc.constantFrom(...OPERATORS), tie('term'), tie('term'))
      .map(([name, a, b]) => compound(name, [a, b])),
    fc.tuple(fc.constantFrom('-', '\\+', '+'), tie('term')).map(([name, a]) => compound(name, [a])),
    fc.array(tie('term'), { maxLength: 4 }).map(list),
  ),
})).term;
