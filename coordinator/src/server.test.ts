import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import type { FleetAskInput } from '@fleet/shared/api/ask.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { EXAMPLES } from '@fleet/shared/page/page.ts';
import { Tokens } from '@fleet/shared/tokens.ts';
import { createTRPCClient, httpLink, TRPCClientError } from '@trpc/client';
import { pino } from 'pino';
import { startCoordinator } from './coordinator.ts';
import type { FleetRouter } from './router.ts';
import { answering, QUERY, type Tampering } from './testing/signed-reply.ts';
import { openTestFleet, type TestSite } from './testing/site-server.ts';

const ROOT = join(import.meta.dirname, '../..');
const manifest = await loadManifest(join(ROOT, 'kb'));
const parts = await openTestFleet();
const listen = { host: '127.0.0.1', port: 0 };
const coordinator = await startCoordinator({
  data: parts.dir,
  kb: join(ROOT, 'kb'),
  listen,
  log: pino({ enabled: false }),
});
after(async () => {
  await coordinator.close();
  await parts.close();
});

async function addSite(name: string, tampering?: Tampering): Promise<TestSite> {
  const site: TestSite = await parts.site(name, (stream, asked) =>
    answering(() => site, manifest.bundle, tampering)(stream, asked),
  );
  return site;
}
await addSite('barn');
const MARKUP = '<img src=x onerror=alert(1)>';
await addSite('rude', {
  before: (said) => ({ ...said, body: `error('1',error(logic(not_ready,'${MARKUP}'),_)).` }),
});

const client = createTRPCClient<FleetRouter>({
  links: [httpLink({ url: `${coordinator.url}/trpc`, methodOverride: 'POST' })],
});
const page = (query: string) => fetch(`${coordinator.url}/?q=${encodeURIComponent(query)}`);

async function errorOf(call: Promise<unknown>) {
  const error = await call.then(
    () => assert.fail('it was answered'),
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof TRPCClientError);
  return {
    logic: error.data?.logic?.code,
    advice: error.data?.logic?.advice,
    status: error.data?.httpStatus,
    stack: error.data?.stack,
    message: error.message,
  };
}

test('fleet.ask answers with answers, coverage and completeness', async () => {
  const result = await client.fleet.ask.query({ query: QUERY });
  assert.deepEqual(
    result.answers.map(({ site, standing }) => [site, standing]),
    [['barn', 'verified']],
  );
  assert.deepEqual(
    result.coverage.sites.map(({ site, outcome }) => [site, outcome]),
    [
      ['barn', 'answered'],
      ['rude', 'error'],
    ],
  );
  assert.equal(result.complete, false);
});

const GOAL = 'at(S, (node_load(N, L), L > 0.5))';
const NOT = `${GOAL}, \\+ at(_, (node_load(N, L), L > 0.5))`;

test('what holds for part of the fleet is worded as that on the page, and what nobody can say is an error that names who is missing', async () => {
  const rows = await (await page(GOAL)).text();
  assert.match(rows, /at least 1 answer; 1 site unknown/);
  assert.match(
    rows,
    /<td>barn<\/td><td>pve1<\/td><td>0\.75<\/td><td class="verified">verified<\/td><td>barn<\/td>/,
  );
  const refused = await page(NOT);
  assert.equal(refused.status, 503);
  assert.match(
    await refused.text(),
    /Not answered: <code>partial_coverage<\/code>[\s\S]*<th scope="row">rude<\/th>/,
  );
  await assert.rejects(client.fleet.ask.query({ query: NOT }), (cause) => {
    assert.ok(cause instanceof TRPCClientError);
    const { code, coverage } = cause.data?.logic as {
      code: string;
      coverage: { error: number; targets: number };
    };
    assert.deepEqual([code, coverage.error, coverage.targets], ['partial_coverage', 1, 2]);
    return true;
  });
});

test('fleet.explain shows a plan and asks no site', async () => {
  const { parts: planned, join } = await client.fleet.explain.query({ query: GOAL });
  assert.deepEqual(
    planned.map(({ query }) => query),
    ["','(node_load(N,L),>(L,0.5))"],
  );
  assert.equal(join?.refused, false);
});

test('fleet.ask can be called by GET with nothing but a URL', async () => {
  const input = encodeURIComponent(JSON.stringify({ query: QUERY, sites: ['barn'] }));
  const reply = await fetch(`${coordinator.url}/trpc/fleet.ask?input=${input}`);
  const { result } = (await reply.json()) as { result: { data: { complete: boolean } } };
  assert.equal(result.data.complete, true);
});

test('fleet.sites lists the registry by name', async () => {
  const sites = await client.fleet.sites.query();
  assert.deepEqual(
    sites.map(({ name }) => name),
    ['barn', 'rude'],
  );
  assert.equal('publicKey' in (sites[0] as object), false);
});

test('each kind of bad input is an error with its code, its advice and no stack', async () => {
  const cases: ReadonlyArray<readonly [FleetAskInput, string, number]> = [
    [{ query: 'node_status(N, S' }, 'syntax_error', 400],
    [{ query: 'shell(ls)' }, 'unknown_predicate', 400],
    [{ query: '\\+ node_up(N, true), node(N)' }, 'free_variable', 400],
    [{ query: `${'a'.repeat(70_000)}(X)` }, 'too_large', 413],
    [{ query: QUERY, sites: ['nobody'] }, 'unknown_site', 404],
    [{ query: QUERY, deadlineMs: -1 }, 'bad_request', 400],
    [{ query: QUERY, sites: ['No Site'] }, 'bad_request', 400],
    [{ query: '' }, 'bad_request', 400],
    [{ query: 'a'.repeat(10 * 1024 * 1024) }, 'too_large', 413],
  ];
  for (const [input, code, status] of cases) {
    const error = await errorOf(client.fleet.ask.query(input));
    assert.deepEqual(
      [error.logic, error.status, error.stack],
      [code, status, undefined],
      JSON.stringify(input).slice(0, 80),
    );
    assert.ok(error.advice);
  }
});

