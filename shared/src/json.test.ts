/** Values as scripts read them (docs/protocol.md section 5). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { term, withCode } from '../test/fixture.ts';
import { values } from '../test/terms.ts';
import { toJson } from './json.ts';

test('atoms are strings, numbers numbers, lists arrays, other compounds functor and args', () => {
  const cases: [string, unknown][] = [
    ['pve1', 'pve1'],
    ["'A b'", 'A b'],
    ['0.62', 0.62],
    ['42', 42],
    ['-9007199254740991', -9007199254740991],
    ['[a,1,[]]', ['a', 1, []]],
    ['f(a,[1])', { functor: 'f', args: ['a', [1]] }],
    ['9007199254740992', { integer: '9007199254740992' }],
    ['-9007199254740993', { integer: '-9007199254740993' }],
    ["'__proto__'", '__proto__'],
  ];
  for (const [text, expected] of cases) assert.deepEqual(toJson(term(text)), expected, text);
  assert.throws(() => toJson(term('X')), withCode('internal'));
});

test('distinct values of one type have distinct JSON', () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const same = JSON.stringify(toJson(a)) === JSON.stringify(toJson(b));
      if (a.kind === b.kind && a.kind !== 'list' && 'value' in a && 'value' in b)
        assert.equal(same, a.value === b.value);
    }),
  );
});
