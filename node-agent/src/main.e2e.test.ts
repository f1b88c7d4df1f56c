/** The program as people and units start it: bin/logic-node.mjs in processes of its own. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Ran, run, serveChild } from './testing/child.ts';
import { type Ending, temporaryFolder } from './testing/folder.ts';
import { SEED, SITE, until } from './testing/site.ts';

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended; who should reap it (PID 1 of a container, say) may never do so.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

const serve = (t: Ending, data: string, ...flags: readonly string[]) => serveChild(t, data, { flags });

async function siteFolder(t: Ending): Promise<string> {
  const data = await temporaryFolder(t);
  const { status, stderr } = await run(
    'init',
    '--data',
    data,
    '--site',
    SITE,
    '--inventory',
    'sample',
    '--seed',
    String(SEED),
  );
  assert.equal(status, 0, stderr);
  return data;
}

test('serve says on one line that it is ready, ask shows answers, and each signal ends all of it', async (t) => {
  const data = await siteFolder(t);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { child, ready, ended } = await serve(
      t,
      data,
      '--collector',
      'sample',
      '--llm-socket',
      '/run/llm.sock',
    );
    assert.deepEqual(
      [ready.site, ready.https, isAlive(ready.pid), isAlive(ready.enginePid)],
      [SITE, null, true, true],
    );
    const asked = await run('ask', 'node_status(Node, up)', '--prove', '--url', ready.http);
    assert.equal(asked.status, 0, asked.stderr);
    assert.match(asked.stdout, /Node = sentry.*\[verified\][\s\S]*node_up\(sentry, true\)[\s\S]*complete/);
    child.kill(signal);
    const { status } = await ended;
    assert.deepEqual(
      [status, isAlive(ready.pid), isAlive(ready.enginePid), existsSync(join(data, 'run'))],
      [0, false, false, false],
    );
  }
});

test('ask --json prints one object last, and exit statuses tell what became of the question', async (t) => {
  const data = await siteFolder(t);
  const { ready } = await serve(t, data, '--collector', 'sample');
  const runFolder = await temporaryFolder(t);
  await writeFile(
    join(runFolder, 'run.json'),
    JSON.stringify({ coordinator: null, sites: [{ name: SITE, http: ready.http }] }),
  );
  const last = ({ stdout }: Ran) => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  const good = await run('ask', 'node_status(Node, S)', '--json', '--data', runFolder);
  assert.equal(good.status, 0, good.stderr);
  assert.equal(last(good).answers.length, 5);
  assert.equal(last(good).answers[0].standing, 'unproved');
  const empty = await run(
    'ask',
    'node_load(N, L), L > 1000',
    '--json',
    '--prove',
    '--data',
    runFolder,
    '--site',
    SITE,
  );
  assert.deepEqual([empty.status, last(empty).coverage.empty, last(empty).complete], [0, 1, true]);
  for (const [query, code] of [
    ['shell(ls)', 'unknown_predicate'],
    ['node(', 'syntax_error'],
    ['node(N) ; vm(V)', 'non_ground_answer'],
  ] as const) {
    const refused = await run('ask', query, '--json', '--data', runFolder);
    assert.deepEqual([refused.status, last(refused).error.code], [2, code]);
    assert.match(refused.stderr, new RegExp(`^logic-node: ${code}: `));
  }
  const unknown = await run('ask', 'node(N)', '--json', '--data', runFolder, '--site', 'nowhere');
  assert.equal(last(unknown).error.code, 'unknown_site');
  const nobody = await run('ask', 'node(N)', '--url', 'http://127.0.0.1:9');
  assert.deepEqual([nobody.status, nobody.stdout], [1, '']);
  assert.match(nobody.stderr, /unreachable/);
});

test('a site that follows its parent ends when its standard input does', async (t) => {
  const { child, ready, ended } = await serve(
    t,
    await siteFolder(t),
    '--collector',
    'none',
    '--follow-parent',
  );
  child.stdin.end();
  assert.equal((await ended).status, 0);
  assert.equal(isAlive(ready.enginePid), false);
});

test('when an agent is killed outright its swipl ends by itself, and the next start takes over', async (t) => {
  const data = await siteFolder(t);
  const first = await serve(t, data, '--collector', 'sample');
  // The agent itself: the program that was started may have handed over to another Node with heap flags.
  process.kill(first.ready.pid, 'SIGKILL');
  await first.ended;
  await until(() => !isAlive(first.ready.enginePid), 'swipl ends with its agent');
  const second = await serve(t, data, '--collector', 'sample');
  const { revision } = (await (await fetch(`${second.ready.http}/healthz`)).json()) as { revision: number };
  assert.ok(revision >= 2, `revisions go on: ${revision}`);
});

test('when the program that started the agent is killed, nothing of it stays', async (t) => {
  const { child, ready, ended } = await serve(t, await siteFolder(t), '--collector', 'none');
  child.kill('SIGKILL');
  await ended;
  await until(() => !isAlive(ready.pid) && !isAlive(ready.enginePid), 'agent and swipl end');
});

test('what cannot be served is said and ends with status 1 before anything starts', async (t) => {
  const data = await siteFolder(t);
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--listen', '0.0.0.0:8443'], /loopback only/],
    [
      [
        '--listen',
        '127.0.0.1:0',
        '--tls-cert',
        '/nowhere.pem',
        '--tls-key',
        '/nowhere.pem',
        '--tls-ca',
        '/nowhere.pem',
      ],
      /cannot be read/,
    ],
    [['--kb-path', '/nowhere/main.pl'], /bundle_mismatch/],
    [['--collector', 'magic'], /host, sample or none/],
  ];
  for (const [flags, said] of wrong) {
    const { status, stderr, stdout } = await run('serve', '--data', data, '--site', SITE, ...flags);
    assert.deepEqual([status, stdout], [1, ''], flags.join(' '));
    assert.match(stderr, said);
  }
});
