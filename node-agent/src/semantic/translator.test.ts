/** Sentences at a real site: its names, the vetting by Prolog, places, the log, the page, and who may do what. */
import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Translation } from '@fleet/shared/api/translate.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { CALLER_SENTENCES_AT_ONCE } from '@fleet/shared/limits.ts';
import type { Translator } from '@fleet/shared/semantic/sentences.ts';
import { Tokens } from '@fleet/shared/tokens.ts';
import { createTRPCClient, httpLink, TRPCClientError } from '@trpc/client';
import type { SiteRouter } from '../router.ts';
import { observe } from '../telemetry/pipeline.ts';
import { endOfFile } from '../testing/folder.ts';
import { client, makeSiteFolder, runSite, seen } from '../testing/site.ts';
import { realWorld } from '../world.ts';
import { NamesOfSite } from './translator.ts';

const option = (query: string, echo: string) => ({ query, echo, confidence: 0.9 });
const SAID: Readonly<Record<string, (text: string) => Translation>> = {
  'hot <b>boxs</b>': (text) => ({
    ...{ text, kind: 'query', readAs: [{ written: 'boxs', read: 'boxes' }] },
    ...option('node_status(Node, S)', 'the status <of> each node'),
  }),
  'what is warm': (text) => ({
    ...{ text, readAs: [], kind: 'did_you_mean' },
    options: [
      option('node_temp(Node, Temp)', 'temperatures'),
      option('at_risk_of_throttling(Node)', 'at risk'),
    ],
  }),
  'is nas9 up': (text) => ({
    text,
    readAs: [],
    kind: 'unknown_name',
    names: [{ written: 'nas9', near: ['pve1'] }],
  }),
  'reboot pve1': (text) => ({ text, readAs: [], kind: 'order', examples: ['is pve1 up?'] }),
};

/** Says what a test needs said: what a model says is for the tests of the model. */
const scripted: Translator = {
  translate: async (text, signal) => {
    if (text === 'wait') {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => reject(signal.reason));
      return promise;
    }
    if (text === 'stopped') throw new LogicError('semantic_unavailable', 'The translator is not running.');
    return SAID[text]?.(text) ?? { text, readAs: [], kind: 'abstain', examples: ['is pve1 up?', 'a', 'b'] };
  },
};

const ending = endOfFile(after);
let data: string;
let site: Awaited<ReturnType<typeof runSite>>;
before(async () => {
  data = await makeSiteFolder(ending);
  site = await runSite(ending, data, { parts: { translator: scripted } });
});

function codeOf(cause: unknown): unknown {
  if (cause instanceof LogicError) return cause.code;
  assert.ok(cause instanceof TRPCClientError, String(cause));
  return (cause.data as { logic: { code: string } }).logic.code;
}

const refusedAs = (code: string) => (cause: unknown) => codeOf(cause) === code;

const BAD = [
  ['shell(ls)', 'unknown_predicate'],
  ['node(N', 'syntax_error'],
  ['node_status(N, melted)', 'type_error'],
] as const;

test('the names of a site are those of its inventory and state, and follow its revision', async () => {
  const names = new NamesOfSite(site.query, () => site.telemetry.sync.revision);
  const first = await names.get();
  assert.deepEqual(first.find('PVE-1'), [{ kind: 'node', name: 'pve1' }]);
  assert.deepEqual(first.find('/srv'), []);
  assert.equal(await names.get(), first);
  await observe(seen(['node_disk_available', 'pve1', '/srv', 10n]), site.telemetry);
  await site.telemetry.sync.settled();
  assert.deepEqual((await names.get()).find('/srv'), [{ kind: 'mount', name: '/srv' }]);
});

