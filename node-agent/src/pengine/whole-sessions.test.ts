/** Whole Pengine sessions through the real library(pengines): every action and event of docs/protocol.md section 4. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { QUESTION_WALL_MS } from '@fleet/shared/limits.ts';
import { endOfFile } from '../testing/folder.ts';
import { createPengine, type PengineEvent, postPengine, sendPengine } from '../testing/pengines.ts';
import { ENDLESS, startSite, until } from '../testing/site.ts';

const ending = endOfFile(after);
let site: Awaited<ReturnType<typeof startSite>>;
before(async () => {
  site = await startSite(ending);
});

const create = (keys: Readonly<Record<string, unknown>>) =>
  createPengine(site.url, { destroy: false, ...keys });
const send = (id: string, event: string) => sendPengine(site.url, id, event);

async function get(action: string, id: string): Promise<PengineEvent> {
  return (await fetch(`${site.url}/pengine/${action}?id=${id}&format=json`)).json() as Promise<PengineEvent>;
}

test('answers come in pages of the size last asked for, and the last page says that there are no more', async () => {
  const { id, answer } = await create({ ask: 'node(N)', chunk: 1 });
  assert.deepEqual([answer?.data, answer?.more], [[{ N: 'pve1' }], true]);
  const two = await send(id, 'next(2).');
  assert.deepEqual([two.data, two.more], [[{ N: 'pve2' }, { N: 'pve3' }], true]);
  const rest = await send(id, 'next(1000).');
  assert.deepEqual([rest.data, rest.more], [[{ N: 'pve4' }, { N: 'sentry' }], false]);
  assert.equal((await send(id, 'destroy.')).event, 'destroy');
});

test('a pengine without a question waits for one, and each question is a snapshot of its own', async () => {
  const { id, event, answer } = await create({});
  assert.deepEqual([event, answer], ['create', undefined]);
  const first = await send(id, 'ask(node(N),[template(v(N)),chunk(1)]).');
  assert.deepEqual([first.event, first.more], ['success', true]);
  const instead = await send(id, 'ask(node(pve3),[template(v)]).');
  assert.deepEqual(
    [instead.event, instead.data],
    ['success', ['v']],
    'a new question takes the place of one with answers left',
  );
  assert.equal((await send(id, 'ask(node(N),[]).')).event, 'success');
  assert.equal((await send(id, 'stop.')).event, 'stop');
  assert.equal((await send(id, 'next.')).code, 'bad_request', 'nothing is left to give');
  assert.equal((await send(id, 'ask((node(N), N == nobody),[]).')).event, 'failure');
  assert.equal((await send(id, 'destroy.')).event, 'destroy');
});

test('ping tells an idle pengine from one that is gone', async () => {
  const { id } = await create({ ask: 'node(N)' });
  const idle = await get('ping', id);
  assert.equal(idle.event, 'ping');
  await fetch(`${site.url}/pengine/destroy_all?ids=${id}`);
  assert.equal((await get('ping', id)).event, 'died');
});

test('abort ends a question, whether it is still vetted or runs, long before its time is over', async () => {
  for (let round = 0; round < 40; round += 1) {
    const { id } = await create({});
    const asked = send(id, `ask((${ENDLESS}),[]).`);
    await until(() => site.door.running === 1, 'it is with the engine');
    const began = performance.now();
    await get('abort', id);
    assert.equal((await asked).event, 'abort');
    assert.ok(performance.now() - began < QUESTION_WALL_MS / 2);
    await until(() => site.door.running === 0, 'its place is free');
    await fetch(`${site.url}/pengine/destroy_all?ids=${id}`);
  }
  assert.equal(site.door.sessions, 0);
});

test('two requests to one pengine at once: the second is told busy, and the first is answered', async () => {
  const { id } = await create({});
  const asked = send(id, `ask((${ENDLESS}),[]).`);
  await until(() => site.door.running === 1, 'it runs');
  assert.equal((await send(id, 'stop.')).code, 'busy');
  assert.match((await asked).code ?? '', /^(time|inference)_limit$/);
  await fetch(`${site.url}/pengine/destroy_all?ids=${id}`);
});

test('callers that leave their first create give their places back at once, and leave no thread', async () => {
  for (let round = 0; round < 8; round += 1) {
    const gone = new AbortController();
    const body = JSON.stringify({ ask: ENDLESS, destroy: round % 2 === 0 });
    const asked = postPengine(site.url, 'create', body, { signal: gone.signal });
    await until(() => site.door.running === 1, 'the question runs');
    gone.abort();
    await assert.rejects(asked);
    await until(() => site.door.running === 0, 'its place is free', QUESTION_WALL_MS / 2);
  }
  assert.equal(site.door.sessions, 0);
  assert.equal((await create({ ask: 'node(N)', chunk: 1000, destroy: true })).event, 'create');
  assert.equal(site.engine.restarts, 0);
});
