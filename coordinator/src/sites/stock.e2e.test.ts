/** A Pengine server as SWI-Prolog ships it, in a real swipl, among sites that sign what they say. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { askFleet, openFleet } from '../query/pipeline.ts';
import { planQuestion } from '../query/plan.ts';
import { answering, QUERY } from '../testing/signed-reply.ts';
import { listen, openTestFleet, type TestSite } from '../testing/site-server.ts';
import { startStockServer } from '../testing/stock-process.ts';
import { Views } from '../views/watch.ts';
import { realWorld } from '../world.ts';
import { enrolStock } from './stock.ts';

const manifest = await loadManifest(join(import.meta.dirname, '../../../kb'));
const parts = await openTestFleet();
const stock = await startStockServer(parts.dir);
after(async () => {
  await stock.end();
  await parts.close();
});
const barn: TestSite = await parts.site('barn', (stream, asked) =>
  answering(() => barn, manifest.bundle)(stream, asked),
);
enrolStock({ ...parts, site: 'attic', url: stock.url, labels: { zone: 'roof' } });
const fleet = openFleet({ ...parts, manifest, world: realWorld });

const ask = (query: string, more: object = {}) => askFleet(fleet, { query, deadlineMs: 4_000, ...more });
const attic = (query: string, more: object = {}) => ask(query, { sites: ['attic'], ...more });
const rowOf = async (query: string, more: object = {}) => (await attic(query, more)).coverage.sites[0];

test('beside a site that proves its answers, those of a stock server stand as unproved, by name', async () => {
  const result = await ask(QUERY);
  assert.deepEqual(
    result.answers.map(({ site, bindings, standing, proof }) => [site, bindings, standing, proof !== null]),
    [
      ['attic', { N: 'pve1', L: 0.62 }, 'unproved', false],
      ['barn', { N: 'pve1', L: 0.75 }, 'verified', true],
    ],
  );
  assert.equal(result.complete, true);
  const [row] = result.coverage.sites;
  assert.deepEqual([row?.outcome, row?.revision, row?.bundle], ['answered', null, null]);
});

test('derived predicates, aggregates and negations come as the language says; no answer is empty', async () => {
  const nodes = await attic('node(N), \\+ node_status(N, down)');
  assert.deepEqual(
    nodes.answers.map(({ bindings }) => bindings.N),
    ['nas', 'pve1', 'pve2', 'sentry'],
  );
  assert.deepEqual((await attic('aggregate_all(count, node(_), C)')).answers[0]?.bindings, { C: 4 });
  assert.equal((await rowOf('node(nobody)'))?.outcome, 'empty');
});

test('answers are made distinct and put in canonical order, which a stock server does not do', async () => {
  const twice = await attic('(node(N) ; node(N))');
  assert.deepEqual(
    twice.answers.map(({ bindings }) => bindings.N),
    ['nas', 'pve1', 'pve2', 'sentry'],
  );
});

test('a question with assumptions is not sent to it, and the coverage says why', async () => {
  const row = await rowOf('node_up(pve1, U)', { assume: ['node_up(pve1,false)'] });
  assert.deepEqual([row?.outcome, row?.code], ['skipped', null]);
  assert.match(row?.message ?? '', /knows no assumptions/);
});

test('what it does not offer is its own refusal', async () => {
  const row = await rowOf('top(1, L, node_load(_N, L))');
  assert.deepEqual([row?.outcome, row?.code], ['refused', 'unknown_predicate'], JSON.stringify(row));
  assert.match(row?.message ?? '', /top\/3/);
});

/** What a server that means no good, or is broken, might say. */
const said = (rows: string, more = 'false') =>
  `create('1-2',[slave_limit(3),answer(destroy('1-2',success('1-2',${rows},['N','L'],0.001,${more})))]).\n`;
const tellings: ReadonlyArray<readonly [string, string, string]> = [
  ['a value of another type', said('[[pve1,much]]'), 'rejected bad_reply'],
  ['an integer for a float', said('[[pve1,1]]'), 'rejected bad_reply'],
  ['an infinite float', said('[[pve1,inf]]'), 'rejected bad_reply'],
  ['a name that is none', said("[['$x',0.75]]"), 'rejected bad_reply'],
  ['too few columns', said('[[pve1]]'), 'rejected bad_reply'],
  ['an answer with a variable', said('[[pve1,X]]'), 'rejected bad_reply'],
  ['no Prolog', '<html>', 'rejected bad_reply'],
  ['more than it gives', said('[[pve1,0.75]]', 'true').replace('destroy(', 'x('), 'rejected bad_reply'],
  ['an error of strings', `error('1-2',error(type_error("a\\"b",c),"context")).\n`, 'refused type_error'],
  ['an error of its own', `error('1-2',error(heat,_)).\n`, 'error internal'],
];

