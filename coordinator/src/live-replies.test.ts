/** The short way of an answer from a view says, byte for byte, what tRPC says; and leaves to tRPC what is not for it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { pino } from 'pino';
import { startCoordinator } from './coordinator.ts';
import { QUERY } from './testing/signed-reply.ts';
import { openTestFleet } from './testing/site-server.ts';
import { tellingSite } from './testing/telling.ts';
import { connectLive, watch } from './testing/watching.ts';

const KB = join(import.meta.dirname, '../../kb');
const manifest = await loadManifest(KB);
const parts = await openTestFleet();
const coordinator = await startCoordinator({
  ...{ data: parts.dir, kb: KB, log: pino({ enabled: false }) },
  listen: { host: '127.0.0.1', port: 0 },
});
const live = connectLive(coordinator.url);
after(async () => {
  live.close();
  await coordinator.close();
  await parts.close();
});
const barn = await tellingSite(parts, 'barn', manifest.bundle);
barn.tell({ revision: 10, load: '0.75' });
const watching = watch(live.client, { query: QUERY });
await watching.until(() => watching.rows('barn').join() === 'pve1 0.75', 'the state');

const JSON_TYPE = { 'content-type': 'application/json' };
const ASK = `${coordinator.url}/trpc/fleet.ask`;

async function send(url: string, body?: unknown, headers: Record<string, string> = JSON_TYPE) {
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
  const reply = await fetch(url, init);
  const { status } = reply;
  const [type, vary] = [reply.headers.get('content-type'), reply.headers.get('vary')];
  return { said: { status, type, vary }, text: await reply.text() };
}

const alone = (input: unknown) => send(ASK, input);
/** The same by tRPC's own way: a batch of one. */
async function byTrpc(input: unknown) {
  const { said, text } = await send(`${ASK}?batch=1`, { 0: input });
  assert.match(text, /^\[.*\]$/s);
  return { said, text: text.slice(1, -1) };
}

test('an answer from a view is the one that tRPC gives, by POST and by GET, for every asker until it changes', async () => {
  const input = { query: QUERY, live: true };
  const first = await alone(input);
  assert.equal(first.said.status, 200);
  assert.match(first.text, /^\{"result":\{"data":\{.*"live":\{"since":/s);
  assert.deepEqual(await byTrpc(input), first);
  assert.deepEqual(await alone(input), first);
  const inUrl = `${ASK}?input=${encodeURIComponent(JSON.stringify(input))}`;
  assert.deepEqual(await send(inUrl, undefined, {}), first);
  barn.tell({ revision: 11, load: '0.8' });
  await watching.until(() => watching.rows('barn').join() === 'pve1 0.8', 'the change');
  const changed = await alone(input);
  assert.notEqual(changed.text, first.text);
  assert.match(changed.text, /"L":0.8/);
  assert.deepEqual(await byTrpc(input), changed);
});

test('an answer is in the history, with who asked', async () => {
  const first = async () => (await live.client.fleet.history.query({ limit: 1 })).rows[0];
  const before = (await first())?.id ?? 0;
  barn.tell({ revision: 12, load: '0.85' });
  await watching.until(() => watching.rows('barn').join() === 'pve1 0.85', 'the change');
  await alone({ query: QUERY, live: true });
  let row = await first();
  while ((row?.id ?? 0) <= before) {
    await delay(20);
    row = await first();
  }
  assert.deepEqual([row?.query, row?.askedBy, row?.answers], [QUERY, 'loopback', 1]);
});

test('what is wrong with a question, tRPC says', async () => {
  for (const wrong of [
    { query: 'shell(ls)', live: true },
    { query: QUERY, live: true, maxAgeMs: 5 },
    { query: QUERY, live: true, sites: ['nowhere'] },
    { query: '', live: true },
    { query: QUERY, live: 'yes' },
    'no object',
  ]) {
    const said = await alone(wrong);
    assert.ok(said.said.status >= 400, JSON.stringify(wrong));
    assert.match(said.text, /^\{"error":\{.*"logic":\{/s);
    assert.deepEqual(said, await byTrpc(wrong));
  }
  const text = { 'content-type': 'text/plain' };
  assert.equal((await send(ASK, { query: QUERY, live: true }, text)).said.status, 400);
  const stream = { ...JSON_TYPE, 'trpc-accept': 'application/jsonl' };
  assert.equal((await send(ASK, { query: QUERY, live: true }, stream)).said.status, 400);
});

test('who may not call, may not take the short way either', async () => {
  const input = { query: QUERY, live: true };
  const foreign = await send(ASK, input, { ...JSON_TYPE, 'sec-fetch-site': 'cross-site' });
  assert.equal(foreign.said.status, 403);
  const unknown = await send(ASK, input, { ...JSON_TYPE, authorization: 'Bearer nobody' });
  assert.equal(unknown.said.status, 401);
});

test('where no view stands, the sites are asked', async () => {
  const { text } = await alone({ query: 'node_up(N, false)', live: true });
  const { data } = (
    JSON.parse(text) as { result: { data: { live?: object; coverage: { refused: number } } } }
  ).result;
  assert.deepEqual([data.live, data.coverage.refused], [undefined, 1], 'this site only tells');
  watching.leave();
});
