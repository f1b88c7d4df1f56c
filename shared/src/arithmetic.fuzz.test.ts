/** Properties of the closed arithmetic against JavaScript's own numbers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { floats, integers } from '../test/terms.ts';
import { evaluate, fitsInteger, holds } from './arithmetic.ts';
import { LogicError } from './errors.ts';
import { compound, float, int, type Term } from './term.ts';

function codeOrValue(run: () => Term): unknown {
  try {
    const term = run();
    return term.kind === 'int' || term.kind === 'float' ? term.value : term.kind;
  } catch (error) {
    if (error instanceof LogicError) return error.code;
    throw error;
  }
}

const exact = (value: bigint): unknown => (fitsInteger(value) ? value : 'type_error');
const finite = (value: number): unknown => (Number.isFinite(value) ? value + 0 : 'evaluation_error');

test('integer functions agree with BigInt', () => {
  fc.assert(
    fc.property(integers, integers, (x, y) => {
      const on = (name: string) => codeOrValue(() => evaluate(compound(name, [int(x), int(y)])));
      assert.equal(on('+'), exact(x + y));
      assert.equal(on('-'), exact(x - y));
      assert.equal(on('*'), exact(x * y));
      assert.equal(on('min'), exact([x, y].toSorted((a, b) => (a < b ? -1 : 1))[0] as bigint));
      assert.equal(on('max'), exact([x, y].toSorted((a, b) => (a < b ? -1 : 1))[1] as bigint));
      if (y === 0n) {
        assert.equal(on('//'), 'evaluation_error');
        assert.equal(on('mod'), 'evaluation_error');
        return;
      }
      const [quotient, rest] = [on('//'), on('mod')] as [bigint, bigint];
      assert.equal(quotient, x / y);
      assert.equal((x - rest) % y, 0n);
      assert.ok(y > 0n ? rest >= 0n && rest < y : rest <= 0n && rest > y);
    }),
    { numRuns: 1000 },
  );
});

test('float functions are those of IEEE doubles, with no negative zero', () => {
  fc.assert(
    fc.property(floats, floats, (x, y) => {
      const on = (name: string) => codeOrValue(() => evaluate(compound(name, [float(x), float(y)])));
      assert.equal(on('+'), finite(x + y));
      assert.equal(on('-'), finite(x - y));
      assert.equal(on('*'), finite(x * y));
      assert.equal(on('/'), y === 0 ? 'evaluation_error' : finite(x / y));
      assert.equal(on('min'), Math.min(x, y));
      assert.equal(on('max'), Math.max(x, y));
    }),
    { numRuns: 1000 },
  );
});

test('exactly one of less, equal, greater holds', () => {
  const pairs = fc.oneof(
    fc.tuple(integers.map(int), integers.map(int)),
    fc.tuple(floats.map(float), floats.map(float)),
  );
  fc.assert(
    fc.property(pairs, ([a, b]) => {
      assert.equal(['<', '=:=', '>'].filter((op) => holds(op, a, b)).length, 1);
      assert.equal(holds('=<', a, b), !holds('>', a, b));
      assert.equal(holds('>=', a, b), !holds('<', a, b));
      assert.equal(holds('=\\=', a, b), !holds('=:=', a, b));
    }),
  );
});
