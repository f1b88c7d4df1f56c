/**
 * The engine's process can reach no network, write no file, start no program and read no secret, even where a goal of a
 * stranger runs in it after all. The same attempts are made without the confinement, so that each is known to work.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { pino } from 'pino';
import { atEnd, type Ending, temporaryFolder } from '../testing/folder.ts';
import { makeSiteFolder, startSite } from '../testing/site.ts';
import { ENGINE_LIMITS } from './budget.ts';
import { confinedCommand, readConfinement } from './confinement.ts';
import { startEngine } from './process.ts';

const ESCAPE = new URL('../testing/escape.pl', import.meta.url).pathname;

interface Place {
  readonly main: string;
  readonly run: string;
}

/** A knowledge base that tries to get out while it is loaded, with all that it needs for that. */
async function placeOf(t: Ending): Promise<Place> {
  const data = await makeSiteFolder(t);
  const folder = await temporaryFolder(t);
  const run = join(data, 'run');
  await mkdir(run);
  const secret = join(folder, 'secret');
  await writeFile(secret, 'token');
  const tcp = await listening(t, { host: '127.0.0.1', port: 0 });
  const socket = join(folder, 'other.sock');
  await listening(t, { path: socket });
  const victim = spawn('sleep', ['60'], { stdio: 'ignore' });
  atEnd(t, () => ended(victim));
  const given = `_{port:${tcp}, socket:'${socket}', folder:'${folder}', run:'${run}', secret:'${secret}', pid:${victim.pid}}`;
  await cp(ESCAPE, join(data, 'kb', 'escape.pl'));
  const main = join(data, 'kb', 'trying.pl');
  await writeFile(
    main,
    `:- module(trying, []).\n:- use_module(main).\n:- use_module(escape).\n:- attempts(${given}).\n`,
  );
  return { main, run };
}

async function listening(t: Ending, at: object): Promise<number> {
  const server: Server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(at, resolve));
  atEnd(t, () => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function attemptsOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/attempt\((\w+),(\w+)\)/g)].map(([, name = '', how = '']) => [name, how]));
}

test('an engine that runs a goal of a stranger cannot connect, listen, write, read secrets or start programs', async (t) => {
  const { main, run } = await placeOf(t);
  let said = '';
  const lines = new Writable({
    write(chunk, _encoding, done) {
      said += chunk;
      done();
    },
  });
  const sockets = {
    pengine: join(run, 'pengine.sock'),
    control: join(run, 'control.sock'),
    lane: join(run, 'lane.sock'),
  };
  const engine = await startEngine({ main, sockets, limits: ENGINE_LIMITS, log: pino(lines) });
  atEnd(t, async () => {
    engine.kill();
    await engine.exited;
  });
  await engine.listening;
  assert.ok(
    engine.confinement.landlock >= 1 && engine.confinement.seccomp,
    JSON.stringify(engine.confinement),
  );
  const attempts = attemptsOf(said);
  assert.equal(attempts.size, 17);
  assert.deepEqual(
    [...attempts].filter(([, how]) => how !== 'held'),
    [],
  );
});

test('without the confinement each of these attempts works', async (t) => {
  const { main } = await placeOf(t);
  const { stderr } = spawnSync('swipl', ['-f', 'none', '-g', 'true', '-t', 'halt', main], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  const attempts = attemptsOf(stderr);
  assert.equal(attempts.size, 17, stderr);
  assert.deepEqual(
    [...attempts].filter(([, how]) => how !== 'escaped'),
    [],
  );
});

test('a running site says what holds its engine', async (t) => {
  const site = await startSite(t);
  const shown = async () =>
    ((await (await fetch(`${site.url}/healthz`)).json()) as { confinement: object }).confinement;
  const before = await shown();
  assert.deepEqual(before, site.engine.confinement);
  assert.ok(site.engine.confinement.seccomp);
  assert.equal(
    spawnSync('cat', [`/proc/${site.engine.pid}/status`], { encoding: 'utf8' }).stdout.match(
      /NoNewPrivs:\s(\d)/,
    )?.[1],
    '1',
  );
});

test('the line of bin/confine is read, and a program that is not there is named', () => {
  assert.deepEqual(readConfinement('confined landlock=0 seccomp=1'), { landlock: 0, seccomp: true });
  assert.equal(readConfinement('ready'), null);
  assert.throws(() => confinedCommand('no-such-swipl', [], { kb: '/', sockets: '/' }), { code: 'bad_setup' });
});
