import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import Database from 'better-sqlite3';
import { answering, QUERY } from './testing/signed-reply.ts';
import { openTestFleet, type TestSite } from './testing/site-server.ts';

const ROOT = join(import.meta.dirname, '../..');
const BIN = join(ROOT, 'coordinator/bin/logic-fleet.mjs');
const { bundle } = await loadManifest(join(ROOT, 'kb'));
const parts = await openTestFleet();
const site: TestSite = await parts.site('barn', (stream, asked) =>
  answering(() => site, bundle)(stream, asked),
);
const data = await mkdtemp(join(tmpdir(), 'main-'));
type Child = ChildProcessByStdio<Writable, Readable, Readable>;
const children: Child[] = [];
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await parts.close();
  await rm(data, { recursive: true });
});

function start(args: readonly string[]): Child {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'], cwd: data });
  children.push(child);
  return child;
}

async function run(
  ...args: string[]
): Promise<{ code: number; out: string; err: string; json: Record<string, unknown> }> {
  const child = start(args);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  const last = out.trimEnd().split('\n').at(-1) ?? '';
  return { code, out, err, json: args.includes('--json') ? JSON.parse(last) : {} };
}

async function serve(...args: string[]): Promise<{ child: Child; url: string }> {
  const child = start(['serve', '--data', parts.dir, '--listen', '127.0.0.1:0', ...args]);
  child.stderr.resume();
  for await (const line of createInterface({ input: child.stdout })) {
    const ready = JSON.parse(line) as { ready: boolean; http: string; pid: number };
    assert.equal(ready.ready, true);
    return { child, url: ready.http };
  }
  return assert.fail('it ended before it was ready');
}

const { url } = await serve('--follow-parent');

test('ask prints answers, standing, proof and coverage, and exits 0 when the answer is complete', async () => {
  const { code, out, err } = await run('ask', QUERY, '--url', url);
  assert.equal(code, 0, err);
  assert.match(out, /barn\n {2}N = pve1, L = 0.75 {2}\[verified\]/);
  assert.match(out, /node_load\(pve1, 0.75\) {2}\[host, /);
  assert.match(out, /Coverage: 1 site, 1 answered \(complete\)/);
});

test('ask --json prints the object as the last line of standard output', async () => {
  const { code, json } = await run('ask', QUERY, '--json', '--no-prove', '--url', url, '--deadline', '4000');
  assert.equal(code, 3, 'a site that gives a proof nobody asked for is rejected');
  assert.equal((json.coverage as { targets: number }).targets, 1);
});

test('ask finds the coordinator in run.json of the data folder', async () => {
  await mkdir(join(data, '.data'));
  await writeFile(join(data, '.data/run.json'), JSON.stringify({ coordinator: { url, pid: 1 }, sites: [] }));
  const { code, json } = await run('ask', QUERY, '--json');
  assert.equal(code, 0);
  assert.equal(json.complete, true);
});

test('a partial answer exits 3', async () => {
  const hung = await parts.site('hung', () => {});
  const { code, json } = await run('ask', QUERY, '--json', '--url', url, '--deadline', '300');
  assert.equal(code, 3);
  assert.equal((json.coverage as { timeout: number }).timeout, 1);
  parts.registry.setAddress('hung', '127.0.0.1:1');
  await hung.kill();
});

test('below the share that was asked for it exits 3 and says who is missing', async () => {
  const plain = await run('ask', QUERY, '--url', url, '--mode', 'share=0.9', '--deadline', '300');
  assert.equal(plain.code, 3);
  assert.match(plain.err, /^logic-fleet: partial_coverage: 1 of 2 sites answered.*\n.*\nCoverage: 2 sites/);
  assert.match(plain.err, /\n {2}hung {2}unreachable /);
  const { code, json } = await run(
    'ask',
    QUERY,
    '--json',
    '--url',
    url,
    '--mode',
    'strict',
    '--deadline',
    '300',
  );
  assert.equal(code, 3);
  const { code: said, coverage } = json.error as { code: string; coverage: { unreachable: number } };
  assert.deepEqual([said, coverage.unreachable], ['partial_coverage', 1]);
});

test('explain shows the plan in the words of ask, and no site is asked', async () => {
  const words = [
    'aggregate_all(count, vm(V), C)',
    '--where',
    'name=barn',
    '--group-by',
    'site',
    '--url',
    url,
  ];
  const { code, out } = await run('explain', ...words);
  assert.equal(code, 0);
  assert.match(out, /^Targets: 1, of which 1 are asked: barn\n/);
  assert.match(out, /Computed here:\n {2}results are added, for each site\n/);
  const { json } = await run('explain', ...words, '--json');
  assert.equal(json.kind, 'fold');
  const wrong = await run('explain', QUERY, '--where', 'name=', '--url', url);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /bad_request: where: expected a value at the end/);
  for (const flag of [
    ['--mode', 'most'],
    ['--group-by', 'label:'],
    ['--order-by', 'load'],
    ['--limit', '0'],
  ])
    assert.equal((await run('explain', QUERY, ...flag, '--url', url)).code, 1, flag.join(' '));
});

