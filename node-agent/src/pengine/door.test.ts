/** The door over plain HTTP, with requests that no stock client would send: refusals, bounds, whose pengine it is. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  CALLER_QUESTIONS_AT_ONCE,
  CALLER_SESSIONS,
  PENGINE_SESSIONS,
  QUESTION_WALL_MS,
  REQUEST_BODY_BYTES,
} from '@fleet/shared/limits.ts';
import { readStamp, verifyReply } from '@fleet/shared/reply.ts';
import { observe } from '../telemetry/pipeline.ts';
import { endOfFile } from '../testing/folder.ts';
import { createPengine, type PengineEvent, postPengine, sendPengine } from '../testing/pengines.ts';
import { ENDLESS, HUGE, makeSiteFolder, runSite, SITE, seen, until } from '../testing/site.ts';

type Site = Awaited<ReturnType<typeof runSite>>;

const ending = endOfFile(after);
let site: Site;
let data = '';
before(async () => {
  data = await makeSiteFolder(ending);
  site = await runSite(ending, data);
  await observe(seen(['node_up', 'pve1', true], ['node_load', 'pve1', 0.5]), site.telemetry);
  await site.telemetry.sync.settled();
});

const post = (path: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
  postPengine(site.url, path, body, { headers });
const create = (keys: Readonly<Record<string, unknown>>) => createPengine(site.url, keys);
const send = (id: string, event: string) => sendPengine(site.url, id, event);

const BAD: readonly (readonly [string, string])[] = [
  ['node_up(A', 'syntax_error'],
  ['shell(ls)', 'unknown_predicate'],
  ['no_such(X)', 'unknown_predicate'],
  ['node(X), Y == Z', 'unbound_argument'],
  ['node(N) ; vm(V)', 'non_ground_answer'],
  ['node_up(pve1, maybe)', 'type_error'],
  ['node_up(N, U), U > 1', 'type_error'],
  ['1 =:= 1 // 0', 'evaluation_error'],
  [HUGE, 'memory_limit'],
  [ENDLESS, '(time|inference)_limit'],
];

for (const [ask, code] of BAD) {
  test(`${ask.slice(0, 40)} is told ${code} in both formats, and the site keeps serving`, async () => {
    const json = await create({ ask });
    const event = json.answer ?? json;
    const told = event.event === 'destroy' ? (event.data as PengineEvent) : event;
    assert.equal(told.event, 'error');
    assert.match(told.code ?? '', new RegExp(`^${code}$`));
    assert.equal(typeof told.data, 'string');
    const prolog = await (await post('create', JSON.stringify({ ask }))).text();
    assert.match(prolog, new RegExp(`error\\('[0-9a-f-]{36}',error\\(logic\\(${code},'[^']+'\\),_`));
    assert.equal((await create({ ask: 'node_load(N, L)' })).answer?.event, 'destroy');
    assert.equal(site.door.sessions, 0);
  });
}

test('a body of 10 MB is told too_large by its HTTP status and a typed body', async () => {
  const reply = await post('create', JSON.stringify({ ask: 'x'.repeat(10 * 1024 * 1024) }));
  assert.equal(reply.status, 413);
  const { code } = (await reply.json()) as PengineEvent;
  assert.equal(code, 'too_large');
  const query = await create({ ask: `node('${'x'.repeat(REQUEST_BODY_BYTES / 4)}')` });
  assert.equal(query.code, 'too_large');
});

test('what is no request of the protocol is refused by name', async () => {
  const status = async (reply: Promise<Response>) => {
    const { status: http, ...rest } = await reply.then(async (given) => ({
      status: given.status,
      ...((await given.json()) as PengineEvent),
    }));
    return [http, rest.code];
  };
  assert.deepEqual(await status(post('create', '{"ask":')), [200, 'bad_request']);
  assert.deepEqual(await status(post('create', '{"ask":"node(X)","format":"json","solutions":"all"}')), [
    200,
    'bad_request',
  ]);
  assert.deepEqual(await status(post('create', '{"ask":"p","src_text":"p.","format":"json"}')), [
    200,
    'forbidden_source',
  ]);
  assert.deepEqual(await status(post('detach?id=x', '')), [404, 'not_found']);
  assert.deepEqual(await status(fetch(`${site.url}/pengine/list`)), [404, 'not_found']);
  assert.deepEqual(await status(fetch(`${site.url}/nowhere`)), [404, 'not_found']);
});

test('each reply to a question is signed over its exact bytes, for the nonce that was sent', async () => {
  const key = createPublicKey(await readFile(join(data, 'tls', 'key.pem'), 'utf8'));
  const nonce = '0123456789abcdef0123456789abcdef';
  for (const ask of ['node_load(N, L)', 'shell(ls)', ENDLESS, 'node_load(N, L), L > 9.0']) {
    const reply = await post('create', JSON.stringify({ ask, chunk: 10 }), { 'logic-nonce': nonce });
    const body = Buffer.from(await reply.arrayBuffer());
    const stamp = readStamp(Object.fromEntries(reply.headers));
    assert.deepEqual([stamp.site, stamp.nonce, stamp.revision], [SITE, nonce, 1]);
    verifyReply({ ...stamp, ask, body }, stamp, key);
    assert.throws(() => verifyReply({ ...stamp, ask: `${ask} `, body }, stamp, key), {
      code: 'bad_signature',
    });
  }
  assert.equal(
    (
      (await (
        await post('create', '{"ask":"node(X)","format":"json"}', { 'logic-nonce': 'xyz' })
      ).json()) as PengineEvent
    ).code,
    'bad_request',
  );
});

test('next walks the answers, stop and a new ask work, and destroy ends the pengine', async () => {
  const created = await create({ ask: 'node(N)', chunk: 2, destroy: false });
  assert.deepEqual(created.answer?.data, [{ N: 'pve1' }, { N: 'pve2' }]);
  const { id } = created;
  assert.deepEqual((await send(id, 'next(1).')).data, [{ N: 'pve3' }]);
  assert.equal((await send(id, 'stop.')).event, 'stop');
  assert.deepEqual((await send(id, 'ask((node_up(N,U)),[chunk(5)]).')).data, [{ N: 'pve1', U: 'true' }]);
  assert.equal((await send(id, 'ask(shell(ls),[]).')).code, 'unknown_predicate');
  assert.equal(
    ((await (await fetch(`${site.url}/pengine/ping?id=${id}&format=json`)).json()) as PengineEvent).event,
    'ping',
  );
  assert.equal((await send(id, 'destroy.')).event, 'destroy');
  assert.deepEqual([(await send(id, 'next.')).code, site.door.sessions], ['existence_error', 0]);
});

test("an id that is nobody's gets the protocol's own replies", async () => {
  const id = '00000000-0000-0000-0000-000000000000';
  const { code, arg2 } = await send(id, 'next.');
  assert.deepEqual([code, arg2], ['existence_error', id]);
  const get = async (action: string) =>
    (await fetch(`${site.url}/pengine/${action}?id=${id}&format=json`)).json() as Promise<PengineEvent>;
  assert.equal((await get('ping')).event, 'died');
  assert.equal((await get('pull_response')).code, 'existence_error');
  assert.equal((await get('abort')).code, 'existence_error');
  assert.equal(await (await fetch(`${site.url}/pengine/destroy_all?ids=${id},x`)).text(), '"ok"');
  const prolog = await (await post(`send?id=it's`, 'next.')).text();
  assert.equal(prolog, "error('it\\'s',error(existence_error(pengine,'it\\'s'),_)).\n");
});

test("a pengine is its caller's alone", async () => {
  const { id } = await create({ ask: 'node(N)', destroy: false });
  const other = await site.door.handle({
    method: 'POST',
    action: 'send',
    query: new URLSearchParams({ id, format: 'json' }),
    contentType: 'application/x-prolog',
    body: Buffer.from('next.'),
    nonce: '',
    caller: 'another certificate',
    gone: new AbortController().signal,
  });
  assert.equal((JSON.parse(other.body.toString()) as PengineEvent).code, 'existence_error');
  assert.equal((await send(id, 'next.')).event, 'success');
  await fetch(`${site.url}/pengine/destroy_all?ids=${id}`);
  assert.equal(site.door.sessions, 0);
});

test('a caller that goes away takes its pengine along', async () => {
  const gone = new AbortController();
  const body = JSON.stringify({ ask: ENDLESS, destroy: false });
  const asked = postPengine(site.url, 'create', body, { signal: gone.signal });
  await until(() => site.door.running > 0, 'the question runs');
  gone.abort();
  await assert.rejects(asked);
  await until(
    () => site.door.running === 0,
    'its place is free before its time is over',
    QUESTION_WALL_MS / 2,
  );
  assert.equal(site.door.sessions, 0);
  const { id } = await create({ ask: 'node(N)', destroy: false });
  const leaving = new AbortController();
  const sent = fetch(`${site.url}/pengine/send?id=${id}&format=json`, {
    method: 'POST',
    signal: leaving.signal,
    headers: { 'content-type': 'application/x-prolog' },
    body: `ask((${ENDLESS}),[]).`,
  });
  await until(() => site.door.running > 0, 'the second question runs');
  leaving.abort();
  await assert.rejects(sent);
  await until(() => site.door.sessions === 0 && site.door.running === 0, 'its pengine is gone');
});

test('one question too many at once is told busy with a retry-after, and those before it are answered', async () => {
  const running = Array.from({ length: CALLER_QUESTIONS_AT_ONCE }, () => create({ ask: ENDLESS }));
  await until(() => site.door.running === CALLER_QUESTIONS_AT_ONCE, 'all run');
  const reply = await post('create', '{"ask":"node(X)"}');
  assert.deepEqual([reply.status, reply.headers.get('retry-after')], [429, '1']);
  assert.equal(((await reply.json()) as PengineEvent).code, 'busy');
  assert.equal(
    (await asAnother('create', { ask: 'node(X)' })).event,
    'create',
    'another caller has its own places',
  );
  for (const event of await Promise.all(running))
    assert.match(JSON.stringify(event), /"code":"(time|inference)_limit"/);
});

test('pengines that are kept open are bounded, in all and of one caller', async () => {
  const open = () => create({ ask: 'node(N)', destroy: false });
  const mine: string[] = [];
  for (let at = 0; at < CALLER_SESSIONS; at += 1) mine.push((await open()).id);
  assert.equal((await open()).code, 'busy');
  const others: string[] = [];
  for (let at = 0; at < PENGINE_SESSIONS - CALLER_SESSIONS; at += 1)
    others.push((await asAnother('create', { ask: 'node(N)', destroy: false })).id);
  assert.equal(site.door.sessions, PENGINE_SESSIONS);
  assert.equal((await asAnother('create', { ask: 'node(N)', destroy: false })).code, 'busy');
  await fetch(`${site.url}/pengine/destroy_all?ids=${[...mine, ...others].join(',')}`);
  assert.equal(site.door.sessions, PENGINE_SESSIONS - CALLER_SESSIONS, 'those of another are not ended');
  assert.equal((await create({ ask: 'node_load(N, L)' })).event, 'create');
});

/** A request by a caller that is not loopback. */
async function asAnother(action: string, keys: Readonly<Record<string, unknown>>): Promise<PengineEvent> {
  const { body } = await site.door.handle({
    method: 'POST',
    action,
    query: new URLSearchParams(),
    contentType: 'application/json',
    body: Buffer.from(JSON.stringify({ format: 'json', ...keys })),
    nonce: '',
    caller: 'another',
    gone: new AbortController().signal,
  });
  return JSON.parse(body.toString()) as PengineEvent;
}
