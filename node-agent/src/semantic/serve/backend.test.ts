/** What is installed of llama.cpp, and what a machine is told for which there is nothing. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../../../shared/launch.mjs';
import { loadBackend } from './backend.ts';
import { ceilingFor, watchCeiling } from './ceiling.ts';
import { listedIn } from './listing.ts';

const quiet = { threads: 1, say: () => {} };

test('the backend of this machine loads, for the CPU alone, without a second process', async (t) => {
  const llama = await loadBackend(quiet);
  t.after(() => llama.dispose());
  assert.deepEqual([llama.gpu, llama.buildType], [false, 'prebuilt']);
});

test('a machine without a fitting backend is told so, and what can stand in', async () => {
  for (const platform of ['win32-x64', 'darwin-arm64', 'linux-riscv64']) {
    await assert.rejects(loadBackend({ ...quiet, platform }), {
      code: 'bad_setup',
      message: new RegExp(`cannot run on this machine \\(${platform}\\).*--llm-socket`),
    });
  }
});

test('nothing of node-llama-cpp is installed for GPUs or other systems, and nothing was built', () => {
  const backends = readdirSync(join(ROOT, 'node_modules', '@node-llama-cpp'));
  assert.deepEqual(
    backends.filter((name) => !['linux-x64', 'linux-arm64'].includes(name)),
    [],
  );
  const llama = join(ROOT, 'node_modules', 'node-llama-cpp', 'llama');
  for (const made of ['localBuilds', 'llama.cpp']) assert.equal(existsSync(join(llama, made)), false, made);
});

test('sha256sums is read as sha256sum writes it, and a name counts whole', () => {
  const digest = 'a'.repeat(64);
  assert.equal(listedIn(`${digest}  m.gguf\n`, 'm.gguf'), digest);
  assert.equal(
    listedIn(`# mine\n${'b'.repeat(64)}  other.gguf\r\n${digest} *./m.gguf\r\n`, 'm.gguf'),
    digest,
  );
  for (const sums of [
    '',
    `${digest}  am.gguf`,
    `${digest}  m.gguf.old`,
    `${'a'.repeat(63)}  m.gguf`,
    `${digest} m.gguf`,
  ])
    assert.equal(listedIn(sums, 'm.gguf'), null, sums);
});

test('the ceiling is looked at again and again, and told of once', () => {
  assert.ok(ceilingFor(4_000_000) < 210 * 1024 * 1024);
  assert.ok(ceilingFor(5_000_000_000) > 7_500_000_000);
  const looks: (() => void)[] = [];
  const over: number[] = [];
  let resident = 90;
  const after = (_ms: number, run: () => void) => {
    looks.push(run);
    return () => {};
  };
  const world = { after };
  watchCeiling({ bytes: 100, world, resident: () => resident, over: (bytes) => over.push(bytes) });
  looks.shift()?.();
  assert.deepEqual([over, looks.length], [[], 1]);
  resident = 101;
  looks.shift()?.();
  assert.deepEqual([over, looks.length], [[101], 0]);
});
