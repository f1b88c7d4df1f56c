import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matches, type Named, readWhere, type Where } from './where.ts';

const site = (name: string, labels: Record<string, string> = {}): Named => ({ name, labels });
const names = (text: string, sites: readonly Named[]) =>
  sites.filter((one) => matches(readWhere(text), one)).map(({ name }) => name);

const SITES = [
  site('shop1', { region: 'eu', tier: 'edge' }),
  site('shop2', { region: 'us' }),
  site('plant', { region: 'eu', tier: 'core', city: 'São Paulo' }),
  site('lab'),
];

test('comma is and, semicolon is or, ! is not, and and binds closer', () => {
  assert.deepEqual(names('region=eu, !(tier=edge); name=shop*', SITES), ['shop1', 'shop2', 'plant']);
  assert.deepEqual(names('region=eu, (tier=edge; tier=core)', SITES), ['shop1', 'plant']);
  assert.deepEqual(names('!region', SITES), ['lab']);
  assert.deepEqual(names('tier', SITES), ['shop1', 'plant']);
});

test('a site without the label has no value: not equal, and unequal', () => {
  assert.deepEqual(names('tier=edge', SITES), ['shop1']);
  assert.deepEqual(names('tier!=edge', SITES), ['shop2', 'plant', 'lab']);
  assert.deepEqual(names('toString', SITES), [], 'what every object has is no label');
});

test('a star stands for any run of characters, and for itself in quotes', () => {
  assert.deepEqual(names('name=*a*', SITES), ['plant', 'lab']);
  assert.deepEqual(names('city="São Paulo"', SITES), ['plant']);
  assert.deepEqual(names('name="shop*"', SITES), []);
  assert.deepEqual(names('name=s*1', SITES), ['shop1']);
});

test('what is no expression is refused with its place', () => {
  for (const [text, says] of [
    ['region=', /a value at the end/],
    ['region=eu tier=edge', /the end before "tier=edge"/],
    ['(region=eu', /expected \) at the end/],
    [', region', /a label or name before ", region"/],
    ['region=eu & tier', /cannot read "& tier"/],
    ['*=eu', /a label or name/],
    ['"open', /cannot read/],
    ['', /a label or name at the end/],
    [`${'!'.repeat(100)}a`, /deeper/],
  ] as const)
    assert.throws(() => readWhere(text), { name: 'LogicError', code: 'bad_request', message: says }, text);
});

/** The expression as text that reads back as itself. */
function writeWhere(where: Where): string {
  switch (where.kind) {
    case 'any':
    case 'all':
      return `(${where.parts.map(writeWhere).join(where.kind === 'any' ? '; ' : ', ')})`;
    case 'not':
      return `!${writeWhere(where.part)}`;
    case 'has':
      return quoted(where.key);
    case 'is':
      return `${quoted(where.key)}=${where.value.length === 1 ? quoted(where.value[0] ?? '') : where.value.join('*')}`;
  }
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

const word = fc.stringMatching(/^[a-z0-9_./:@-]{1,6}$/);
const piece = fc.stringMatching(/^[ab]{0,3}$/);
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => [text]),
  fc.array(piece, { minLength: 2, maxLength: 4 }),
);
const where: fc.Arbitrary<Where> = fc.letrec<{ where: Where }>((tie) => ({
  where: fc.oneof(
    { depthSize: 'small' },
    fc.record({ kind: fc.constant('has' as const), key: word }, { noNullPrototype: true }),
    fc.record(
      { kind: fc.constant('is' as const), key: fc.oneof(word, fc.constant('name')), value },
      { noNullPrototype: true },
    ),
    fc.record({ kind: fc.constant('not' as const), part: tie('where') }, { noNullPrototype: true }),
    fc.record(
      {
        kind: fc.constantFrom('any' as const, 'all' as const),
        parts: fc.array(tie('where'), { minLength: 2, maxLength: 3 }),
      },
      { noNullPrototype: true },
    ),
  ),
})).where;

test('an expression that is written reads back as itself', () => {
  fc.assert(fc.property(where, (one) => assert.deepEqual(readWhere(writeWhere(one)), one)));
});

test('a pattern matches what the same pattern does as a regular expression', () => {
  const text = fc.stringMatching(/^[ab]{0,8}$/);
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), text, (pieces, name) => {
      const oracle = new RegExp(`^${pieces.join('.*')}$`).test(name);
      assert.equal(matches({ kind: 'is', key: 'name', value: pieces }, site(name)), oracle);
    }),
    { numRuns: 1_000 },
  );
});

test('any text is read or refused, never a crash', () => {
  const noise = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.constantFrom('a', '=', '!=', '!', ',', ';', '(', ')', '"', '\\', '*', ' '))
      .map((all) => all.join('')),
  );
  fc.assert(
    fc.property(noise, (text) => {
      try {
        matches(readWhere(text), site('a'));
      } catch (cause) {
        assert.equal((cause as { code?: string }).code, 'bad_request');
      }
    }),
    { numRuns: 2_000 },
  );
});
