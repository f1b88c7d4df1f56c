/** Texts of the state as people and accidents leave them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { writeAtom } from '@fleet/shared/term.ts';
import fc from 'fast-check';
import { readState, type StatedFact } from './read-state.ts';

const manifest = await loadManifest(fileURLToPath(new URL('../../../kb/', import.meta.url)));

const read = (text: string) => readState(text, 'state.pl', manifest);

const name = fc
  .oneof(
    fc.constantFrom(
      'pve1',
      'pve2',
      "o'neil",
      'a.b',
      'a. b',
      '% no comment',
      '/* nor */ this',
      "'.",
      'x\ny\\',
      '',
    ),
    fc.string({ maxLength: 8 }),
  )
  .filter((text) => !text.startsWith('$') && isName(text))
  .map(writeAtom);

function isName(text: string): boolean {
  try {
    read(`node_up(${writeAtom(text)},true).\n`);
    return true;
  } catch {
    return false;
  }
}

const fact = fc.oneof(
  fc.tuple(name, fc.boolean()).map(([node, up]) => ({ parts: ['node_up', node, String(up)] })),
  fc.tuple(name, fc.integer()).map(([node, load]) => ({ parts: ['node_load', node, `${load}.25`] })),
  fc
    .tuple(name, name, fc.integer())
    .map(([node, mount, space]) => ({ parts: ['node_disk_available', node, mount, String(space)] })),
);
const evidence = fc.record({ source: name, observedAt: fc.nat(), validUntil: fc.nat() });
const stated = fc.record({ fact, evidence: fc.option(evidence) });

/** Layout that means nothing: comments of both kinds, blank lines, the line ends of other systems. */
const layout = fc.constantFrom(
  '',
  ' ',
  '\n',
  '\r\n',
  '\t',
  "% Kim's note. node(x).\n",
  '/* a.\n b(c). */',
  '\n\n',
);
const layoutAfterEnd = layout.filter((text) => text !== '' && !text.startsWith('/'));

/** Draws layout between the parts of a clause. */
function written(parts: readonly string[], next: () => string): string {
  const [functor = '', ...args] = parts;
  return `${functor}(${next()}${args.join(`${next()},${next()}`)}${next()})${next()}.`;
}

test('facts in any order and layout, with comments anywhere, read as the same facts', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(stated, { selector: ({ fact }) => fact.parts.slice(0, -1).join(), maxLength: 8 }),
      fc.infiniteStream(layout),
      fc.infiniteStream(layoutAfterEnd),
      fc.infiniteStream(fc.nat()),
      (all, some, ends, order) => {
        const between = () => String(some.next().value ?? '');
        const clauses = all.flatMap(({ fact: { parts }, evidence: by }) => {
          const own = `${parts[0]}(${parts.slice(1).join(',')})`;
          const line = written(parts, between);
          if (by === null) return [line];
          const { source, observedAt, validUntil } = by;
          return [line, written(['evidence', own, source, String(observedAt), String(validUntil)], between)];
        });
        clauses.push('revision(7).');
        const text = clauses
          .map((clause) => ({ clause, at: Number(order.next().value) }))
          .sort((a, b) => a.at - b.at)
          .map(({ clause }) => `${between()}${clause}${ends.next().value}`)
          .join('');
        const plain = all.flatMap(({ fact: { parts }, evidence: by }) => {
          const own = `${parts[0]}(${parts.slice(1).join(',')})`;
          if (by === null) return [`${own}.\n`];
          return [`${own}.\nevidence(${own},${by.source},${by.observedAt},${by.validUntil}).\n`];
        });
        const expected = read(`revision(7).\n${plain.join('')}`);
        const result = read(text);
        const sorted = (facts: ReadonlyMap<string, StatedFact>) =>
          [...facts].sort(([a], [b]) => (a < b ? -1 : 1));
        assert.equal(result.revision, 7);
        assert.equal(result.facts.size, all.length);
        assert.deepEqual(sorted(result.facts), sorted(expected.facts), text);
      },
    ),
    { numRuns: 500 },
  );
});

test('garbage is refused with file and line, and with nothing else', () => {
  const piece = fc.constantFrom(
    ...[
      'node_up',
      '(',
      ')',
      'pve1',
      ',',
      'true',
      '.',
      '.\n',
      "'",
      '"',
      '%',
      '/*',
      '*/',
      '\\',
      '\n',
      ' ',
      '-',
    ],
    ...[
      'evidence(',
      'revision(',
      '1',
      '1.5',
      'X',
      '_',
      ':-',
      '[',
      ']',
      '{',
      '|',
      '\0',
      'é',
      '\ud800',
      '0x',
      '`',
    ],
    ...['node_up(pve1,true).\n', 'revision(1).\n', '\uFEFF', '(((((((((('],
  );
  const garbage = fc.oneof(
    fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary', maxLength: 60 }),
  );
  let refused = 0;
  fc.assert(
    fc.property(garbage, (text) => {
      try {
        read(text);
      } catch (cause) {
        refused += 1;
        assert.ok(cause instanceof LogicError, String(cause));
        assert.equal(cause.code, 'bad_fact');
        const [, line] = /^state\.pl:(\d+): ./s.exec(cause.message) ?? [];
        assert.ok(Number(line) >= 1 && Number(line) <= text.split('\n').length, cause.message);
      }
    }),
    { numRuns: 3_000 },
  );
  assert.ok(refused > 100);
});

test('a mistake is named with the line on which its fact begins', () => {
  const good = 'node_up(pve1,true).\n';
  for (const [text, line] of [
    [`${good}% Kim's note\nnode_up(pve2,\n  maybe).\n`, 3],
    [`${good}node_up(pve2,false). % don't\n${good}node_up(pve1,false).`, 4],
    [`/* two\nlines */ node_up(pve2).\n`, 2],
    [`${good}\n\nnode_up(pve2,true)\n${good}`, 4],
    [`${good}node_up('pve2,true).\n${good}`, 2],
  ] as const)
    assert.throws(() => read(text), { code: 'bad_fact', message: new RegExp(`^state\\.pl:${line}: `) }, text);
});

test('a text of a hundred thousand unclosed quotes or brackets is refused at once', () => {
  for (const text of [
    "'".repeat(99_999),
    '('.repeat(100_000),
    `'${'\\'.repeat(99_999)}`,
    '/*'.repeat(50_000),
  ]) {
    try {
      read(text);
    } catch (cause) {
      assert.equal((cause as LogicError).code, 'bad_fact');
    }
  }
});
