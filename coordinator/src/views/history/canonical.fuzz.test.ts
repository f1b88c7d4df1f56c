import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from './canonical.ts';

/** JSON values with keys that sort badly: numbers, signs, letters beyond the first plane. */
const key = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('9', '10', '__proto__', 'a', 'A', '\u{1F600}', 'é', 'é'),
);
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (Object.is(x, -0) ? 0 : x));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.string({ unit: 'binary' }),
    number,
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('value'), { maxLength: 4 }),
  object: fc
    .uniqueArray(fc.tuple(key, tie('value')), { selector: ([name]) => name, maxLength: 4 })
    .map(objectOf),
}));

function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const made = {};
  for (const [name, value] of entries)
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  return made;
}

/** The same value, its keys put in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return objectOf(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, shuffled(inner)] as const),
  );
}

test('canonical text reads back as the value, and the order of keys makes no difference', () => {
  fc.assert(
    fc.property(value, (one) => {
      const text = canonicalJson(one);
      assert.deepStrictEqual(JSON.parse(text), JSON.parse(JSON.stringify(one)));
      assert.equal(canonicalJson(shuffled(one)), text);
      assert.equal(canonicalJson(JSON.parse(text)), text);
    }),
    { numRuns: 2_000 },
  );
});

test('two values have one text exactly where they are equal', () => {
  fc.assert(
    fc.property(value, value, (one, other) => {
      const equal = isEqual(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)));
      assert.equal(canonicalJson(one) === canonicalJson(other), equal);
    }),
    { numRuns: 2_000 },
  );
});

function isEqual(one: unknown, other: unknown): boolean {
  try {
    assert.deepStrictEqual(one, other);
    return true;
  } catch {
    return false;
  }
}

test('what JSON would lose silently is refused', () => {
  for (const lost of [Number.NaN, Number.POSITIVE_INFINITY, undefined, 1n, () => 1, [undefined], Symbol('s')])
    assert.throws(() => canonicalJson(lost), TypeError);
  assert.equal(canonicalJson({ a: undefined, b: 1 }), '{"b":1}');
});
