/** Facts that scripts push over tRPC: who may, under whose name, and that a bad one takes nothing with it. Real site. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ObserveInput } from '@fleet/shared/api/observe.ts';
import { BATCH_OBSERVATIONS, CLOCK_SKEW_MS, PUSH_VALID_MS } from '@fleet/shared/limits.ts';
import { Tokens } from '@fleet/shared/tokens.ts';
import { createTRPCClient, httpLink, TRPCClientError } from '@trpc/client';
import type { SiteRouter } from '../router.ts';
import { makeSiteFolder, runSite } from '../testing/site.ts';
import { realWorld } from '../world.ts';

const UP = { fact: 'node_up(pve1,true)', validForMs: 60_000 };

interface Refusal {
  readonly code: string;
  readonly message: string;
}

async function site(t: TestContext) {
  const data = await makeSiteFolder(t);
  const tokens = new Tokens(data, realWorld);
  const viewer = tokens.create('reader', 'viewer');
  const operator = tokens.create('ups-script', 'operator');
  const running = await runSite(t, data);
  const as = (headers: Readonly<Record<string, string>> = {}) =>
    createTRPCClient<SiteRouter>({
      links: [httpLink({ url: `${running.url}/trpc`, headers, methodOverride: 'POST' })],
    }).site;
  return {
    url: running.url,
    local: as(),
    viewer: as({ authorization: `Bearer ${viewer}` }),
    operator: as({ authorization: `Bearer ${operator}` }),
    /** Every fact with its evidence, as Prolog holds it. */
    async state(): Promise<string> {
      await running.telemetry.sync.settled();
      return (await running.engine.bridge().state()).text;
    },
    lastRevision: () => running.telemetry.journal.lastRevision,
  };
}

type Client = Awaited<ReturnType<typeof site>>['local'];

function refusalOf(cause: unknown): Refusal {
  if (!(cause instanceof TRPCClientError)) throw cause;
  const { code } = (cause.data as { logic: { code: string } }).logic;
  return { code, message: cause.message };
}

const refused = (client: Client, input: ObserveInput): Promise<Refusal> =>
  client.observe
    .mutate(input)
    .then(({ revision }) => assert.fail(`taken at revision ${revision}`), refusalOf);

test('a viewer may not push; an operator may, and its name stands in the evidence', async (t) => {
  const at = await site(t);
  const denied = await refused(at.viewer, [UP]);
  assert.equal(denied.code, 'forbidden');
  assert.match(denied.message, /token:reader is viewer; this needs operator/);
  assert.doesNotMatch(await at.state(), /node_up\(/);
  const operator = at.operator;
  const { revision } = await operator.observe.mutate([UP]);
  assert.ok(revision > 0);
  assert.match(await at.state(), /node_up\(pve1,true\).*'token:ups-script'/);
  const { answers } = await operator.ask.query({ query: 'node_up(N, U)' });
  assert.deepEqual(
    answers.map(({ bindings, standing }) => [bindings, standing]),
    [[{ N: 'pve1', U: 'true' }, 'verified']],
  );
  assert.match(JSON.stringify(answers), /token:ups-script/);
});

test('on loopback a shell of this machine may push without a token, over plain HTTP as curl sends it', async (t) => {
  const at = await site(t);
  const reply = await fetch(`${at.url}/trpc/site.observe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([UP]),
  });
  assert.equal(reply.status, 200);
  const { result } = (await reply.json()) as { result: { data: { revision: number } } };
  assert.ok(result.data.revision > 0);
  assert.match(await at.state(), /node_up\(pve1,true\).*loopback/);
});

test('a fact that is not valid is refused with its index, and nothing of its batch is stored', async (t) => {
  const at = await site(t);
  const before = at.lastRevision();
  const bad: [ObserveInput[number], RegExp][] = [
    [{ ...UP, fact: 'node_up(pve1' }, /Observation 1: /],
    [{ ...UP, fact: 'node_up(N,true)' }, /node_up/],
    [{ ...UP, fact: 'node_up(pve1,maybe)' }, /node_up/],
    [{ ...UP, fact: 'node_uptime(pve1,5)' }, /node_uptime/],
    [{ ...UP, fact: 'node(pve1)' }, /node/],
    [
      { ...UP, fact: 'active_alert(hot,pve1,critical,1)' },
      /Observation 1: active_alert is what the rules decide/,
    ],
    [{ ...UP, fact: 'alert_unknown(hot,pve1)' }, /Observation 1: alert_unknown is what the rules decide/],
    [
      { ...UP, observedAt: realWorld.now() + CLOCK_SKEW_MS + 5_000 },
      /Observation 1: observedAt is in the future/,
    ],
  ];
  for (const [one, said] of bad) {
    const { code, message } = await refused(at.local, [UP, one, UP]);
    assert.equal(code, 'bad_fact', one.fact);
    assert.match(message, /Observation 1: /, one.fact);
    assert.match(message, said);
  }
  assert.equal(at.lastRevision(), before);
  assert.doesNotMatch(await at.state(), /node_up\(/);
});

test('a request that is none is refused before any fact is looked at, and a batch that is too large whole', async (t) => {
  const at = await site(t);
  const shapes = [
    [{ fact: UP.fact }],
    [{ ...UP, validForMs: 0 }],
    [{ ...UP, validForMs: PUSH_VALID_MS + 1 }],
    [{ ...UP, validForMs: 1.5 }],
    [{ ...UP, observedAt: -1 }],
    [{ ...UP, source: 'host' }],
    { ...UP },
  ];
  for (const shape of shapes)
    assert.equal((await refused(at.local, shape as ObserveInput)).code, 'bad_request', JSON.stringify(shape));
  const many = Array.from({ length: BATCH_OBSERVATIONS + 1 }, () => ({
    fact: 'node_up(a,true)',
    validForMs: 1,
  }));
  assert.equal((await refused(at.local, many)).code, 'too_large');
  assert.doesNotMatch(await at.state(), /node_up\(/);
});

test('evidence that was pushed late and has run out proves nothing', async (t) => {
  const at = await site(t);
  const observedAt = realWorld.now() - 10_000;
  await at.local.observe.mutate([
    { fact: 'node_up(pve1,true)', validForMs: 5_000, observedAt },
    { fact: 'node_up(pve2,true)', validForMs: 60_000, observedAt },
  ]);
  // Acknowledged is on the disk; Prolog has it a moment later.
  await at.state();
  const { answers } = await at.local.ask.query({ query: 'node_up(N, true)' });
  assert.deepEqual(
    answers.map(({ bindings }) => bindings),
    [{ N: 'pve2' }],
  );
});
