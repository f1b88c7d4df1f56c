/**
 * `npm start` as whole processes: what it prints, what it leaves behind (nothing), and what happens when
 * parts of it are killed. One fleet of this machine and one sample site in a folder of its own.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { ROOT } from '../../shared/launch.mjs';
import type { RunFile } from './data-folder.ts';

const data = mkdtempSync(join(tmpdir(), 'start-test-'));
after(() => rmSync(data, { recursive: true, force: true }));

function start(args: readonly string[], entry = 'deploy/local/start.ts'): ChildProcess {
  return spawn(process.execPath, [join(ROOT, entry), '--data', data, '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Processes whose command line names this test's folder: everything that a fleet on it started. */
function leftovers(): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(data) ? [`${pid} ${command}`] : [];
      } catch {
        return []; // it ended while we looked
      }
    });
}

/** Until the child has printed `words` on standard error or output. */
async function says(child: ChildProcess, words: string): Promise<void> {
  let heard = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      heard += chunk;
      child.emit('heard');
    });
  while (!heard.includes(words)) {
    await Promise.race([
      once(child, 'heard'),
      once(child, 'exit').then(() => assert.fail(`ended before it said ${words}: ${heard}`)),
    ]);
  }
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

function runFile(): RunFile {
  return JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as RunFile;
}

/** Until no process of `pids` exists; a zombie of another parent counts as gone. */
async function gone(pids: readonly number[]): Promise<void> {
  while (leftovers().some((line) => pids.includes(Number(line.split(' ')[0]))))
    await new Promise(setImmediate);
}

test('--ask --json prints one object as the last line, with this machine verified, and leaves nothing', async () => {
  const child = start(['--sites', '1', '--ask', 'node_status(N, S)', '--json']);
  const [out, steps] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
  ]);
  assert.equal(await exitOf(child), 0, steps);
  const result = JSON.parse(out.trim().split('\n').at(-1) ?? '');
  assert.equal(result.complete, true);
  assert.equal(result.coverage.targets, 2);
  assert.ok(result.answers.every(({ standing }: { standing: string }) => standing === 'verified'));
  assert.ok(result.answers.some(({ proof }: { proof: string }) => proof.includes('evidence(host,')));
  assert.match(steps, /enrolled .*garage/);
  assert.deepEqual(leftovers(), []);
  assert.equal(existsSync(join(data, 'run.json')), false);
});

test('a refused query ends --ask with status 2', async () => {
  const child = start(['--sites', '0', '--ask', 'shell(ls)']);
  child.stdout?.resume();
  child.stderr?.resume();
  assert.equal(await exitOf(child), 2);
  assert.deepEqual(leftovers(), []);
});

test('a fleet names an agent that was killed, refuses a second start on its folder, and ends on SIGTERM without leftovers', async () => {
  const child = start(['--sites', '1']);
  await says(child, 'Ctrl-C stops everything.');
  const run = runFile();
  assert.equal((await fetch(new URL('/healthz', run.coordinator?.url))).status, 200);

  const second = start(['--sites', '1']);
  const complaint = await text(second.stderr as NodeJS.ReadableStream);
  assert.equal(await exitOf(second), 1);
  assert.match(complaint, new RegExp(`in use: process ${child.pid} runs from it at http`));

  const garage = run.sites.find(({ name }) => name === 'garage');
  assert.ok(garage);
  process.kill(garage.pid, 'SIGKILL');
  await says(child, 'site garage ended by SIGKILL');
  await gone([garage.pid, garage.enginePid ?? 0]);

  child.kill('SIGTERM');
  assert.equal(await exitOf(child), 0);
  assert.deepEqual(leftovers(), []);
  assert.equal(existsSync(join(data, 'run.json')), false);
});

test('the loss of the coordinator ends the fleet with status 1', async () => {
  const child = start(['--sites', '0']);
  await says(child, 'Ctrl-C stops everything.');
  process.kill(runFile().coordinator?.pid ?? 0, 'SIGKILL');
  assert.equal(await exitOf(child), 1);
  assert.deepEqual(leftovers(), []);
});

test('SIGKILL of the starter ends all that it started, and the next start takes over the folder', async () => {
  const child = start(['--sites', '1']);
  await says(child, 'Ctrl-C stops everything.');
  const { coordinator, sites } = runFile();
  child.kill('SIGKILL');
  await gone([coordinator?.pid ?? 0, ...sites.flatMap(({ pid, enginePid }) => [pid, enginePid ?? 0])]);
  const site = start([], 'deploy/local/site.ts');
  await says(site, 'Ctrl-C stops it.');
  const run = runFile();
  assert.equal(run.coordinator, null);
  assert.equal((await fetch(new URL('/healthz', run.sites[0]?.http ?? ''))).status, 200);
  site.kill('SIGINT');
  assert.equal(await exitOf(site), 0);
  assert.deepEqual(leftovers(), []);
});
