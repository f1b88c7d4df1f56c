/** Properties of the reader and writer over arbitrary terms and text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { terms, values } from '../test/terms.ts';
import { LogicError } from './errors.ts';
import { formatTerm } from './render.ts';
import { compareValues, readTerm, sameTerm, type Term, writeTerm } from './term.ts';

const BOUNDS = { bytes: 64 * 1024, depth: 100 };

test('what the writer writes, the reader reads as the same term', () => {
  fc.assert(
    fc.property(terms, (term) => {
      const text = writeTerm(term);
      assert.ok(sameTerm(readTerm(text, BOUNDS).term, term), text);
      assert.ok(sameTerm(readTerm(text, { ...BOUNDS, any: true }).term, term), text);
    }),
    { numRuns: 2000 },
  );
});

test('arbitrary text is a term or a LogicError, and never anything else', () => {
  const pieces = fc.array(
    fc.constantFrom(
      'a',
      'X',
      '_',
      '1',
      '.',
      '0.5',
      ' ',
      '(',
      ')',
      '[',
      ']',
      ',',
      ';',
      "'",
      '\\',
      '-',
      '+',
      '>',
      '=',
      '%',
      '\n',
      '$',
      '{',
      '"',
      'is',
      'é',
      '\ud800',
      'e5',
      '/*',
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        pieces.map((parts) => parts.join('')),
        fc.string({ unit: 'binary' }),
      ),
      fc.boolean(),
      (text, any) => {
        try {
          const { term } = readTerm(text, { ...BOUNDS, any });
          const again = writeTerm(term);
          assert.equal(writeTerm(readTerm(again, { ...BOUNDS, any }).term), again);
        } catch (error) {
          if (!(error instanceof LogicError)) throw error;
          assert.match(error.code, /^(syntax_error|too_large)$/);
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test('the canonical order is total', () => {
  fc.assert(
    fc.property(values, values, values, (a, b, c) => {
      assert.equal(Math.sign(compareValues(a, b)) + Math.sign(compareValues(b, a)), 0);
      assert.equal(compareValues(a, b) === 0, sameTerm(a, b));
      const [x, y, z] = [a, b, c].toSorted(compareValues) as [Term, Term, Term];
      assert.ok(compareValues(x, y) <= 0 && compareValues(y, z) <= 0 && compareValues(x, z) <= 0);
    }),
    { numRuns: 1000 },
  );
});

test('a term shown to a person never throws', () => {
  fc.assert(fc.property(terms, (term) => assert.equal(typeof formatTerm(term), 'string')));
});
