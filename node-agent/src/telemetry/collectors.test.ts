/** Collectors of a running site: real swipl, real SQLite, sources on loopback that answer, fail and hang. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogicError } from '@fleet/shared/errors.ts';
import { COLLECT_VALID_TURNS } from '@fleet/shared/limits.ts';
import { atEnd } from '../testing/folder.ts';
import { freePort, listening } from '../testing/loopback.ts';
import { client, makeSiteFolder, runSite, startSite, until } from '../testing/site.ts';
import { realWorld } from '../world.ts';
import { type CollectorPlan, Collectors } from './collectors.ts';
import { type Collector, fact, seenBy } from './observation.ts';

const EVERY_MS = 50;

const plan = (source: string, collect: Collector['collect'], timeoutMs = EVERY_MS): CollectorPlan => ({
  collector: { source, collect },
  everyMs: EVERY_MS,
  timeoutMs,
});

async function startCollectors(t: TestContext, ...plans: readonly CollectorPlan[]): Promise<Collectors> {
  const site = await startSite(t);
  const collectors = new Collectors(plans, site.telemetry);
  atEnd(t, () => collectors.stop());
  await collectors.start();
  return collectors;
}

test('a collector that hangs and one that fails cost the others nothing, and each says how it is', async (t) => {
  let good = 0;
  let hung = 0;
  let failed = 0;
  const collectors = await startCollectors(
    t,
    plan('good', async (now) => {
      good += 1;
      return seenBy('good', [fact('node_up', 'pve1', true), fact('node_load', 'pve1', 0.5)], {
        now,
        everyMs: EVERY_MS,
      });
    }),
    plan('hanging', () => {
      hung += 1;
      return new Promise(() => {});
    }),
    plan('failing', () => {
      failed += 1;
      throw new LogicError('source_refused', 'The token is wrong.');
    }),
    plan('partly', async (now, { missed }) => {
      missed(new LogicError('source_unreadable', 'One of two.'));
      return seenBy('partly', [fact('node_up', 'pve2', true)], { now, everyMs: EVERY_MS });
    }),
  );
  const before = good;
  await until(() => good >= before + 20, 'the good one goes on');
  assert.equal(hung, 1, 'a pass that does not end is waited for, by nobody else');
  // Waits of 50, 100, 200, 400, 800 ms, of which a quarter may go: about 5 in a second, not 20.
  assert.ok(failed >= 2 && failed < 10, `${failed} passes that failed`);
  const states = new Map(collectors.states().map((one) => [one.source, one]));
  const shown = (source: string) => {
    const { state, facts, lastError } = states.get(source) ?? assert.fail(source);
    return [state, facts, lastError?.code ?? null, lastError?.message ?? null];
  };
  assert.deepEqual(shown('good'), ['ok', 2, null, null]);
  assert.deepEqual(shown('hanging'), ['failing', 0, 'source_timeout', 'The pass had not ended after 50 ms.']);
  assert.deepEqual(shown('failing'), ['failing', 0, 'source_refused', 'The token is wrong.']);
  assert.deepEqual(shown('partly'), ['partly', 1, 'source_unreadable', 'One of two.']);
  assert.equal(states.get('hanging')?.lastSuccessAt, null);
  assert.equal(states.get('hanging')?.nextRunAt, null);
});

test('a fact that the catalogue does not allow fails the pass by name, and nothing of it is kept', async (t) => {
  const site = await startSite(t);
  const wrong = plan('wrong', async (now) =>
    seenBy('wrong', [fact('node_up', 'pve1', true), fact('node_uptime', 'pve1', 1)], {
      now,
      everyMs: 60_000,
    }),
  );
  const collectors = new Collectors([wrong], site.telemetry);
  atEnd(t, () => collectors.stop());
  await collectors.start();
  assert.equal(collectors.states()[0]?.state, 'failing');
  assert.equal(collectors.states()[0]?.lastError?.code, 'bad_fact');
  await site.telemetry.sync.settled();
  assert.equal((await client(site.url).site.ask.query({ query: 'node_up(N, U)' })).answers.length, 0);
});

test('a pass that ends after its time is over gives no facts', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const site = await startSite(t);
  const late = plan('late', async (now) => {
    await promise;
    return seenBy('late', [fact('node_up', 'pve1', true)], { now, everyMs: 60_000 });
  });
  const collectors = new Collectors([{ ...late, everyMs: 60_000 }], site.telemetry);
  atEnd(t, () => collectors.stop());
  await collectors.start();
  resolve();
  await until(() => collectors.states()[0]?.nextRunAt !== null, 'the late pass ends');
  await site.telemetry.sync.settled();
  assert.equal((await client(site.url).site.ask.query({ query: 'node_up(N, U)' })).answers.length, 0);
  assert.equal(collectors.states()[0]?.lastError?.code, 'source_timeout');
});

async function serve(t: TestContext, answer: RequestListener) {
  const server = createServer(answer);
  const port = await listening(server);
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  atEnd(t, stop);
  return { url: `http://127.0.0.1:${port}/metrics`, stop };
}

test('collectors.json: site.info and /healthz say how each source is, and a node whose source dies becomes unknown', async (t) => {
  const good = await serve(
    t,
    (_request, reply) => void reply.end('node_load1 1\nnode_cpu_seconds_total{cpu="0"} 1\n'),
  );
  const hangs = await serve(t, () => {});
  const exporter = (node: string, url: string) => ({
    kind: 'node_exporter',
    node,
    url,
    everyMs: 1_000,
    timeoutMs: 500,
  });
  const data = await makeSiteFolder(t);
  const closed = `http://127.0.0.1:${await freePort()}/metrics`;
  const collectors = [exporter('pve1', good.url), exporter('pve2', hangs.url), exporter('pve3', closed)];
  await writeFile(join(data, 'collectors.json'), JSON.stringify({ collectors }));
  const site = await runSite(t, data);
  const api = client(site.url).site;
  const status = async (node: string) =>
    (await api.ask.query({ query: `node_status(${node}, S)` })).answers.map(({ bindings }) => bindings);
  assert.deepEqual(await status('pve1'), [{ S: 'up' }]);
  for (const node of ['pve2', 'pve3']) assert.deepEqual(await status(node), [{ S: 'unknown' }]);
  const info = await api.info.query();
  assert.deepEqual(
    info.collectors.map(({ source, state, facts, lastError }) => [
      source,
      state,
      facts,
      lastError?.code ?? null,
    ]),
    [
      ['node_exporter:pve1', 'ok', 2, null],
      ['node_exporter:pve2', 'failing', 0, 'source_timeout'],
      ['node_exporter:pve3', 'failing', 0, 'source_unreachable'],
    ],
  );
  const health = (await (await fetch(`${site.url}/healthz`)).json()) as Pick<typeof info, 'collectors'>;
  assert.deepEqual(
    health.collectors.map(({ source }) => source),
    info.collectors.map(({ source }) => source),
  );
  const lastSeen = info.collectors[0]?.lastSuccessAt ?? 0;
  good.stop();
  let found = await status('pve1');
  while (found[0]?.S === 'up') {
    assert.ok(realWorld.now() < lastSeen + 20_000, 'it stays up');
    await new Promise((resolve) => setTimeout(resolve, 50));
    found = await status('pve1');
  }
  assert.deepEqual(found, [{ S: 'unknown' }]);
  const [dead] = (await api.info.query()).collectors;
  assert.deepEqual([dead?.state, dead?.lastError?.code, dead?.facts], ['failing', 'source_unreachable', 2]);
  const unknownAfterMs = realWorld.now() - (dead?.lastSuccessAt ?? 0);
  assert.ok(unknownAfterMs >= COLLECT_VALID_TURNS * 1_000 - 500, `unknown after ${unknownAfterMs} ms`);
});
