/**
 * What the bootstrap says where it may not install anything. The real script in a copy of what it reads, with a
 * PATH that holds only what each test puts there: nothing of this machine can be installed or found by accident.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ROOT } from '../shared/launch.mjs';

const dir = mkdtempSync(join(tmpdir(), 'bootstrap-test-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/** A clone with nothing installed, and a PATH with exactly `programs` (shell scripts by name). */
function freshClone(
  name: string,
  programs: Readonly<Record<string, string>>,
): { root: string; path: string } {
  const root = join(dir, name);
  const path = join(root, 'bin');
  mkdirSync(path, { recursive: true });
  for (const part of [
    'package.json',
    'package-lock.json',
    'shared/launch.mjs',
    'deploy/bootstrap.mjs',
    'deploy/system-packages.mjs',
  ]) {
    cpSync(join(ROOT, part), join(root, part));
  }
  symlinkSync(process.execPath, join(path, 'node'));
  for (const [program, body] of Object.entries(programs)) {
    writeFileSync(join(path, program), `#!/bin/sh\n${body}\n`);
    chmodSync(join(path, program), 0o755);
  }
  return { root, path };
}

function bootstrap({ root, path }: { root: string; path: string }, target = 'start') {
  const { npm_execpath: _, ...env } = process.env;
  const args = [join(root, 'deploy/bootstrap.mjs'), target];
  return spawnSync(process.execPath, args, {
    env: { ...env, PATH: path },
    encoding: 'utf8',
    timeout: 20_000,
  });
}

const SWIPL = 'echo "SWI-Prolog version 9.0.4 for x86_64-linux"';

test('without SWI-Prolog and apt it says what to install, all of it, and ends with status 1', () => {
  const { status, stdout, stderr } = bootstrap(freshClone('no-apt', {}));
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /SWI-Prolog is not installed/);
  assert.match(stderr, /# install SWI-Prolog 9\.0\.4 or newer/);
  assert.match(stderr, /^ {4}npm ci$/m);
  assert.doesNotMatch(stderr, /\n\s+at /);
});

test('another package manager is not driven: its exact command is printed', () => {
  const { status, stderr } = bootstrap(freshClone('dnf', { dnf: 'echo dnf was run; exit 9' }), 'test');
  assert.equal(status, 1);
  assert.match(stderr, /dnf install -y pl node-exporter/);
  assert.doesNotMatch(stderr, /dnf was run/);
  assert.match(stderr, /then `npm test` again/);
});

test('apt that fails is tried again after one update, and then its command is printed', () => {
  const clone = freshClone('apt-fails', {});
  const log = join(clone.root, 'apt.log');
  writeFileSync(join(clone.path, 'apt-get'), `#!/bin/sh\necho "$@" >> ${log}\nexit 100\n`, { mode: 0o755 });
  symlinkSync('/usr/bin/env', join(clone.path, 'env'));
  symlinkSync('/bin/sh', join(clone.path, 'sh'));
  const { status, stderr } = bootstrap(clone);
  assert.equal(status, 1);
  assert.match(stderr, /apt-get update && apt-get install -y swi-prolog-nox/);
  if (process.getuid?.() !== 0) return; // then sudo, which this PATH has not, comes first
  const calls = readFileSync(log, 'utf8').trim().split('\n');
  assert.deepEqual(
    calls.map((line) => /\b(install|update)\b/.exec(line)?.[1]),
    ['install', 'update', 'install'],
  );
});

test('an SWI-Prolog that is too old is named with its version', () => {
  const old = SWIPL.replace('9.0.4', '8.4.2');
  const { status, stderr } = bootstrap(freshClone('old', { swipl: old }));
  assert.equal(status, 1);
  assert.match(stderr, /swipl is 8\.4\.2, older than 9\.0\.4/);
});

test('npm that cannot install is reported in a sentence with the command to run', () => {
  const { status, stdout, stderr } = bootstrap(freshClone('no-network', { swipl: SWIPL, npm: 'exit 1' }));
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /node_modules is missing: installing npm packages/);
  assert.match(stderr, /Could not install npm packages: npm ci ended with status 1/);
});

test('of the backends of llama.cpp that npm brings, only the one of this processor stays', () => {
  const modules = (name: string) => `node_modules/${name}`;
  const brings = ['@node-llama-cpp/linux-x64', '@node-llama-cpp/linux-arm64', 'node-llama-cpp'];
  const npm = [
    `cd "$(/usr/bin/dirname "$0")/.."`,
    `/bin/mkdir -p ${brings.map(modules).join(' ')}`,
    `echo '{}' > ${modules('.package-lock.json')}`,
  ].join('\n');
  const clone = freshClone('backends', { swipl: SWIPL, npm });
  const { stderr } = bootstrap(clone);
  const there = brings.filter((name) => existsSync(join(clone.root, modules(name))));
  assert.deepEqual(there, [`@node-llama-cpp/linux-${process.arch}`, 'node-llama-cpp'], stderr);
  assert.doesNotMatch(stderr, /Could not install/);
  assert.doesNotMatch(bootstrap(clone).stderr, /installing npm packages/);
});

test('an unknown target is answered with the usage', () => {
  const { status, stderr } = bootstrap(freshClone('usage', {}), 'stop');
  assert.equal(status, 1);
  assert.match(stderr, /usage: .*start\|site\|test\|check/);
});