test('site.translate gives the query and runs nothing; a sentence too long, and a stopped translator, are typed errors', async () => {
  const { translate } = client(site.url).site;
  const said = await translate.query({ text: '  hot <b>boxs</b> ' });
  assert.deepEqual(said.kind === 'query' && said.query, 'node_status(Node, S)');
  await assert.rejects(translate.query({ text: 'x'.repeat(401) }), refusedAs('bad_request'));
  await assert.rejects(translate.query({ text: 'stopped' }), refusedAs('semantic_unavailable'));
  const { answers } = await client(site.url).site.ask.query({ query: 'node(N)' });
  assert.ok(answers.length > 0);
});

test('a caller has few places for sentences, leaves them when it goes, and questions are answered meanwhile', async () => {
  const gone = new AbortController();
  const { translate, ask } = client(site.url).site;
  const waiting = Array.from({ length: CALLER_SENTENCES_AT_ONCE }, () =>
    translate.query({ text: 'wait' }, { signal: gone.signal }).catch(() => 'left'),
  );
  const busy = async () => {
    for (;;) {
      const code = await translate.query({ text: 'is nas9 up' }).then(() => null, codeOf);
      if (code !== null) return code;
    }
  };
  assert.equal(await busy(), 'busy');
  assert.ok((await ask.query({ query: 'node(N)' })).complete);
  gone.abort();
  assert.deepEqual(
    await Promise.all(waiting),
    waiting.map(() => 'left'),
  );
  while ((await translate.query({ text: 'is nas9 up' }).then(() => null, codeOf)) !== null);
});

test('what was not understood, chosen and corrected is kept without a name, and only an operator takes it out', async () => {
  const { site: calls } = client(site.url);
  for (const text of ['who won the match', 'reboot pve1', 'is nas9 up'])
    await calls.translate.query({ text });
  const first = 'node_temp(Node, Temp)';
  assert.deepEqual(
    await calls.correct.mutate({
      text: 'what is warm',
      proposed: first,
      query: 'at_risk_of_throttling(N)',
      choice: true,
    }),
    { kept: true },
  );
  await calls.correct.mutate({ text: 'hot boxs', proposed: first, query: 'node_temp(pve1, T)' });
  for (const [query, code] of BAD)
    await assert.rejects(calls.correct.mutate({ text: 'x', proposed: null, query }), refusedAs(code));
  const tokens = new Tokens(data, realWorld);
  const [eve, olga] = [tokens.create('eve', 'viewer'), tokens.create('olga', 'operator')];
  const by = (token: string) =>
    createTRPCClient<SiteRouter>({
      links: [httpLink({ url: `${site.url}/trpc`, headers: { authorization: `Bearer ${token}` } })],
    });
  await assert.rejects(by(eve).site.translations.query(), refusedAs('forbidden'));
  const { lines } = await by(olga).site.translations.query();
  const kept = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const last = kept.slice(-2);
  assert.deepEqual(
    last.map(({ at: _, ...rest }) => rest),
    [
      { kind: 'choice', text: 'what is warm', proposed: first, query: 'at_risk_of_throttling(N)' },
      { kind: 'correction', text: 'hot boxs', proposed: first, query: 'node_temp(pve1, T)' },
    ],
  );
  assert.deepEqual(
    ['abstain', 'order', 'unknown_name'].filter((kind) => !kept.some((one) => one.kind === kind)),
    [],
  );
  assert.doesNotMatch(lines, /olga|eve|loopback/);
});

