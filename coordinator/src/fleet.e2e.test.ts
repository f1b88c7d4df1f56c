/**
 * The whole way with real agents: Prolog, journal, TLS and HTTP/2 as they are, in processes of their
 * own. The man in the middle holds the site's own key and certificate, for without them nobody gets
 * between; it forwards to the true agent and alters what comes back.
 */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { REPLY_BYTES } from '@fleet/shared/limits.ts';
import { signReply } from '@fleet/shared/reply.ts';
import { askFleet, openFleet } from './query/pipeline.ts';
import type { Site } from './sites/registry.ts';
import { openSessions } from './sites/sessions.ts';
import { type AgentProcess, startAgent } from './testing/agent-process.ts';
import { type Asked, openTestFleet, serveAs } from './testing/site-server.ts';
import { realWorld } from './world.ts';

const manifest = await loadManifest(join(import.meta.dirname, '../../kb'));
const parts = await openTestFleet();
const agents: AgentProcess[] = [];
after(async () => {
  await Promise.all(agents.map((agent) => agent.end()));
  await parts.close();
});
const NAMES = ['alder', 'birch', 'cedar', 'douglas'] as const;
const started = await Promise.allSettled(
  NAMES.map(async (name, i) => {
    agents.push(await startAgent({ ...parts, name, seed: i + 1 }));
  }),
);
for (const result of started) if (result.status === 'rejected') throw result.reason;
const agentOf = (name: string) => agents.find((agent) => agent.name === name) as AgentProcess;

const fleet = openFleet({ ...parts, manifest, world: realWorld });
const outcomes = (result: Awaited<ReturnType<typeof askFleet>>) =>
  Object.fromEntries(
    result.coverage.sites.map(({ site, outcome, code }) => [site, code ? `${outcome} ${code}` : outcome]),
  );

test('every site answers the same question with verified proofs', async () => {
  const result = await askFleet(fleet, { query: 'node_load(Node, Load), Load >= 0.0' });
  assert.deepEqual(
    outcomes(result),
    { alder: 'answered', birch: 'answered', cedar: 'answered', douglas: 'answered' },
    JSON.stringify(result.coverage),
  );
  assert.equal(result.complete, true);
  assert.deepEqual([...new Set(result.answers.map(({ site }) => site))], NAMES);
  assert.ok(result.answers.every(({ standing }) => standing === 'verified'));
});

test('a derived predicate comes with a proof by its clause; a negation stands as attested', async () => {
  const status = await askFleet(fleet, { query: 'node_status(Node, up)' });
  assert.ok(status.answers.length > 0);
  assert.ok(
    status.answers.every(
      ({ standing, proof }) => standing === 'verified' && proof?.includes('clause(node_status,2,1)'),
    ),
  );
  const calm = await askFleet(fleet, { query: 'node(Node), \\+ node_status(Node, down)' });
  assert.ok(calm.answers.length > 0);
  assert.ok(calm.answers.every(({ standing }) => standing === 'attested'));
});

test('an endless question is refused by each site in its own words, and they go on answering', async () => {
  const cross = Array.from({ length: 40 }, (_, i) => `node(N${i})`).join(', ');
  const result = await askFleet(fleet, { query: `aggregate_all(count, (${cross}), C)`, deadlineMs: 15_000 });
  assert.ok(
    result.coverage.sites.every(({ outcome }) => outcome === 'refused'),
    JSON.stringify(outcomes(result)),
  );
  assert.equal((await askFleet(fleet, { query: 'node(N)' })).complete, true);
});

/** Forwards to the agent with the coordinator's own certificate, as one who stole everything could. */
async function forward(site: Site, { headers, body }: Asked) {
  const sessions = openSessions(parts.authority);
  const sent = { 'content-type': 'application/json', 'logic-nonce': String(headers['logic-nonce']) };
  const reply = await sessions.to(site).post({
    path: '/pengine/create',
    headers: sent,
    body,
    signal: AbortSignal.timeout(10_000),
    most: () => REPLY_BYTES,
  });
  const text = reply.body.toString();
  await sessions.close();
  const stamp = Object.fromEntries(
    Object.entries(reply.headers).filter(([name]) => name.startsWith('logic-')),
  );
  return { stamp: stamp as Record<string, string>, text };
}

/** The same with the site's key in hand: an altered body, signed again. */
function resign(stamp: Record<string, string>, { body }: Asked, text: string): Record<string, string> {
  const { ask } = JSON.parse(body) as { ask: string };
  const statement = {
    site: String(stamp['logic-site']),
    now: Number(stamp['logic-now']),
    revision: Number(stamp['logic-revision']),
    bundle: String(stamp['logic-bundle']),
    nonce: String(stamp['logic-nonce']),
    ask,
    body: text,
  };
  return { ...stamp, 'logic-signature': signReply(statement, createPrivateKey(agentOf('birch').key)) };
}

