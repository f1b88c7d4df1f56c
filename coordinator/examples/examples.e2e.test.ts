/** Each example is run as its reader would run it, against a real coordinator with real agents. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { isErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { pino } from 'pino';
import { startCoordinator } from '../src/coordinator.ts';
import { connectFleet } from '../src/script-client.ts';
import { type AgentProcess, startAgent } from '../src/testing/agent-process.ts';
import { openTestFleet } from '../src/testing/site-server.ts';

const HERE = import.meta.dirname;
const parts = await openTestFleet();
const coordinator = await startCoordinator({
  data: parts.dir,
  kb: join(HERE, '../../kb'),
  listen: { host: '127.0.0.1', port: 0 },
  log: pino({ enabled: false }),
});
const { url } = coordinator;
const agents: AgentProcess[] = [];
after(async () => {
  await coordinator.close();
  await Promise.all(agents.map((agent) => agent.end()));
  await parts.close();
});
const started = await Promise.allSettled(
  ['alder', 'birch'].map(async (name, i) => {
    agents.push(await startAgent({ ...parts, name, seed: i + 1 }));
  }),
);
for (const result of started) if (result.status === 'rejected') throw result.reason;

async function run(program: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code, out, err };
}
const node = (file: string, ...args: string[]) => run(process.execPath, join(HERE, file), ...args);
const QUERY = 'node_load(Node, Load), Load >= 0.0';
const { fleet } = connectFleet({ url });

test('ask-fleet.ts prints a table of answers, and says what is wrong with a question', async () => {
  const { code, out, err } = await node('ask-fleet.ts', url, QUERY);
  assert.equal(code, 0, err);
  assert.match(out, /site +│ Node +│ Load +│ standing/);
  for (const site of ['alder', 'birch'])
    assert.match(out, new RegExp(`'${site}' +│ '[a-z0-9]+' +│ [0-9.]+ +│ 'verified'`));
  assert.match(out, /complete\n$/);
  const wrong = await node('ask-fleet.ts', url, 'shell(ls)');
  assert.deepEqual([wrong.code, wrong.out], [1, '']);
  assert.match(wrong.err, /^unknown_predicate: /);
  assert.match((await node('ask-fleet.ts', 'http://127.0.0.1:1')).err, /^unreachable: /);
});

test('ask.py, ten lines of Python over plain HTTP, prints the same answers', async () => {
  const { code, out, err } = await run('python3', join(HERE, 'ask.py'), url, QUERY);
  assert.equal(code, 0, err);
  const lines = out.trimEnd().split('\n');
  const { answers } = await fleet.ask.query({ query: QUERY });
  assert.equal(lines.length, answers.length);
  assert.match(
    lines[0] ?? '',
    /^alder verified \{"Load": [0-9.]+, "Node": "[a-z0-9]+"\}$|^alder verified \{"Node": "[a-z0-9]+", "Load": [0-9.]+\}$/,
  );
});

test('nightly-report.ts writes CSV with a record for every answer', async () => {
  const { code, out, err } = await node('nightly-report.ts', url, QUERY);
  assert.equal(code, 0, err);
  const records = out.split('\r\n');
  assert.equal(records.shift(), 'site,outcome,code,revision,Node,Load,standing');
  assert.equal(records.pop(), '');
  assert.match(records[0] ?? '', /^alder,answered,,\d+,[a-z0-9]+,[0-9.]+,verified$/);
  assert.ok(!out.replaceAll('\r\n', '').includes('\n'));
});

test('the client rejects with codes, streams sites as they answer, and ends the work when the script leaves', async () => {
  await assert.rejects(
    fleet.ask.query({ query: 'node(' }),
    (error) => error instanceof LogicError && error.code === 'syntax_error',
  );
  await assert.rejects(connectFleet({ url, token: 'no such token' }).fleet.sites.query(), {
    code: 'unauthorized',
  });
  await assert.rejects(connectFleet({ url: 'http://127.0.0.1:1' }).fleet.sites.query(), {
    code: 'unreachable',
  });
  assert.ok(isErrorCode('unreachable'));
  const told: string[] = [];
  for await (const event of fleet.stream.subscribe({ query: QUERY }))
    told.push(event.kind === 'site' ? event.outcome.site : event.kind);
  assert.deepEqual([told.slice(0, 2).sort(), told.slice(2)], [['alder', 'birch'], ['end']]);
  for await (const event of fleet.stream.subscribe({ query: QUERY })) {
    assert.equal(event.kind, 'site');
    break;
  }
});

test('a subscription that is refused, or to nobody, throws, and is not tried again', async () => {
  const read = async (from: ReturnType<typeof connectFleet>, query = QUERY) => {
    for await (const _ of from.fleet.stream.subscribe({ query })) assert.fail('nothing is told');
  };
  await assert.rejects(read(connectFleet({ url }), 'shell(ls)'), { code: 'unknown_predicate' });
  await assert.rejects(read(connectFleet({ url: 'http://127.0.0.1:1' })), { code: 'unreachable' });
  await assert.rejects(read(connectFleet({ url, token: 'no such token' })), {
    code: 'unreachable',
    message: /is the token right/,
  });
});

test('watch-and-page.ts pages once when an alert is raised and once when it is over, and keeps the alerts of a site that is silent', async (t) => {
  const cedar = await startAgent({ ...parts, name: 'cedar', seed: 3, collector: 'none' });
  let agent = cedar;
  t.after(() => agent.end());
  const pages: string[] = [];
  let wake = () => {};
  const receiver = createServer((request, response) => {
    void text(request).then((body) => {
      pages.push(body);
      response.end();
      wake();
    });
  });
  await new Promise<void>((resolve) => void receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  const child = spawn(process.execPath, [join(HERE, 'watch-and-page.ts'), url, `http://127.0.0.1:${port}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  t.after(async () => {
    child.kill();
    receiver.closeAllConnections();
    await new Promise((resolve) => receiver.close(resolve));
  });
  const paged = async (wanted: string) => {
    while (!pages.includes(wanted)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
  };
  await cedar.observe('node_up(pve1,false)');
  await paged('cedar: critical: node_down of pve1');
  await cedar.end();
  await paged('cedar is unreachable: its alerts are as they were');
  agent = await cedar.again();
  await paged('cedar is back');
  await agent.observe('node_up(pve1,true)');
  await paged('cedar: over: critical: node_down of pve1');
  const about = pages.filter((page) => page.includes('node_down of pve1') && page.startsWith('cedar'));
  assert.deepEqual(about, ['cedar: critical: node_down of pve1', 'cedar: over: critical: node_down of pve1']);
  await agent.end();
  parts.registry.setAddress('cedar', '127.0.0.1:1');
});

test('what the scripts asked is in the history, which holds', async () => {
  const { rows } = await fleet.history.query({ query: 'node_load' });
  assert.ok(rows.length >= 3);
  const watching = fleet.watch.subscribe({ query: QUERY, sites: ['alder'] });
  const { value } = await watching.next();
  assert.equal(value?.kind, 'state');
  const live = { query: QUERY, sites: ['alder'], live: true };
  assert.ok((await fleet.ask.query(live)).live !== undefined, 'it comes from the view');
  await fleet.ask.query(live);
  await watching.return?.();
  const { ok, faults } = await fleet.historyCheck.query({});
  assert.ok(ok, JSON.stringify(faults));
  const { answers } = await fleet.diff.query({ last: QUERY });
  assert.equal(answers.added.length, 0);
});

/** Last: a site is gone after this. */
test('a site that is missing is in the report by name, and the exit status says so', async () => {
  await agents.find(({ name }) => name === 'birch')?.end();
  const { code, out } = await node('nightly-report.ts', url, QUERY);
  assert.equal(code, 3);
  assert.match(out, /^birch,unreachable,unreachable,,,,\r$/m);
  const python = await run('python3', join(HERE, 'ask.py'), url, QUERY);
  assert.equal(python.code, 1);
  assert.match(python.err, /missing: birch, cedar/);
  const result = await fleet.ask.query({ query: QUERY, deadlineMs: 2_000, sites: ['alder', 'birch'] });
  const known = result.lastKnown.find(({ site }) => site === 'birch');
  assert.ok(known !== undefined && known.answers.length > 0, 'what it said last is offered, apart');
  assert.ok(result.answers.every(({ site }) => site !== 'birch'));
});
