/** One engine that holds many sites: each answers from its own facts, through its own door, with its own signature. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { pino } from 'pino';
import { type Agent, startAgent } from '../agent.ts';
import { readConfig } from '../config.ts';
import { initSite } from '../init.ts';
import { diskFiles } from '../telemetry/files.ts';
import { observe } from '../telemetry/pipeline.ts';
import { temporaryFolder } from '../testing/folder.ts';
import { createPengine } from '../testing/pengines.ts';
import { client, seen, until } from '../testing/site.ts';
import { realWorld } from '../world.ts';
import { ENGINE_LIMITS } from './budget.ts';
import { startEngine } from './process.ts';
import { SharedEngine } from './shared-engine.ts';

/** Whose inventory differs: `lists` is also the name of a module of Prolog's. */
const NAMES = ['attic', 'lists'] as const;
const STATUS = 'node_status(Node, Status)';

interface House {
  readonly engine: SharedEngine;
  readonly agents: readonly [Agent, Agent];
}

async function startHouse(t: TestContext): Promise<House> {
  const folder = await temporaryFolder(t);
  const home = await initSite({ data: folder, site: 'house', inventory: 'sample', seed: 1 });
  const run = join(folder, 'run');
  await mkdir(run);
  const socket = (name: string) => join(run, `${name}.sock`);
  const sockets = { pengine: socket('pengine'), control: socket('control'), lane: socket('lane') };
  const log = pino({ level: 'silent' });
  const spawn = () => startEngine({ main: home.main, sockets, limits: ENGINE_LIMITS, log });
  const engine = new SharedEngine({ spawn, world: realWorld, log });
  const shared = { engine, manifest: await loadManifest(dirname(home.main)) };
  t.after(() => engine.stop());
  await engine.start();
  const start = async (site: string, seed: number) => {
    const data = join(dirname(home.main), 'sites', site);
    await initSite({ data, site, inventory: 'sample', seed });
    const config = readConfig({ site, data, http: '127.0.0.1:0', collector: 'none' });
    const agent = await startAgent(config, { world: realWorld, files: diskFiles, log, shared });
    t.after(() => agent.stop());
    await observe(seen(['node_up', 'pve1', site === 'attic']), agent.telemetry);
    await agent.telemetry.sync.settled();
    return agent;
  };
  return { engine, agents: [await start(NAMES[0], 3), await start(NAMES[1], 5)] };
}

async function statusOf({ http }: Agent): Promise<string | undefined> {
  const { answers } = await client(http ?? '').site.ask.query({ query: 'node_status(pve1, Status)' });
  assert.deepEqual(
    answers.map(({ standing }) => standing),
    ['verified'],
  );
  return answers[0]?.bindings.Status?.toString();
}

async function nodesOf({ http }: Agent): Promise<number> {
  const { answers } = await client(http ?? '').site.ask.query({ query: STATUS });
  return answers.length;
}

/** What telemetry said, with the evidence. Not the revision: an alert of its own moves that. */
async function seenUp({ http }: Agent) {
  const { answers } = await client(http ?? '').site.ask.query({ query: 'node_up(Node, Up)' });
  return answers.map(({ bindings, proof }) => ({ bindings, proof }));
}

test('sites of one engine answer from their own facts, and a commit at one changes none of the others', async (t) => {
  const { agents } = await startHouse(t);
  const [attic, lists] = agents;
  assert.deepEqual(await Promise.all(agents.map(statusOf)), ['up', 'down']);
  assert.notEqual(await nodesOf(attic), await nodesOf(lists));
  const before = await seenUp(lists);
  await observe(seen(['node_up', 'pve1', false]), attic.telemetry);
  await attic.telemetry.sync.settled();
  assert.deepEqual(await Promise.all(agents.map(statusOf)), ['down', 'down']);
  assert.deepEqual(await seenUp(lists), before);
});

test('sites of one engine that is killed are all there again with what they had', async (t) => {
  const { engine, agents } = await startHouse(t);
  process.kill(engine.pid ?? 0, 'SIGKILL');
  await until(() => agents.every((agent) => agent.engine.restarts === 1), 'the engine is seen to be gone');
  await until(() => agents.every((agent) => agent.engine.state === 'ready'), 'the engine is there again');
  assert.deepEqual(await Promise.all(agents.map(statusOf)), ['up', 'down']);
});

test('a whole Pengine session at a site of a shared engine is refused by name, not answered by another', async (t) => {
  const { agents } = await startHouse(t);
  const session = { application: 'logic', ask: STATUS, chunk: 1, destroy: false };
  const event = await createPengine(agents[0].http ?? '', session);
  assert.equal(event.event, 'error');
  assert.equal(event.code, 'not_ready');
});
