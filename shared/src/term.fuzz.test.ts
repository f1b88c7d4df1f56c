/** Properties of the reader and writer over arbitrary terms and text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { names, terms, values } from '../test/terms.ts';
import { LogicError } from './errors.ts';
import { formatTerm } from './render.ts';
import {
  compareValues,
  compound,
  hashTerm,
  list,
  readTerm,
  sameTerm,
  type Term,
  variablesOf,
  writeTerm,
} from './term.ts';

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

test('the same term has the same hash, however it was made', () => {
  fc.assert(
    fc.property(terms, (term) => {
      assert.equal(hashTerm(readTerm(writeTerm(term), BOUNDS).term), hashTerm(term));
    }),
    { numRuns: 500 },
  );
  const few = ['a', 'b', "'1'", '1', '1.0', '2', '-1', '-1.0', 'f(a)', 'f(b)', 'g(a)', 'f(a,a)', '[a]', '[]'];
  assert.equal(new Set(few.map((text) => hashTerm(readTerm(text, BOUNDS).term))).size, few.length);
});

const KEEPING = { ...BOUNDS, any: true, textsOf: 'step' };
const conclusions = fc.tuple(names, fc.array(values, { minLength: 1, maxLength: 3 }));
const ground = fc.oneof(
  values,
  conclusions.map(([name, args]) => compound(name, args)),
);
const stepsOf = (term: fc.Arbitrary<Term>) =>
  fc.array(fc.array(term, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 });
const proofOf = (all: readonly (readonly Term[])[]) => list(all.map((args) => compound('step', args)));

test('canonical text of a ground list of steps is kept as it stands', () => {
  fc.assert(
    fc.property(stepsOf(fc.oneof(ground, terms)), (all) => {
      const proof = proofOf(all);
      const text = writeTerm(proof);
      const { term, texts } = readTerm(`answer([x, ${text} ] ,'\\x41\\'). `, KEEPING);
      const read =
        term.kind === 'compound' && term.args[0]?.kind === 'list' ? term.args[0].items[1] : undefined;
      assert.equal(read && texts?.get(read), variablesOf(proof).length === 0 ? text : undefined);
    }),
    { numRuns: 1000 },
  );
});

test('a text that is kept is what the writer would give, whatever was done to it', () => {
  const changes = fc.array(
    fc.tuple(
      fc.nat(),
      fc.nat({ max: 2 }),
      fc.constantFrom(
        '',
        ' ',
        '0',
        '00',
        '.0',
        'e5',
        '-',
        '- ',
        '+',
        '(',
        ')',
        '%\n',
        "'",
        "''",
        '\\',
        '\\x41\\',
        '"',
        ';',
        'X',
        'é',
        'A',
        '_',
      ),
    ),
    { minLength: 1, maxLength: 2 },
  );
  let kept = 0;
  fc.assert(
    fc.property(stepsOf(ground), changes, (all, some) => {
      let text = writeTerm(proofOf(all));
      for (const [where, length, put] of some) {
        const at = where % (text.length + 1);
        text = text.slice(0, at) + put + text.slice(at + length);
      }
      let texts: ReadonlyMap<Term, string> | null = null;
      try {
        texts = readTerm(text, KEEPING).texts;
      } catch (error) {
        if (!(error instanceof LogicError)) throw error;
      }
      for (const [term, text] of texts ?? []) {
        kept += 1;
        assert.equal(text, writeTerm(term));
      }
    }),
    { numRuns: 5000, seed: 7 },
  );
  assert.ok(kept > 100, `${kept} texts were kept`);
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
