/** The script for bash, sourced by a real bash, which is asked to complete as it is by the tab key. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { OUTCOMES } from '@fleet/shared/api/ask.ts';

const BIN = join(import.meta.dirname, '../../bin/logic-fleet.mjs');
const script = (shell: string) =>
  execFileSync(process.execPath, [BIN, 'completion', shell], { encoding: 'utf8' });
const bash = script('bash');

/** What bash offers at the end of `line`. */
function offered(line: string): string[] {
  const words = line.split(' ').map((word) => `'${word}'`);
  const program = `set -eu; ${bash}
    complete -p logic-fleet >/dev/null
    COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}
    _logic_fleet; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['--norc', '-c', program], { encoding: 'utf8', cwd: import.meta.dirname })
    .split('\n')
    .filter(Boolean);
}

test('bash completes commands, the options of each, and the words that an option takes', () => {
  assert.deepEqual(offered('logic-fleet hi'), ['history']);
  const commands = offered('logic-fleet ');
  for (const name of ['ask', 'explain', 'sites', 'history', 'diff', 'serve', 'completion'])
    assert.ok(commands.includes(name), name);
  assert.deepEqual(offered('logic-fleet history --ver'), ['--verify']);
  assert.deepEqual(offered('logic-fleet diff --json --l'), ['--last']);
  assert.ok(!offered('logic-fleet sites --').includes('--verify'));
  assert.deepEqual(offered('logic-fleet history --outcome '), [...OUTCOMES]);
  assert.deepEqual(offered('logic-fleet history --outcome un'), ['unreachable']);
  assert.deepEqual(offered('logic-fleet completion '), ['bash', 'zsh', 'fish', '--help']);
});

test('bash completes files where an option takes one, and nothing where only the user knows', () => {
  assert.ok(offered('logic-fleet history --against comp').includes('completion.ts'));
  assert.deepEqual(offered('logic-fleet ask --deadline '), []);
  assert.deepEqual(offered('logic-fleet ask --site x --mo'), ['--mode'], 'a value is no command');
});

test('every command and option that help lists is in the script of each shell', () => {
  const help = (...args: string[]) =>
    execFileSync(process.execPath, [BIN, ...args, '--help'], { encoding: 'utf8' });
  const commands = [...help().matchAll(/^ {2}([a-z][a-z-]+)(?: |$)/gm)]
    .map(([, name]) => name ?? '')
    .filter((name) => name !== 'help');
  assert.ok(commands.length >= 7, commands.join());
  const options = commands.flatMap((name) =>
    [...help(name).matchAll(/(--[a-z][a-z-]+)/g)].map(([, option]) => option ?? ''),
  );
  for (const shell of ['bash', 'zsh', 'fish']) {
    const text = script(shell);
    for (const name of commands) assert.match(text, new RegExp(`\\b${name}\\b`), `${shell}: ${name}`);
    for (const option of options)
      assert.ok(text.includes(shell === 'fish' ? `-l ${option.slice(2)}` : option), `${shell}: ${option}`);
  }
});