test('an unknown procedure and an unknown path are not found, in the shape of each', async () => {
  const trpc = (await (await fetch(`${coordinator.url}/trpc/fleet.shell`)).json()) as {
    error: { data: { logic: { code: string } } };
  };
  assert.equal(trpc.error.data.logic.code, 'not_found');
  const plain = await fetch(`${coordinator.url}/nowhere`);
  assert.equal(plain.status, 404);
  assert.equal(((await plain.json()) as { error: { code: string } }).error.code, 'not_found');
});

test('healthz says that it serves', async () => {
  assert.deepEqual(await (await fetch(`${coordinator.url}/healthz`)).json(), { ok: true, sites: 2 });
});

test('a token that is not known is refused on loopback too, and a known one is served', async () => {
  const world = { now: Date.now, elapsed: () => performance.now(), secret: () => 'a'.repeat(43) };
  const token = new Tokens(parts.dir, world).create('script', 'viewer');
  const sites = (authorization: string) =>
    fetch(`${coordinator.url}/trpc/fleet.sites`, { headers: { authorization } });
  const refused = await sites('Bearer lt_no');
  assert.equal(refused.status, 401);
  const { error } = (await refused.json()) as { error: { data: { logic: { code: string } } } };
  assert.equal(error.data.logic.code, 'unauthorized');
  assert.equal((await sites(`Bearer ${token}`)).status, 200);
});

function statusWith(path: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, coordinator.url), { headers, agent: false }, (reply) => {
      reply.resume();
      resolve(reply.statusCode);
    });
    sent.on('error', reject).end();
  });
}

test('a rebound DNS name and a page of another site are refused', async () => {
  const { host } = new URL(coordinator.url);
  assert.equal(await statusWith('/healthz', { host: 'evil.example' }), 403);
  assert.equal(await statusWith('/healthz', { host: '127.0.0.1.evil.example' }), 403);
  assert.equal(await statusWith('/healthz', { host: 'localhost' }), 200);
  assert.equal(await statusWith('/trpc/fleet.sites', { host, 'sec-fetch-site': 'cross-site' }), 403);
  assert.equal(await statusWith('/trpc/fleet.sites', { host, 'sec-fetch-site': 'same-origin' }), 200);
});

test('the page offers a box and examples, runs no script, and sends nothing elsewhere', async () => {
  const reply = await fetch(coordinator.url);
  const text = await reply.text();
  assert.equal(reply.status, 200);
  assert.match(text, /<form method="get" action="\/"/);
  assert.match(text, /<a href="\/\?q=node_status\(Node%2C%20Status\)">/);
  assert.doesNotMatch(text, /<script|https?:\/\//);
  assert.match(reply.headers.get('content-security-policy') ?? '', /^default-src 'none'; style-src 'sha256-/);
});

test('the page shows answers by site with standing and proof, and names every site with its outcome and why', async () => {
  const text = await (await page(QUERY)).text();
  assert.match(text, /Partial: 1 answer from 1 of 2 sites/);
  assert.match(text, /<h3>barn<\/h3>[\s\S]*<td>pve1<\/td><td>0.75<\/td>[\s\S]*verified/);
  assert.match(text, /<details><summary>Proof<\/summary><pre>[\s\S]*node_load\(pve1, 0.75\)/);
  assert.match(
    text,
    /<th scope="row">rude<\/th><td class="error-outcome">error<\/td>[\s\S]*<code>not_ready<\/code>/,
  );
});

test("the page shows a join's rows, and below each the proof of every answer that it rests on", async () => {
  const text = await (await page(`${GOAL}, at(T, (node_load(N, L), L > 0.5))`)).text();
  assert.match(text, /Partial: 1 answer from 1 of 2 sites/);
  const row = /<td>barn, barn<\/td><\/tr><tr class="below">[\s\S]*?<\/details>/.exec(text)?.[0] ?? '';
  assert.equal([...row.matchAll(/barn<pre>[^<]*node_load\(pve1, 0\.75\)/g)].length, 2, row);
});

test('the page escapes what a person or a site wrote', async () => {
  const asked = await (await page(`"><script>alert(1)</script>`)).text();
  assert.doesNotMatch(asked, /<script/);
  assert.match(asked, /value="&quot;&gt;&lt;script&gt;/);
  const answered = await (await page(QUERY)).text();
  assert.doesNotMatch(answered, /<img/);
  assert.match(answered, /&lt;img src=x/);
});

test('a query that may not be asked is shown as an error with its code and status', async () => {
  const reply = await page('shell(ls)');
  assert.equal(reply.status, 400);
  assert.match(await reply.text(), /role="alert"[\s\S]*<code>unknown_predicate<\/code>[\s\S]*catalogue/);
});

test('every example of the page may be asked', () => {
  for (const [query] of EXAMPLES) checkAsk(query, manifest);
});

test('the example client for script authors runs as it is', async () => {
  const example = join(ROOT, 'coordinator/examples/ask-fleet.ts');
  const run = (query: string) => promisify(execFile)(process.execPath, [example, coordinator.url, query]);
  const { stdout } = await run(QUERY);
  assert.match(stdout, /'barn' +│ 'pve1' │ 0\.75 │ 'verified'/);
  assert.match(stdout, /\nrude error not_ready\npartial: 1 of 2 sites\n$/);
  await assert.rejects(run('shell(ls)'), { code: 1, stderr: /^unknown_predicate: / });
});
