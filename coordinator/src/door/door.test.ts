/** Whole sessions with a coordinator, as any Pengine client has them; its sites are real HTTP/2 servers that sign what they say. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { DOOR_CALLER_PENGINES } from '@fleet/shared/limits.ts';
import { openFleet } from '../query/pipeline.ts';
import { answering, NO_ANSWER, success } from '../testing/signed-reply.ts';
import { openTestFleet, type TestSite } from '../testing/site-server.ts';
import { realWorld } from '../world.ts';
import { type DoorRequest, FleetDoor } from './door.ts';

const manifest = await loadManifest(join(import.meta.dirname, '../../../kb'));
const parts = await openTestFleet();
after(() => parts.close());
/** What each site answers, as rows of `node(N)` with their proofs. */
const nodes: Record<string, readonly string[]> = { attic: ['pve2', 'pve1'].sort(), barn: ['nas', 'pve1'] };
const sites = new Map<string, TestSite>();
let held: (() => void)[] | null = null;
for (const name of Object.keys(nodes)) {
  const site = await parts.site(name, (stream, asked) => {
    const before = (said: Parameters<NonNullable<Parameters<typeof answering>[2]>['before'] & object>[0]) => {
      const rows = (nodes[name] ?? []).map(
        (node) => `[${node},[step(1,fact(node(${node}),inventory)),step(2,query([1]))]]`,
      );
      const names = rows.length === 0 ? NO_ANSWER : success(`[${rows.join(',')}]`);
      return { ...said, body: said.ask.includes('nobody') ? NO_ANSWER : names };
    };
    const answer = () =>
      answering(() => sites.get(name) as TestSite, manifest.bundle, { before })(stream, asked);
    if (held === null) answer();
    else held.push(answer);
  });
  sites.set(name, site);
}
const door = new FleetDoor(openFleet({ ...parts, manifest, world: realWorld }));
after(() => door.close());

const BASE: Omit<DoorRequest, 'action' | 'body'> = {
  method: 'POST',
  query: new URLSearchParams(),
  contentType: 'application/json',
  by: { name: 'me', role: 'viewer' },
  gone: new AbortController().signal,
};
const YOU = { name: 'you', role: 'viewer' } as const;
async function create(keys: object, more: Partial<DoorRequest> = {}) {
  const reply = await door.handle({
    ...BASE,
    action: 'create',
    body: Buffer.from(JSON.stringify(keys)),
    ...more,
  });
  return { status: reply.status, text: reply.body.toString(), json: jsonOf(reply.body) };
}
async function send(id: string, event: string, more: Partial<DoorRequest> = {}) {
  const query = new URLSearchParams({ id, format: 'json', event });
  const reply = await door.handle({ ...BASE, action: 'send', query, body: Buffer.alloc(0), ...more });
  return jsonOf(reply.body);
}
async function get(action: string, id: string) {
  const query = new URLSearchParams({ id, ids: id, format: 'json' });
  return jsonOf((await door.handle({ ...BASE, method: 'GET', action, query, body: Buffer.alloc(0) })).body);
}
interface Event {
  readonly event: string;
  readonly id: string;
  readonly data: unknown;
  readonly more?: boolean;
  readonly code?: string;
  readonly answer?: Event;
  readonly projection?: readonly string[];
}
function jsonOf(body: Buffer): Event {
  const text = body.toString();
  return text.startsWith('{') || text.startsWith('"') || text === 'true' ? JSON.parse(text) : ({} as Event);
}

test('the answers of all sites come distinct and in canonical order, and the pengine ends with its question', async () => {
  const { json } = await create({ ask: 'node(N)', chunk: 1000, format: 'json' });
  const { answer } = json;
  assert.equal(answer?.event, 'destroy');
  const said = answer.data as Event;
  assert.deepEqual(said.data, [{ N: 'nas' }, { N: 'pve1' }, { N: 'pve2' }]);
  assert.deepEqual([said.more, said.projection], [false, ['N']]);
  assert.equal(door.size, 0);
});

