/** docs/security.md names a test for each promise: they are there. And what no other test can show: what is not in the rules. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = new URL('../../', import.meta.url).pathname;
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Rows of a page's tables that name a test. */
function promises(page: string): string[] {
  return read(page)
    .split('\n')
    .filter((line) => /^\| .*`[\w./-]+\.(test\.ts|plt)`/.test(line));
}

test('every test that docs/fleet-identity.md names is there', () => {
  const rows = promises('docs/fleet-identity.md');
  assert.ok(rows.length > 7);
  assertThere(rows);
});

test('every test that docs/security.md names is there, and sharp edges 1 to 9 each have one', () => {
  const rows = promises('docs/security.md');
  assert.ok(rows.length > 20);
  assertThere(rows);
  const edges = rows.flatMap((row) => /^\| (\d) /.exec(row)?.[1] ?? []);
  assert.deepEqual(edges, ['1', '2', '3', '4', '5', '6', '7', '8', '9']);
});

function assertThere(rows: readonly string[]): void {
  for (const row of rows) {
    const named = [...row.matchAll(/`([\w./-]+\.(?:test\.ts|plt))`((?::? ?(?:; )?"[^"]+")*)/g)];
    for (const [, path = '', names = ''] of named) {
      assert.ok(existsSync(join(ROOT, path)), path);
      const text = read(path).replaceAll("\\'", "'");
      for (const [, name = ''] of names.matchAll(/"([^"]+)"/g))
        assert.ok(text.includes(name) || isInLoop(text, name), `${path}: ${name}`);
    }
  }
}

/** A test in a loop has a part of its name put in. */
function isInLoop(text: string, name: string): boolean {
  return text.includes(name.replace(/in a pengine$|in the lane$/, 'in $' + '{name}'));
}

test('no predicate is tabled', () => {
  const folders = ['kb', 'kb/core', 'kb/proof', 'kb/search', 'node-agent/prolog'].filter((folder) =>
    existsSync(join(ROOT, folder)),
  );
  const files = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.pl'))
      .map((name) => `${folder}/${name}`),
  );
  assert.ok(files.length > 15);
  assert.deepEqual(
    files.filter((path) => /^:- *(table|dynamic .*(incremental|shared))/m.test(read(path))),
    [],
  );
});
