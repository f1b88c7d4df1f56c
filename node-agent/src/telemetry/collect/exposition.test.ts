/** Prometheus's text format: what is written by its document is read back, and nothing else is read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogicError } from '@fleet/shared/errors.ts';
import fc from 'fast-check';
import { readExposition } from './exposition.ts';

const names = (pattern: RegExp) => fc.stringMatching(pattern).filter((name) => name.length <= 40);
const values = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, 1 / 0, -1 / 0, 0, 1e300));
const samples = fc.record(
  {
    metric: names(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/),
    labels: fc.uniqueArray(
      fc.tuple(
        names(/^[a-zA-Z_][a-zA-Z0-9_]*$/),
        fc.string({ unit: fc.constantFrom(...'a"\\\n{},=# n\té😀') }),
      ),
      { selector: ([name]) => name, maxLength: 4 },
    ),
    value: values,
  },
  { noNullPrototype: true },
);
type Written = typeof samples extends fc.Arbitrary<infer T> ? T : never;

/** How one line may be laid out. */
const layouts = fc.record({
  gap: fc.constantFrom('', ' ', '\t '),
  between: fc.constantFrom(' ', '\t', '  '),
  trailingComma: fc.boolean(),
  emptyBraces: fc.boolean(),
  timestamp: fc.option(fc.maxSafeInteger()),
  before: fc.constantFrom('', '# HELP x {"}\n', '\n', ' \t\n#\n'),
});
type Layout = typeof layouts extends fc.Arbitrary<infer T> ? T : never;

function written({ metric, labels, value }: Written, layout: Layout): string {
  const { gap, between, trailingComma, emptyBraces, timestamp, before } = layout;
  const escaped = (text: string) => text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
  const pairs = labels.map(([name, text]) => `${gap}${name}${gap}=${gap}"${escaped(text)}"${gap}`);
  const comma = trailingComma && pairs.length > 0 ? ',' : '';
  const braces = pairs.length > 0 || emptyBraces ? `${gap}{${pairs.join(',')}${comma}${gap}}` : '';
  const when = timestamp === null ? '' : `${between}${timestamp}`;
  return `${before}${gap}${metric}${braces}${between}${goNumber(value)}${when}${gap}`;
}

/** As Go's strconv writes a float. */
function goNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : String(value)) : value > 0 ? '+Inf' : '-Inf';
}

function unreadable(text: string): string {
  try {
    return `read ${[...readExposition(text)].length} samples`;
  } catch (cause) {
    if (cause instanceof LogicError && cause.code === 'source_unreadable') return cause.message;
    throw cause;
  }
}

test('samples written as the format allows, with any spacing, escapes and timestamps, are read back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(samples, layouts)), fc.boolean(), (all, endsInLine) => {
      const text =
        all.map(([sample, layout]) => written(sample, layout)).join('\n') + (endsInLine ? '\n' : '');
      const read = [...readExposition(text)].map((sample) => ({ ...sample, labels: [...sample.labels] }));
      assert.deepEqual(
        read,
        all.map(([sample]) => sample),
        text,
      );
    }),
    { numRuns: 1000 },
  );
});

test('infinities and NaN are values, in every spelling that Go reads', () => {
  const text = ['+Inf', 'inf', '-Infinity', 'NaN', 'nan', '1e+06', '.5', '5.']
    .map((v) => `m ${v}`)
    .join('\n');
  const read = [...readExposition(text)].map(({ value }) => value);
  assert.deepEqual(read, [1 / 0, 1 / 0, -1 / 0, Number.NaN, Number.NaN, 1e6, 0.5, 5]);
});

test('a body with one bad line is refused, and the message names the line', () => {
  const bad = [
    'node_load1',
    'node_load1 one',
    'node_load1 0x10',
    'node_load1 1_000',
    'node_load1 1 2 3',
    'node_load1 1 2.5',
    'node_load1 1\r',
    '1node 1',
    'm{a="1" 1',
    'm{a="1" b="2"} 1',
    'm{a="1",,} 1',
    'm{,} 1',
    'm{a=1} 1',
    'm{a="\\t"} 1',
    'm{a="1",a="2"} 1',
    'm{a="1"}',
    'm{a="1"}} 1',
    '{a="1"} 1',
    '<!doctype html>',
    `m{a="${'x'.repeat(70_000)}"} 1`,
  ];
  for (const line of bad)
    assert.equal(unreadable(`fine 1\n${line}\nfine 2\n`), "Line 2 is no line of Prometheus's text format.");
});

test('arbitrary text is samples or source_unreadable, and never anything else', () => {
  const pieces = fc.constantFrom(
    'm',
    '{',
    '}',
    'a="',
    '"',
    '\\',
    '\n',
    ',',
    ' ',
    '1',
    '-',
    'Inf',
    'e',
    '#',
    '.',
    'é',
  );
  const text = fc.oneof(
    fc.array(pieces).map((all) => all.join('')),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(text, (body) => void unreadable(body)),
    { numRuns: 3000 },
  );
});