type Taken = Awaited<ReturnType<typeof forward>>;
const number = (text: string) => text.replace(/fact\(node_up\((\w+),true\)/, 'fact(node_up($1,false)');
const clause = (text: string) => text.replace('clause(node_status,2,1)', 'clause(node_status,2,2)');
let kept: Taken | null = null;
const tamperings: ReadonlyArray<
  readonly [string, string, (taken: Taken, asked: Asked) => Taken | Promise<Taken>]
> = [
  ['a value in a fact', 'bad_signature', ({ stamp, text }) => ({ stamp, text: number(text) })],
  [
    'a value in a fact, signed again',
    'bad_proof',
    ({ stamp, text }, asked) => ({ stamp: resign(stamp, asked, number(text)), text: number(text) }),
  ],
  ['another clause', 'bad_signature', ({ stamp, text }) => ({ stamp, text: clause(text) })],
  [
    'another clause, signed again',
    'bad_proof',
    ({ stamp, text }, asked) => ({ stamp: resign(stamp, asked, clause(text)), text: clause(text) }),
  ],
  [
    "another site's reply",
    'bad_signature',
    (_, asked) => forward(parts.registry.get('cedar') as Site, asked),
  ],
  [
    'an old reply again',
    'bad_signature',
    (taken) => {
      kept ??= taken;
      return kept;
    },
  ],
];

test('a site whose reply is altered is rejected by name, and nothing of it is merged', async (t) => {
  const birch = agentOf('birch');
  const row = parts.registry.get('birch') as Site;
  let tamper: (typeof tamperings)[number][2] = (taken) => taken;
  const proxy = await serveAs({ ...birch, authority: parts.authority }, (stream, asked) => {
    void forward(row, asked)
      .then((taken) => tamper(taken, asked))
      .then(({ stamp, text }) => {
        stream.respond({ ':status': 200, 'content-type': 'text/x-prolog', ...stamp });
        stream.end(text);
      });
  });
  parts.registry.setAddress('birch', proxy.address);
  const ask = () => askFleet(fleet, { query: 'node_status(Node, up)' });
  assert.equal((await ask()).complete, true, 'untouched, what it forwards is accepted');
  for (const [what, code, how] of tamperings) {
    await t.test(what, async () => {
      tamper = how;
      if (what === 'an old reply again') await ask(); // this one is kept, and true
      const result = await ask();
      assert.deepEqual(outcomes(result), {
        alder: 'answered',
        birch: `rejected ${code}`,
        cedar: 'answered',
        douglas: 'answered',
      });
      assert.ok(result.answers.every(({ site }) => site !== 'birch'));
      assert.equal(result.complete, false);
    });
  }
  parts.registry.setAddress('birch', birch.address);
  await proxy.kill();
  assert.equal((await ask()).complete, true);
});

test('of two sites killed and stopped in the middle of a question, only their own outcomes suffer', async () => {
  const [killed, stopped] = [agentOf('cedar'), agentOf('douglas')];
  assert.equal((await askFleet(fleet, { query: 'node(N)' })).complete, true); // all sessions are open
  // Stopped, both take the question and hold it; the witness is asked in the same moment and says so.
  process.kill(killed.pid, 'SIGSTOP');
  process.kill(stopped.pid, 'SIGSTOP');
  const witness = await parts.site('witness', (stream) => {
    process.kill(killed.pid, 'SIGKILL');
    stream.respond({ ':status': 503 });
    stream.end();
  });
  const start = performance.now();
  const result = await askFleet(fleet, { query: 'node_status(Node, Status)', deadlineMs: 3_000 });
  assert.ok(performance.now() - start < 4_000, 'it is there by the deadline');
  const { cedar, ...others } = outcomes(result);
  assert.deepEqual(others, {
    alder: 'answered',
    birch: 'answered',
    douglas: 'timeout deadline',
    witness: 'error not_ready',
  });
  assert.match(cedar ?? '', /^(unreachable unreachable|error reply_lost)$/);
  assert.deepEqual([...new Set(result.answers.map(({ site }) => site))], ['alder', 'birch']);

  process.kill(stopped.pid, 'SIGCONT');
  const again = await askFleet(fleet, { query: 'node(N)', sites: ['alder', 'cedar', 'douglas'] });
  assert.deepEqual(outcomes(again), {
    alder: 'answered',
    cedar: 'unreachable unreachable',
    douglas: 'answered',
  });
  await witness.kill();
});
