/** What csvRecord writes, read back by a reader of its own and by Python's csv module. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { csvRecord } from './csv.ts';

/** RFC 4180, read one character after the other. */
function readCsv(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') {
        field += '"';
        i += 1;
      } else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',') {
      record.push(field);
      field = '';
    } else if (c === '\r' && text[i + 1] === '\n') {
      records.push([...record, field]);
      record = [];
      field = '';
      i += 1;
    } else field += c;
  }
  assert.deepEqual([record, field, quoted], [[], '', false], 'it ends with a record');
  return records;
}

const cell = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', ' ', 'a', ';', '=') }),
);
const rows = fc.array(fc.array(cell, { minLength: 1, maxLength: 5 }), { maxLength: 5 });

test('every text comes back from CSV as it was', () => {
  fc.assert(
    fc.property(rows, (some) => {
      assert.deepEqual(readCsv(some.map(csvRecord).join('')), some);
    }),
    { numRuns: 2_000 },
  );
});

test('Python reads the same, and an empty field from what has no value', () => {
  const some = fc.sample(rows, { numRuns: 300, seed: 4180 }).flat();
  const script =
    'import csv, io, json, sys; print(json.dumps(list(csv.reader(io.StringIO(sys.stdin.buffer.read().decode(), newline="")))))';
  const { stdout, stderr, status } = spawnSync('python3', ['-c', script], {
    input: some.map(csvRecord).join(''),
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), some);
  assert.equal(csvRecord([1, null, '', true, 'a"b', 1e-7]), '1,,"",true,"a""b",1e-7\r\n');
});
