/** The launcher: which Node runs an entry, and that signals, exit status and a parent's end reach it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findNode, HEAP_FLAGS, ROOT } from './launch.mjs';

const dir = mkdtempSync(join(tmpdir(), 'launch-test-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/** A shim like those in bin/, for an entry with this body. */
function shim(name: string, body: string): string {
  writeFileSync(join(dir, `${name}.ts`), body);
  const file = join(dir, `${name}.mjs`);
  const launcher = JSON.stringify(join(ROOT, 'shared/launch.mjs'));
  writeFileSync(
    file,
    `import { launch } from ${launcher};\nawait launch(new URL('./${name}.ts', import.meta.url));\n`,
  );
  return file;
}

const ENTRY = `process.on('SIGTERM', () => process.exit(7));
const words: string[] = process.argv.slice(2);
console.log(JSON.stringify({ pid: process.pid, words, flags: process.execArgv }));
if (words[0] === 'serve') setInterval(() => {}, 1000);
`;

async function firstLine(
  stream: NodeJS.ReadableStream,
): Promise<{ pid: number; words: string[]; flags: string[] }> {
  const [chunk] = await once(stream, 'data');
  return JSON.parse(String(chunk).split('\n')[0] ?? '');
}

test('a Node that is new enough runs the entry itself; an older one hands over to the pinned one', () => {
  assert.equal(findNode({ running: '24.0.0', pinned: '/nowhere' }), process.execPath);
  assert.equal(findNode({ running: '20.20.2', pinned: '/nowhere' }), null);
  assert.equal(findNode({ running: '20.20.2', pinned: process.execPath }), process.execPath);
});

test('a command runs in the process that was started, with its arguments', async () => {
  const child = spawn(process.execPath, [shim('ask', ENTRY), 'ask', 'x y'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { pid, words } = await firstLine(child.stdout);
  assert.equal(pid, child.pid);
  assert.deepEqual(words, ['ask', 'x y']);
});

test("serve runs with the heap flags, gets signals, and its exit status is the launcher's", async () => {
  const child = spawn(process.execPath, [shim('serve', ENTRY), 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { pid, flags } = await firstLine(child.stdout);
  assert.notEqual(pid, child.pid);
  for (const flag of HEAP_FLAGS) assert.ok(flags.includes(flag));
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [7, null]);
});

test('serve ends when its launcher is killed in a way that cannot be passed on', async () => {
  const child = spawn(process.execPath, [shim('orphan', ENTRY), 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await firstLine(child.stdout);
  child.kill('SIGKILL');
  await once(child.stdout, 'close'); // the served process holds the other end until it ends
});
