/** Sentences to a coordinator: sites over mutual TLS that say what a test has them say, an honest one and others. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { FleetTranslation, Translation } from '@fleet/shared/api/translate.ts';
import { isErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { createTRPCClient, httpLink, TRPCClientError } from '@trpc/client';
import { pino } from 'pino';
import { startCoordinator } from '../coordinator.ts';
import type { FleetRouter } from '../router.ts';
import { type Handler, openTestFleet, type TestFleet } from '../testing/site-server.ts';

const KB = join(import.meta.dirname, '../../../kb');
const QUERY = 'node_status(Node, Status)';

// One time in ten, with both ends of seven TLS sessions in one process, Node 24 never comes to the end of freeing what is left when nothing is left to
// do (gdb: Environment::CleanupHandles turns for ever). A program that is told to stop, as ours are, does not go there.
process.once('beforeExit', () => process.exit());

let fleet: TestFleet;
let coordinator: Awaited<ReturnType<typeof startCoordinator>>;
before(async () => {
  fleet = await openTestFleet();
  coordinator = await startCoordinator({
    data: fleet.dir,
    kb: KB,
    listen: { host: '127.0.0.1', port: 0 },
    log: pino({ enabled: false }),
  });
});
after(async () => {
  await coordinator.close();
  await fleet.close();
});

const calls = () =>
  createTRPCClient<FleetRouter>({
    links: [httpLink({ url: `${coordinator.url}/trpc`, methodOverride: 'POST' })],
  }).fleet;

const codeOf = (cause: unknown): unknown => {
  if (cause instanceof LogicError) return cause.code;
  assert.ok(cause instanceof TRPCClientError, String(cause));
  return cause.data?.logic?.code;
};
const refusedAs = (code: string) => (cause: unknown) => codeOf(cause) === code;

interface Heard {
  readonly path: string;
  readonly input: Record<string, unknown>;
}

/** A site that answers calls of its router with what `say` gives for a sentence; an error's code is refused so. */
async function siteSaying(name: string, say: (text: string) => unknown): Promise<Heard[]> {
  const heard: Heard[] = [];
  const handler: Handler = (stream, { headers, body }) => {
    // As a site does (SHARP-EDGES 10): a reply that nobody reads to its end must not stay behind.
    stream.once('aborted', () => stream.destroy());
    const [path, input] = [String(headers[':path']), JSON.parse(body)];
    heard.push({ path, input });
    const said = path === '/trpc/site.correct' ? { kept: true } : say(input.text);
    const isRefusal = typeof said === 'string' && isErrorCode(said);
    const error = {
      message: 'Refused.',
      code: -32603,
      data: { code: 'X', logic: { code: said, advice: '' } },
    };
    stream.respond({ ':status': isRefusal ? 503 : 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify(isRefusal ? { error } : { result: { data: said } }));
  };
  await fleet.site(name, handler);
  return heard;
}

const query = (text: string, more: Partial<Extract<Translation, { kind: 'query' }>> = {}): Translation => ({
  ...{ text, readAs: [], kind: 'query', query: QUERY, echo: 'the status of each node', confidence: 0.9 },
  ...more,
});
const unknown = (text: string): Translation => ({
  ...{ text, readAs: [], kind: 'unknown_name' },
  names: [{ written: text, near: [] }],
});

test('a coordinator without sites says that nobody translates, and its page still takes a query', async () => {
  await assert.rejects(calls().translate.query({ text: 'is all up' }), refusedAs('semantic_unavailable'));
  const text = await (await fetch(`${coordinator.url}/?say=is+all+up`)).text();
  assert.match(text, /Not translated: <code>semantic_unavailable<\/code>[\s\S]*<input id="q" name="q"/);
});

test('sites without a translator are passed over, old ones too, and the one that knows the names is found and named', async () => {
  await siteSaying('attic', () => 'semantic_unavailable');
  await siteSaying('barn', () => 'not_found');
  const heard = await siteSaying('cellar', (text) => (text === 'is nas9 up' ? unknown(text) : query(text)));
  const { site, ...rest } = await calls().translate.query({ text: 'is all up' });
  assert.deepEqual([site, rest], ['cellar', query('is all up')]);
  await siteSaying('den', (text) => query(text));
  const asked = heard.length;
  assert.equal((await calls().translate.query({ text: 'is all up' })).site, 'cellar');
  assert.equal(heard.length, asked + 1);
  assert.equal((await calls().translate.query({ text: 'is all up', site: 'den' })).site, 'den');
});

test('a site that is named is the only one asked, and its refusal is told as it is', async () => {
  const { translate } = calls();
  await assert.rejects(
    translate.query({ text: 'is all up', site: 'attic' }),
    refusedAs('semantic_unavailable'),
  );
  await assert.rejects(translate.query({ text: 'is all up', site: 'nobody' }), refusedAs('unknown_site'));
});

test('a query that may not be asked, and what is no translation, are refused: a site is a stranger', async () => {
  const lies: Readonly<Record<string, unknown>> = {
    shell: query('shell', { query: 'shell(ls)' }),
    escape: query('escape', { query: "node_status('\u001b[2J', S)" }),
    shape: { kind: 'query', text: 'shape' },
    options: {
      kind: 'did_you_mean',
      text: 'options',
      readAs: [],
      options: [{ query: 'halt', echo: '', confidence: 1 }],
    },
    large: { ...query('large'), text: 'x'.repeat(300_000) },
    steering: query('steering', { echo: 'up \u001b[2J\u202eand down' }),
  };
  await siteSaying('liar', (text) => lies[text]);
  const of = (text: string): Promise<FleetTranslation> => calls().translate.query({ text, site: 'liar' });
  for (const text of ['shell', 'escape', 'shape', 'options', 'large'])
    await assert.rejects(of(text), refusedAs('bad_reply'));
  const said = await of('steering');
  assert.equal(said.kind === 'query' && said.echo, 'up  [2J and down');
});

test('a correction goes to the site that translated, after the query was admitted here', async () => {
  const heard = await siteSaying('echo', (text) => query(text));
  const correction = { text: 'is all up', proposed: QUERY, query: 'node_status(N, down)', site: 'echo' };
  assert.deepEqual(await calls().correct.mutate(correction), { kept: true });
  const { site: _, ...sent } = correction;
  assert.deepEqual(heard, [{ path: '/trpc/site.correct', input: { ...sent, choice: false } }]);
  await assert.rejects(
    calls().correct.mutate({ ...correction, query: 'shell(ls)' }),
    refusedAs('unknown_predicate'),
  );
  await assert.rejects(calls().correct.mutate({ ...correction, site: null }), refusedAs('bad_request'));
  assert.equal(heard.length, 1);
});

test('an edited query of the page is sent to the site whose translation it was, and asked', async () => {
  const heard = await siteSaying('farm', (text) => query(text));
  const form = { text: 'is all up', proposed: QUERY, query: 'node_status(N, up)', keep: 'yes', site: 'farm' };
  const post = (headers: Readonly<Record<string, string>>) =>
    fetch(`${coordinator.url}/correct`, {
      method: 'POST',
      body: new URLSearchParams(form),
      redirect: 'manual',
      headers,
    });
  assert.equal((await post({ 'sec-fetch-site': 'cross-site' })).status, 403);
  assert.equal(heard.length, 0);
  const reply = await post({ 'sec-fetch-site': 'same-origin' });
  assert.equal(reply.status, 303);
  assert.match(reply.headers.get('location') ?? '', /^\/\?say=is\+all\+up&q=node_status/);
  assert.deepEqual(
    heard.map(({ path }) => path),
    ['/trpc/site.correct'],
  );
});
