/** A question as a stream, over SSE and over WebSocket, to sites that hold their reply, and to a real agent that computes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { StreamEvent } from '@fleet/shared/api/ask.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import {
  createTRPCClient,
  createWSClient,
  httpSubscriptionLink,
  TRPCClientError,
  wsLink,
} from '@trpc/client';
import { pino } from 'pino';
import { EventSource } from 'undici';
import { startCoordinator } from '../coordinator.ts';
import type { FleetRouter } from '../router.ts';
import { type AgentProcess, startAgent } from '../testing/agent-process.ts';
import { answering, QUERY } from '../testing/signed-reply.ts';
import { openTestFleet, type TestSite } from '../testing/site-server.ts';

const KB = join(import.meta.dirname, '../../../kb');
const manifest = await loadManifest(KB);
const parts = await openTestFleet();
const coordinator = await startCoordinator({
  data: parts.dir,
  kb: KB,
  listen: { host: '127.0.0.1', port: 0 },
  log: pino({ enabled: false }),
});
const agents: AgentProcess[] = [];
after(async () => {
  await coordinator.close();
  await Promise.all(agents.map((agent) => agent.end()));
  await parts.close();
});
agents.push(await startAgent({ ...parts, name: 'alder', seed: 1 }));

/** Holds its reply until it is let go; `reset` when its asker left. */
let letGo: () => void = () => {};
let reset: () => void = () => {};
const held = { asked: 0 };
const slow: TestSite = await parts.site('slow', (stream, asked) => {
  held.asked += 1;
  stream.once('close', () => reset());
  letGo = () => answering(() => slow, manifest.bundle)(stream, asked);
});
const quick: TestSite = await parts.site('quick', (stream, asked) =>
  answering(() => quick, manifest.bundle)(stream, asked),
);

type Client = ReturnType<typeof createTRPCClient<FleetRouter>>;
const trpc = `${coordinator.url}/trpc`;
const sse = (): Client =>
  createTRPCClient<FleetRouter>({ links: [httpSubscriptionLink({ url: trpc, EventSource })] });
const sockets: { close(): unknown }[] = [];
const websocket = (): Client => {
  const client = createWSClient({ url: trpc.replace('http', 'ws') });
  sockets.push(client);
  return createTRPCClient<FleetRouter>({ links: [wsLink({ client })] });
};
after(() => {
  for (const socket of sockets) socket.close();
});

interface Listening {
  readonly events: StreamEvent[];
  /** Resolves with the next event, or rejects with the error. */
  next(): Promise<StreamEvent>;
  leave(): void;
}

function listen(client: Client, input: { query: string; sites?: string[]; deadlineMs?: number }): Listening {
  const events: StreamEvent[] = [];
  const errors: unknown[] = [];
  let wake = () => {};
  let read = 0;
  const subscription = client.fleet.stream.subscribe(input, {
    onData: (event) => {
      events.push(event);
      wake();
    },
    onError: (error) => {
      errors.push(error);
      wake();
    },
  });
  return {
    events,
    next: async () => {
      while (read === events.length) {
        if (errors.length > 0) throw errors[0];
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return events[read++] as StreamEvent;
    },
    leave: () => subscription.unsubscribe(),
  };
}

for (const [name, connect] of [
  ['SSE', sse],
  ['WebSocket', websocket],
] as const) {
  test(`over ${name} a site appears as it answers, and the end is the whole result`, async () => {
    const before = held.asked;
    const listening = listen(connect(), { query: QUERY, sites: ['quick', 'slow'] });
    const first = await listening.next();
    assert.ok(first.kind === 'site');
    assert.deepEqual([first.outcome.site, first.outcome.outcome], ['quick', 'answered']);
    assert.deepEqual(first.answers[0]?.bindings, { N: 'pve1', L: 0.75 });
    while (held.asked === before) await delay(1); // the question may still be on its way there
    letGo();
    const second = await listening.next();
    assert.ok(second.kind === 'site' && second.outcome.site === 'slow');
    const last = await listening.next();
    assert.ok(last.kind === 'end');
    assert.equal(last.result.complete, true);
    assert.deepEqual(
      last.result.answers.map(({ site }) => site),
      ['quick', 'slow'],
    );
    listening.leave();
  });

  test(`over ${name} a client that leaves ends the question at the site within 100 ms`, async () => {
    const took: number[] = [];
    // The median of some: a busy machine may hold any single one of them up.
    for (let round = 0; round < 5; round += 1) {
      const gone = new Promise<number>((resolve) => {
        reset = () => resolve(performance.now());
      });
      const before = held.asked;
      const listening = listen(connect(), { query: QUERY, sites: ['quick', 'slow'] });
      await listening.next();
      while (held.asked === before) await delay(1);
      const left = performance.now();
      listening.leave();
      took.push((await gone) - left);
    }
    assert.ok((took.toSorted((a, b) => a - b)[2] as number) < 100, `${took} ms`);
  });

  test(`over ${name} a query that may not be asked is an error with its code`, async () => {
    const error = await listen(connect(), { query: 'shell(ls)' })
      .next()
      .catch((cause: unknown) => cause);
    assert.ok(error instanceof TRPCClientError);
    assert.equal(error.data?.logic?.code, 'unknown_predicate');
  });
}

/** Processor time that a process has used, ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const MANY = 'ABCDEFGHIJKL'
  .split('')
  .map((name) => `node(_${name})`)
  .join(', ');

test('a client that leaves ends the work inside the Prolog of a site, at once', async () => {
  const { enginePid } = agents[0] as AgentProcess;
  const client = websocket();
  const before = cpuMs(enginePid);
  // Would run for the two seconds that a question has.
  const query = `node(N), \\+ (${MANY}, _A \\== _A)`;
  const listening = listen(client, { query, sites: ['alder', 'quick'] });
  while (cpuMs(enginePid) < before + 200) await delay(5);
  listening.leave();
  await delay(100);
  const left = cpuMs(enginePid);
  await delay(500);
  assert.ok(cpuMs(enginePid) - left <= 150, `it went on for ${cpuMs(enginePid) - left} ms of processor time`);
});

function upgrade(headers: Record<string, string>, path = '/trpc'): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, coordinator.url), {
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        ...headers,
      },
    });
    sent.once('response', (reply) => {
      reply.resume();
      resolve(reply.statusCode);
    });
    sent.once('upgrade', (reply, socket) => {
      socket.destroy();
      resolve(reply.statusCode);
    });
    sent.once('error', reject).end();
  });
}

test('a WebSocket is refused to pages of other origins, to other names of this machine, and at other paths', async () => {
  const { host } = new URL(coordinator.url);
  assert.equal(await upgrade({ host }), 101);
  assert.equal(await upgrade({ host, origin: `http://${host}` }), 101);
  assert.equal(await upgrade({ host, origin: 'https://evil.example' }), 403);
  assert.equal(await upgrade({ host: 'evil.example' }), 403);
  assert.equal(await upgrade({ host }, '/trpc2'), 403);
});