test('a refused query exits 2 with its code and advice on standard error, and as JSON where asked', async () => {
  const plain = await run('ask', 'shell(ls)', '--url', url);
  assert.equal(plain.code, 2);
  assert.match(plain.err, /^logic-fleet: unknown_predicate: .*\n {2}Ask only what the catalogue lists/);
  assert.equal(plain.out, '');
  const { code, json } = await run('ask', QUERY, '--site', 'nobody', '--json', '--url', url);
  assert.equal(code, 2);
  assert.equal((json.error as { code: string }).code, 'unknown_site');
});

test('no coordinator, or something else at its address, exits 1 and says so', async () => {
  const none = await run('ask', QUERY, '--json', '--url', 'http://127.0.0.1:1');
  assert.equal(none.code, 1);
  assert.equal((none.json.error as { code: string }).code, 'unreachable');
});

test('sites lists the registry', async () => {
  const { code, out } = await run('sites', '--url', url);
  assert.equal(code, 0);
  assert.match(out, /^barn {2}node {2,}127\.0\.0\.1:\d+ {2}certificate [0-9a-f]{16}… until \d{4}-/);
});

test('history lists what was asked in 80 columns, shows an answer whole, and tells by file that nobody touched it', async () => {
  const { code, out } = await run('history', '--url', url, '--limit', '3');
  assert.equal(code, 0);
  const [head, newest] = out.split('\n');
  assert.match(head ?? '', /^ID +WHEN +ASKED BY +SITES +ANSWERS +QUERY$/);
  assert.match(newest ?? '', /^\d+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +loopback +\d.*node_load/);
  assert.ok(out.split('\n').every((line) => line.length <= 80));
  const { json } = await run('history', '1', '--url', url, '--json');
  assert.equal((json.asked as { query: string }).query, QUERY);
  assert.equal((json.result as { answers: unknown[] }).answers.length, 1);
  assert.match(
    (await run('history', '1', '--url', url)).out,
    /^Row 1: .*\n {2}asked by loopback at .*\[verified\]/s,
  );
  const checked = await run('history', '--verify', '--data', parts.dir);
  assert.equal(checked.code, 0, checked.out);
  assert.match(checked.out, /^The history holds: \d+ rows, 1 to \d+\.\n {2}last hash [0-9a-f]{64}$/m);
  assert.equal((await run('history', '--verify', '--url', url, '--json')).json.ok, true);
  const none = await run('history', '999', '--url', url);
  assert.deepEqual([none.code, none.out], [2, '']);
  assert.match(none.err, /not_found: the history has no row 999/);
});

test('history --verify exits 1 and names what was changed', async () => {
  const copy = join(data, 'copied');
  await cp(parts.dir, copy, { recursive: true });
  const db = new Database(join(copy, 'history.sqlite'));
  db.exec("UPDATE rows SET asked_by = 'token:somebody' WHERE id = 1");
  db.close();
  const { code, out, json } = await run('history', '--verify', '--data', copy, '--json');
  assert.equal(code, 1, out);
  assert.equal(json.ok, false);
  assert.match((await run('history', '--verify', '--data', copy)).out, /does NOT hold[\s\S]*index at row 1/);
});

test('diff tells what changed between two rows, or the last two runs of a question', async () => {
  const { code, out } = await run('diff', '1', '3', '--url', url);
  assert.equal(code, 0, out);
  assert.match(
    out,
    /from row 1, .*\n {2}to row 3, [\s\S]*Answers: 0 added, 0 removed, 0 changed, 1 the same/,
  );
  const { json } = await run('diff', '--last', QUERY, '--url', url, '--json');
  assert.ok((json.b as { id: number }).id > (json.a as { id: number }).id);
  const wrong = await run('diff', '1', '--url', url);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /name two rows .*--last QUERY/);
});

test('an address that is not loopback is refused before anything starts', async () => {
  const { code, err } = await run('serve', '--data', join(data, 'new'), '--listen', '0.0.0.0:8080');
  assert.equal(code, 1);
  assert.match(err, /0\.0\.0\.0:8080 is not a loopback address/);
});

test('serve ends cleanly on SIGTERM, on SIGINT, and with its parent', async () => {
  const ends: ReadonlyArray<(child: Child) => void> = [
    (child) => child.kill('SIGTERM'),
    (child) => child.kill('SIGINT'),
    (child) => child.stdin.end(),
  ];
  await Promise.all(
    ends.map(async (end) => {
      const { child, url: own } = await serve('--follow-parent');
      const exited = once(child, 'exit');
      end(child);
      assert.deepEqual(await exited, [0, null]);
      await assert.rejects(fetch(`${own}/healthz`));
    }),
  );
});

test('two coordinators cannot listen at one address: the second says so and exits 1', async () => {
  const { code, err } = await run('serve', '--data', parts.dir, '--listen', new URL(url).host);
  assert.equal(code, 1);
  assert.match(err, /EADDRINUSE|in use/);
});

test('a wrong option exits 1, says where help is, and with --json is an object on the last line too', async () => {
  const { code, err, out, json } = await run('ask', QUERY, '--wrong', '--json');
  assert.equal(code, 1, out);
  assert.match(err, /unknown option '--wrong'[\s\S]*logic-fleet help COMMAND/);
  const error = json.error as { code: string; message: string };
  assert.deepEqual([error.code, error.message], ['bad_request', "unknown option '--wrong'"]);
  const help = await run('history', '--help');
  assert.deepEqual([help.code, help.err], [0, '']);
  assert.ok(
    help.out.split('\n').every((line) => line.length <= 80),
    help.out,
  );
});