test('as Prolog text, with a template, and without one as the goal with its values', async () => {
  const withTemplate = await create({ ask: 'node(N)', template: 'v(N)', chunk: 1000, format: 'prolog' });
  assert.match(
    withTemplate.text,
    /^create\('([0-9a-f-]{36})',\[slave_limit\(32\),answer\(destroy\('\1',success\('\1',\[v\(nas\),v\(pve1\),v\(pve2\)\],\['N'\],[\d.e-]+,false\)\)\)\]\)\.\n$/,
  );
  const without = await create({ ask: 'node(N)', chunk: 1000, format: 'prolog' });
  assert.match(without.text, /success\('[^']+',\[node\(nas\),node\(pve1\),node\(pve2\)\],/);
  const none = await create({ ask: 'node(N), N == nobody', template: '[N]', chunk: 1000, format: 'prolog' });
  assert.match(none.text, /answer\(destroy\('([^']+)',failure\('\1',[\d.e-]+\)\)\)/);
});

test('a proof that is asked for stands in its row; the same proof from two sites is one row', async () => {
  const { text } = await create({
    ask: 'prove(node(N),P)',
    template: '[N,P]',
    chunk: 1000,
    format: 'prolog',
  });
  assert.match(text, /\[pve2,\[step\(1,fact\(node\(pve2\),inventory\)\),step\(2,query\(\[1\]\)\)\]\]/);
  assert.equal(text.match(/\[pve1,\[step/g)?.length, 1);
});

test('next walks the answers by the chunk, or by the number it names; stop gives up what is left', async () => {
  const { json } = await create({ ask: 'node(N)', template: '[N]', destroy: false, format: 'json' });
  const { id, answer } = json;
  assert.deepEqual([answer?.event, answer?.data, answer?.more], ['success', [['nas']], true]);
  assert.deepEqual((await send(id, 'next')).data, [['pve1']]);
  const last = await send(id, 'next(5)');
  assert.deepEqual([last.data, last.more], [[['pve2']], false]);
  assert.equal((await send(id, 'next')).code, 'bad_request');
  const again = await send(id, 'ask(node(N),[template(N),chunk(2)])');
  assert.deepEqual([again.data, again.more], [['nas', 'pve1'], true]);
  assert.equal((await send(id, 'stop')).event, 'stop');
  assert.equal((await send(id, 'next')).code, 'bad_request');
  assert.equal((await get('ping', id)).event, 'ping');
  assert.equal((await send(id, 'destroy')).event, 'destroy');
  assert.equal((await get('ping', id)).event, 'died');
  assert.equal((await send(id, 'next')).code, 'existence_error');
});

test('a pengine without a question waits for one; another caller does not know it', async () => {
  const { json } = await create({ destroy: false, format: 'json' });
  const { id } = json;
  assert.equal(json.answer, undefined);
  assert.equal((await send(id, 'ask(node(N),[])', { by: YOU })).code, 'existence_error');
  assert.deepEqual((await send(id, 'ask(node(N),[chunk(10)])')).data, [
    { N: 'nas' },
    { N: 'pve1' },
    { N: 'pve2' },
  ]);
  assert.equal((await get('pull_response', id)).code, 'bad_request');
  assert.equal(await get('destroy_all', id), 'ok');
  assert.equal(door.size, 0);
});

test('what a site refuses to read is refused here, with the same codes', async () => {
  const code = async (keys: object) => {
    const { json, status } = await create({ format: 'json', ...keys });
    return `${status} ${json.code}`;
  };
  assert.equal(await code({ ask: 'shell(N)' }), '200 unknown_predicate');
  assert.equal(await code({ ask: 'node(N' }), '200 syntax_error');
  assert.equal(await code({ ask: 'node(N)', src_text: 'a.' }), '200 forbidden_source');
  assert.equal(await code({ ask: 'node(N)', chunk: 0 }), '200 bad_request');
  assert.equal(await code({ ask: 'node(N)', sites: ['attic'] }), '200 bad_request');
  assert.equal(await code({ ask: 'node(N)', template: '[M]' }), '200 non_ground_answer');
  assert.equal((await door.handle({ ...BASE, action: 'list', body: Buffer.alloc(0) })).status, 404);
  assert.equal(door.size, 0, 'none stays behind');
});

test('over part of the fleet there is no answer, but an error that names who is missing; logic_partial takes what there is', async (t) => {
  const hung = await parts.site('cellar', (stream) => {
    stream.respond({ ':status': 503 });
    stream.end();
  });
  t.after(async () => {
    parts.registry.setStatus('cellar', 'revoked', null);
    await hung.kill();
  });
  const { json } = await create({ ask: 'node(N)', template: '[N]', format: 'json' });
  assert.deepEqual(
    [json.event, json.code, json.data],
    ['error', 'partial_coverage', '2 of 3 sites answered. Missing: cellar (error, not_ready).'],
  );
  const part = await create({ ask: 'node(N)', application: 'logic_partial', chunk: 9, format: 'json' });
  assert.deepEqual((part.json.answer?.data as Event).data, [{ N: 'nas' }, { N: 'pve1' }, { N: 'pve2' }]);
});

test('abort ends the question that runs, and so does its caller by leaving; nothing stays behind', async () => {
  const { json } = await create({ destroy: false, format: 'json' });
  held = [];
  const asking = send(json.id, 'ask(node(N),[])');
  assert.equal((await send(json.id, 'next')).code, 'busy');
  await get('abort', json.id);
  const ended = await asking;
  assert.deepEqual([ended.event, (ended.data as Event).event], ['destroy', 'abort']);
  assert.equal((await get('ping', json.id)).event, 'died');
  const leaving = new AbortController();
  const left = create({ ask: 'node(N)' }, { gone: leaving.signal });
  leaving.abort();
  await left;
  held = null;
  assert.equal(door.size, 0);
});

test('one caller cannot take all pengines', async () => {
  const made = await Promise.all(
    Array.from({ length: DOOR_CALLER_PENGINES + 1 }, () => create({ destroy: false, format: 'json' })),
  );
  assert.deepEqual(
    made.filter(({ status }) => status === 429).map(({ json }) => json.code),
    ['busy'],
  );
  assert.equal((await create({ destroy: false, format: 'json' }, { by: YOU })).status, 200);
  for (const { json } of made) await get('destroy_all', json.id ?? '');
});
