/** Sentences to a coordinator over real agents with the shipped model: by a site's translator, and by its own. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createTRPCClient, httpLink } from '@trpc/client';
import { pino } from 'pino';
import { type CoordinatorOptions, startCoordinator } from './coordinator.ts';
import type { FleetRouter } from './router.ts';
import { startAgent } from './testing/agent-process.ts';
import { run } from './testing/programs.ts';
import { openTestFleet } from './testing/site-server.ts';

const ROOT = join(import.meta.dirname, '../..');
const MODEL = join(ROOT, 'node-agent/llm/models/translator.gguf');

const parts = await openTestFleet();
const sites = await Promise.all(
  ['alder', 'birch'].map((name, i) => startAgent({ ...parts, name, seed: i + 1 })),
);
const options: CoordinatorOptions = {
  data: parts.dir,
  kb: join(ROOT, 'kb'),
  listen: { host: '127.0.0.1', port: 0 },
  log: pino({ enabled: false }),
};
let coordinator = await startCoordinator(options);
after(async () => {
  await coordinator.close();
  await Promise.all(sites.map((site) => site.end()));
  await parts.close();
});

const fleetAt = (url: string) =>
  createTRPCClient<FleetRouter>({ links: [httpLink({ url: `${url}/trpc`, methodOverride: 'POST' })] }).fleet;

test('a site translates over its mutual TLS session, and every site answers the query', async () => {
  const said = await fleetAt(coordinator.url).translate.query({
    text: 'how hot is each node?',
    site: 'birch',
  });
  assert.deepEqual([said.kind, said.site], ['query', 'birch']);
  const { code, out, err } = await run(
    'logic-fleet',
    'ask',
    '--say',
    'how hot is each node?',
    '--url',
    coordinator.url,
  );
  assert.equal(code, 0, err);
  assert.match(
    out,
    /^\(translated by birch\)\n[^\n]+\n {2}node_temp\(\w+, \w+\)\n\nalder\n[\s\S]*\nbirch\n[\s\S]*2 answered/,
  );
});

test('a correction ends in the log of the site whose translation it was', async () => {
  const correction = { text: 'hot ones', proposed: null, query: 'node_temp(N, T), T > 80.0', site: 'birch' };
  assert.deepEqual(await fleetAt(coordinator.url).correct.mutate(correction), { kept: true });
  const kept = await readFile(join(parts.dir, 'birch', 'translations.jsonl'), 'utf8');
  assert.match(kept, /"kind":"correction","text":"hot ones","proposed":null/);
});

test('a model without its settings is refused before anything is served', async () => {
  const llm = { socket: '/nowhere.sock', model: '/nowhere.gguf' };
  const data = join(parts.dir, 'refused');
  await assert.rejects(startCoordinator({ ...options, data, llm }), /nowhere\.json/);
});

test('a coordinator with a model of its own knows the names of all sites, keeps its own log, and leaves the history alone', async () => {
  // That of a site that has translated: to others it is a socket like any.
  const socket = join(parts.dir, 'birch', 'run', 'semantic.sock');
  await coordinator.close();
  coordinator = await startCoordinator({ ...options, llm: { socket, model: MODEL } });
  const { translate, history } = fleetAt(coordinator.url);
  const before = (await history.query({})).rows.length;
  const said = await translate.query({ text: 'how hot is pve1?' });
  assert.deepEqual(
    [said.kind === 'query' && said.query.startsWith('node_temp(pve1'), said.site],
    [true, null],
  );
  assert.equal((await translate.query({ text: 'is pve77 up?' })).kind, 'unknown_name');
  assert.equal((await translate.query({ text: 'how hot is pve1?', site: 'alder' })).site, 'alder');
  assert.equal((await history.query({})).rows.length, before);
  await coordinator.close();
  assert.match(await readFile(join(parts.dir, 'translations.jsonl'), 'utf8'), /"names":\["pve77"\]/);
  coordinator = await startCoordinator(options);
});