const page = (query: Readonly<Record<string, string>>) => fetch(`${site.url}/?${new URLSearchParams(query)}`);
const post = (form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${site.url}/correct`, {
    method: 'POST',
    body: new URLSearchParams(form),
    redirect: 'manual',
    headers,
  });

test('the page shows what was read, the query in words and in its box, and the answer; all of it escaped', async () => {
  const reply = await page({ say: 'hot <b>boxs</b>' });
  const text = await reply.text();
  assert.equal(reply.status, 200);
  assert.match(text, /I read <q>boxs<\/q> as <em>boxes<\/em>/);
  assert.match(text, /<strong>the status &lt;of&gt; each node<\/strong>/);
  assert.match(text, /<input id="q" name="query" value="node_status\(Node, S\)"/);
  assert.match(text, /<td>pve1<\/td>[\s\S]*<summary>Proof<\/summary>/);
  assert.doesNotMatch(text, /<b>boxs|<script/);
});

test('the page asks back with a button for each, offers examples, near names, and the query box where there is no translator', async () => {
  const warm = await (await page({ say: 'what is warm' })).text();
  assert.equal([...warm.matchAll(/<form method="post" action="\/correct">/g)].length, 2);
  assert.doesNotMatch(warm, /id="answers"/);
  assert.match(await (await page({ say: 'who won' })).text(), /name="say" value="is pve1 up\?"/);
  assert.match(await (await page({ say: 'is nas9 up' })).text(), /name="say" value="is pve1 up"/);
  assert.match(await (await page({ say: 'reboot pve1' })).text(), /Nothing was done/);
  const stopped = await page({ say: 'stopped' });
  const text = await stopped.text();
  assert.equal(stopped.status, 503);
  assert.match(text, /Not translated: <code>semantic_unavailable<\/code>/);
  assert.match(text, /<input id="q" name="q"/);
});

test('an edited query is kept as a correction and asked; an unchanged one, and one not to be kept, are only asked', async () => {
  const form = { text: 'hot boxes', proposed: 'node(N)', query: 'node_temp(N, T)', site: '' };
  const before = (await client(site.url).site.translations.query()).lines;
  for (const quiet of [form, { ...form, query: 'node(N)', keep: 'yes' }])
    assert.equal((await post(quiet)).status, 303);
  assert.equal((await client(site.url).site.translations.query()).lines, before);
  const reply = await post({ ...form, keep: 'yes' });
  const to = reply.headers.get('location') ?? '';
  assert.equal(reply.status, 303);
  assert.deepEqual(Object.fromEntries(new URLSearchParams(to.slice(2))), {
    say: 'hot boxes',
    q: 'node_temp(N, T)',
    proposed: 'node(N)',
    site: '',
  });
  const { lines } = await client(site.url).site.translations.query();
  assert.match(lines.slice(before.length), /^[^\n]*"kind":"correction","text":"hot boxes"[^\n]*\n$/);
  assert.match(await (await fetch(new URL(to, site.url))).text(), /id="answers"/);
  const refused = await post({ ...form, query: 'shell(ls)', keep: 'yes' });
  const told = await fetch(new URL(refused.headers.get('location') ?? '', site.url));
  assert.match(await told.text(), /Not asked: <code>unknown_predicate<\/code>/);
});

test('no page of another origin may post a correction, and the form of the page may', async () => {
  const form = { text: 'a', proposed: '', query: 'node(N)', keep: 'yes' };
  assert.equal((await post(form, { origin: 'https://elsewhere.example' })).status, 403);
  assert.equal((await post(form, { origin: 'null' })).status, 403);
  assert.equal((await post(form, { origin: site.url })).status, 303);
  assert.equal((await page({})).headers.get('referrer-policy'), 'same-origin');
});

test('a full disk takes no correction and harms no translation', async (t) => {
  const full = await makeSiteFolder(t);
  await symlink('/dev/full', join(full, 'translations.jsonl'));
  const other = await runSite(t, full, { parts: { translator: scripted } });
  const { translate, correct } = client(other.url).site;
  assert.equal((await translate.query({ text: 'who won' })).kind, 'abstain');
  assert.deepEqual(await correct.mutate({ text: 'a', proposed: null, query: 'node(N)' }), { kept: false });
});

test('a site without a model says how to ask instead', async (t) => {
  const other = await runSite(t, await makeSiteFolder(t), { flags: { llmModel: 'none' } });
  await assert.rejects(
    client(other.url).site.translate.query({ text: 'is pve1 up' }),
    refusedAs('semantic_unavailable'),
  );
});