test('it tells of no change: a live view skips it with the reason, and a question does not rest on such a view', (t) => {
  const views = new Views(fleet);
  t.after(() => views.stop());
  const { view } = views.follow({ query: QUERY, sites: ['attic'] }, { ready: () => {}, event: () => {} });
  const [row] = view.sites.map(({ verdict }) => verdict.outcome);
  assert.deepEqual([row?.outcome, row?.code], ['skipped', null]);
  assert.match(row?.message ?? '', /does not tell what changes/);
  assert.equal(
    views.find(planQuestion({ query: QUERY, sites: ['attic'] }, fleet), { sites: ['attic'] }),
    null,
  );
});

/** A server on this machine that answers as told. */
async function hosted(answer: RequestListener): Promise<{ url: string; close(): void }> {
  const server = createServer(answer);
  const port = await listen(server, 0);
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, close };
}

test('the pengine that a failed question leaves at its server is ended, at the path of that server', async (t) => {
  const { promise: farewell, resolve } = Promise.withResolvers<string>();
  const server = await hosted((request, response) => {
    if (request.url?.includes('/send')) request.on('data', (text) => resolve(`${request.url} ${text}`));
    response.end(`create('1-2',[slave_limit(3),answer(error('1-2',error(heat,_)))]).\n`);
  });
  t.after(server.close);
  enrolStock({ ...parts, site: 'shed', url: `${server.url}/prolog/` });
  assert.equal((await ask(QUERY, { sites: ['shed'] })).coverage.error, 1);
  assert.equal(await farewell, '/prolog/pengine/send?id=1-2&format=prolog destroy .\n');
});

test('what is no answer of the right type is rejected by name, and merged nowhere', async (t) => {
  let body = '';
  const server = await hosted((_request, response) => response.end(body));
  t.after(server.close);
  enrolStock({ ...parts, site: 'shed', url: server.url });
  for (const [what, telling, expected] of tellings) {
    body = telling;
    const result = await ask(QUERY, { sites: ['shed', 'barn'] });
    const row = result.coverage.sites[1];
    assert.equal(`${row?.outcome} ${row?.code}`, expected, `${what}: ${row?.message}`);
    assert.deepEqual(
      result.answers.map(({ site }) => site),
      ['barn'],
    );
  }
  body = said(`[[pve2,0.5],["pve1",0.75],[pve2,0.5]]`);
  const sorted = await ask(QUERY, { sites: ['shed'] });
  assert.deepEqual(
    sorted.answers.map(({ bindings }) => bindings.N),
    ['pve1', 'pve2'],
  );
});

test('a body without an end is cut off, silence is a timeout, and nothing there is unreachable', async (t) => {
  let endless = true;
  const server = await hosted((_request, response) => {
    if (!endless) return;
    response.on('error', () => {});
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(1 << 20, 'a')));
    };
    response.on('drain', more);
    more();
  });
  t.after(server.close);
  enrolStock({ ...parts, site: 'shed', url: server.url });
  const row = async (deadlineMs: number) =>
    (await ask(QUERY, { sites: ['shed'], deadlineMs })).coverage.sites[0];
  assert.match((await row(4_000))?.message ?? '', /larger than/);
  endless = false;
  assert.equal((await row(200))?.outcome, 'timeout');
  enrolStock({ ...parts, site: 'shed', url: 'http://127.0.0.1:1' });
  const nothing = await row(2_000);
  assert.deepEqual([nothing?.outcome, nothing?.code], ['unreachable', 'unreachable']);
});

test('plain text goes to this machine only, unless the operator says otherwise', () => {
  const at = (url: string, insecurePlain = false) =>
    enrolStock({ ...parts, site: 'far', url, insecurePlain });
  assert.throws(() => at('http://192.0.2.1:3030'), { code: 'bad_request', message: /--insecure-plain/ });
  assert.throws(() => at('http://name.example'), { code: 'bad_request' });
  assert.throws(() => at('ftp://localhost'), { code: 'bad_request' });
  assert.throws(() => at('http://me:secret@localhost'), { code: 'bad_request' });
  assert.throws(() => enrolStock({ ...parts, site: 'barn', url: 'http://localhost' }), {
    message: /barn is enrolled/,
  });
  assert.equal(at('http://192.0.2.1:3030/', true).address, 'http://192.0.2.1:3030');
  assert.equal(at('https://prolog.example').address, 'https://prolog.example');
  assert.equal(at('http://[::1]:3030').address, 'http://[::1]:3030');
});
