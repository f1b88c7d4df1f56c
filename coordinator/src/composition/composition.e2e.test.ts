/**
 * Two coordinators and three agents, each in processes of its own: `upper` has one site and the coordinator `lower`, which has two.
 * What is between two coordinators is real TLS; who lies in between holds the lower one's own key, for without it nobody gets there.
 */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import type { FleetResult } from '@fleet/shared/api/ask.ts';
import type { LeafLine } from '@fleet/shared/api/composition.ts';
import { readStamp, verifyReply } from '@fleet/shared/reply.ts';
import { coordinatorFiles } from '../config.ts';
import { type AgentProcess, startAgent } from '../testing/agent-process.ts';
import {
  type CoordinatorProcess,
  logicFleet,
  startCoordinatorProcess,
} from '../testing/coordinator-process.ts';
import { listen, openTestFleet } from '../testing/site-server.ts';
import { runSwipl } from '../testing/swipl.ts';
import { connectLive, watch } from '../testing/watching.ts';
import { realWorld } from '../world.ts';
import { openBelow } from './below.ts';
import { admitUpper, enrolCoordinator, requestOf, selfOf } from './introduce.ts';
import { openComposition } from './store.ts';

const lowerParts = await openTestFleet();
const upperParts = await openTestFleet();
const ends: (() => Promise<void>)[] = [];
after(async () => {
  await Promise.all(ends.map((end) => end()));
  await Promise.all([lowerParts.close(), upperParts.close()]);
});
const agents = new Map<string, AgentProcess>();
async function addAgent(name: string, seed: number, parts: typeof lowerParts): Promise<void> {
  const agent = await startAgent({ ...parts, name, seed });
  ends.push(agent.end);
  agents.set(name, agent);
}
async function coordinator(data: string, tls?: string): Promise<CoordinatorProcess> {
  const started = await startCoordinatorProcess(data, tls);
  ends.push(() => started.end());
  return started;
}
const [, , , lower] = await Promise.all([
  addAgent('alder', 1, lowerParts),
  addAgent('birch', 2, lowerParts),
  addAgent('cedar', 3, upperParts),
  coordinator(lowerParts.dir),
]);

const at = (parts: typeof lowerParts) => ['--data', parts.dir];
const file = (name: string) => join(upperParts.dir, name);
type Place = {
  readonly above: typeof lowerParts;
  readonly below: typeof lowerParts;
  readonly address: string;
};
/** As two operators do it. */
async function compose(name: string, { above, below, address }: Place): Promise<string> {
  await writeFile(file('request.pem'), await logicFleet('request', ...at(above)));
  const request = ['--request', file('request.pem'), '--address', address];
  await writeFile(file('intro.json'), await logicFleet('admit', 'upper', ...request, ...at(below)));
  const introduction = ['--introduction', file('intro.json'), '--label', 'level=low'];
  return logicFleet('enrol-coordinator', name, ...introduction, ...at(above));
}
/** The same by what those commands call. */
async function composeHere(name: string, { above, below, address }: Place): Promise<void> {
  const [here, there] = [above, below].map(({ dir }) => openComposition(coordinatorFiles(dir).composition));
  if (here === undefined || there === undefined) return;
  try {
    const request = await requestOf(above.authority);
    const told = await admitUpper({ ...below, store: there, name: 'upper', request, address });
    const labels = { level: 'low' };
    await enrolCoordinator({
      ...above,
      store: here,
      name,
      introduction: JSON.stringify(told),
      labels,
      world: realWorld,
    });
  } finally {
    here.close();
    there.close();
  }
}
const enrolled = await compose('lower', { above: upperParts, below: lowerParts, address: lower.tls });
let upper = await coordinator(upperParts.dir);

const QUERY = 'node_status(Node, up)';
const ALL = { cedar: 'answered', 'lower/alder': 'answered', 'lower/birch': 'answered' };
const outcomes = (result: FleetResult) =>
  Object.fromEntries(
    result.coverage.sites.map(({ site, outcome, code }) => [site, code ? `${outcome} ${code}` : outcome]),
  );

test('a coordinator is enrolled with its sites, and sites lists what is what', async () => {
  assert.match(enrolled, /lower is a site: 2 behind it/);
  const listed = await logicFleet('sites', '--url', upper.url);
  assert.match(listed, /^cedar +node +127\.0\.0\.1:\d+ +certificate/m);
  assert.match(listed, /^lower +coordinator +127\.0\.0\.1:\d+ +known by its key/m);
  assert.match(listed, /^lower\/alder +node +by way of lower +certificate/m);
});

test('a live view is of the sites that are ours: those behind a coordinator are skipped, each by name and with where to watch it', async (t) => {
  const live = connectLive(upper.url);
  t.after(() => live.close());
  const watching = watch(live.client, { query: 'node(N)' });
  await watching.until(
    () => watching.view().size === 3 && watching.outcome('cedar') === 'answered',
    'the state',
  );
  for (const name of ['lower/alder', 'lower/birch']) {
    const { outcome, message } = watching.view().get(name)?.outcome ?? {};
    assert.deepEqual(
      [outcome, message],
      ['skipped', 'a live view does not reach through lower: watch it there'],
    );
  }
  const [first] = watching.events;
  assert.ok(first?.event.kind === 'state' && !first.event.complete);
  watching.leave();
});

test('coverage counts leaves, and each proof is checked at the upper coordinator by the key of its site', async () => {
  const result = await upper.ask({ query: QUERY });
  assert.deepEqual(outcomes(result), ALL, JSON.stringify(result.coverage.sites));
  assert.equal(result.complete, true);
  assert.deepEqual([...new Set(result.answers.map(({ site }) => site))], Object.keys(ALL));
  assert.ok(result.answers.every(({ standing }) => standing === 'verified'));
  assert.ok(result.answers.every(({ proof }) => proof?.includes('clause(node_status,2,1)')));
  assert.deepEqual(
    result.coverage.sites.map(({ revision, bundle }) => [revision !== null, bundle?.length]),
    [
      [true, 64],
      [true, 64],
      [true, 64],
    ],
  );
});

test('sites are named by path, by their coordinator, and by the labels that they have at both', async () => {
  const of = async (more: object) => Object.keys(outcomes(await upper.ask({ query: QUERY, ...more })));
  assert.deepEqual(await of({ sites: ['lower/birch'] }), ['lower/birch']);
  assert.deepEqual(await of({ sites: ['lower', 'cedar'] }), Object.keys(ALL));
  assert.deepEqual(await of({ where: 'level=low' }), ['lower/alder', 'lower/birch']);
  await assert.rejects(of({ sites: ['lower/nobody'] }), /no site lower\/nobody/);
  assert.deepEqual(Object.keys(outcomes(await lower.ask({ query: QUERY }))), ['alder', 'birch']);
});

test('the lower coordinator passes on text and nonce as they came, and replies as their sites signed them, a line each', async () => {
  const nonce = 'ab'.repeat(16);
  const body = {
    application: 'logic',
    ask: 'node(N)',
    template: '[N]',
    chunk: 1000,
    destroy: true,
    format: 'prolog',
  };
  const post = (more: object, headers: Record<string, string> = {}) =>
    fetch(`${lower.url}/pengine/create`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/x-ndjson',
        'logic-nonce': nonce,
        ...headers,
      },
      body: JSON.stringify({ ...body, ...more }),
    });
  const reply = await post({ sites: ['birch', 'alder', 'gone'] });
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.get('content-type'), 'application/x-ndjson');
  const lines = (await reply.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as LeafLine);
  const bySite = new Map(lines.map((line) => [line.site, line]));
  assert.deepEqual([...bySite.keys()].sort(), ['alder', 'birch', 'gone']);
  assert.deepEqual([bySite.get('gone')?.outcome, bySite.get('gone')?.code], ['refused', 'unknown_site']);
  for (const name of ['alder', 'birch']) {
    const { stamp, body: said } = bySite.get(name) as LeafLine;
    assert.ok(stamp !== null && said !== null);
    const signed = readStamp(stamp);
    const key = createPublicKey(lowerParts.registry.get(name)?.publicKey ?? '');
    verifyReply({ ...signed, ask: 'node(N)', body: said }, signed, key);
    assert.equal(signed.nonce, nonce);
  }
  const status = async (more: object, headers?: Record<string, string>) => {
    const refused = await post(more, headers);
    return [refused.status, ((await refused.json()) as { code: string }).code];
  };
  assert.deepEqual(await status({ chunk: 10 }), [400, 'bad_request']);
  assert.deepEqual(await status({ ask: 'shell(N)' }), [400, 'unknown_predicate']);
  assert.deepEqual(await status({ sites: ['../x'] }), [400, 'bad_request']);
  assert.deepEqual(await status({}, { 'logic-nonce': 'x' }), [400, 'bad_request']);
  assert.deepEqual(await status({}, { 'logic-deadline-ms': '0' }), [400, 'bad_request']);
});

test('who was not admitted is told so over TLS, and one that was expelled is at once', async () => {
  const stranger = openBelow({ membership: () => strangers }, upperParts.authority.coordinator.key);
  const strangers = {
    name: 'lower',
    authority: lowerParts.authority.certificate,
    certificate: upperParts.authority.coordinator.certificate,
  };
  const row = upperParts.registry.get('lower');
  assert.ok(row);
  const get = { method: 'GET', path: '/roster', headers: {}, signal: AbortSignal.timeout(5_000) } as const;
  const refused = await stranger.ask(row, get);
  assert.equal(refused.statusCode, 403);
  assert.match(await refused.body.text(), /Show a certificate that this fleet's authority issued/);
  await stranger.close();
  await logicFleet('expel', 'upper', ...at(lowerParts));
  const expelled = await upper.ask({ query: QUERY });
  assert.deepEqual(outcomes(expelled), {
    cedar: 'answered',
    'lower/alder': 'refused forbidden',
    'lower/birch': 'refused forbidden',
  });
  await composeHere('lower', { above: upperParts, below: lowerParts, address: lower.tls });
  assert.deepEqual(outcomes(await upper.ask({ query: QUERY })), ALL);
});

test('a coordinator that is enrolled in a circle is refused by name, and so is a question that would go round', async () => {
  const self = composeHere('me', { above: upperParts, below: upperParts, address: upper.tls });
  await assert.rejects(self, { code: 'loop', message: 'a coordinator cannot be a site of itself' });
  const circle = composeHere('above', { above: lowerParts, below: upperParts, address: upper.tls });
  await assert.rejects(circle, {
    code: 'loop',
    message: /^above would be asked through ourselves.*lower\/alder, lower\/birch$/,
  });
  assert.equal(lowerParts.registry.get('above'), undefined);
  const { id } = selfOf(lowerParts.authority);
  const round = await fetch(`${lower.url}/pengine/create`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/x-ndjson',
      'logic-nonce': 'ab'.repeat(16),
      'logic-way': `${id}/above,${'0'.repeat(64)}/lower`,
    },
    body: '{"ask":"node(N)","template":"[N]","chunk":1000,"destroy":true,"format":"prolog"}',
  });
  assert.equal(round.status, 508);
  assert.match(await round.text(), /ask itself, by way of above\/lower/);
});

/** Between upper and lower, with the lower one's own key: passes everything on, and alters the lines as `alter` says. */
async function inBetween(
  alter: (line: LeafLine) => LeafLine | null,
): Promise<{ address: string; close(): Promise<void> }> {
  const { certificate, key } = await lowerParts.authority.listener(['127.0.0.1']);
  const server = createSecureServer({
    cert: certificate,
    key,
    ca: lowerParts.authority.certificate,
    requestCert: true,
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    void (async () => {
      const sent = await text(stream);
      const method = String(headers[':method']);
      const names = ['content-type', 'accept', 'logic-nonce', 'logic-way', 'logic-deadline-ms'];
      const kept = Object.fromEntries(
        names.flatMap((name) => (headers[name] ? [[name, String(headers[name])]] : [])),
      );
      const url = `${lower.url}${headers[':path']}`;
      const reply = await fetch(url, { method, headers: kept, ...(method === 'POST' && { body: sent }) });
      const told = await reply.text();
      const out = Object.fromEntries(
        [...reply.headers].filter(([name]) => /^(content-type|logic-.*)$/.test(name)),
      );
      const lines = told
        .trimEnd()
        .split('\n')
        .map((line) => alter(JSON.parse(line)))
        .filter((line) => line !== null);
      stream.respond({ ':status': reply.status, ...out });
      stream.end(method === 'GET' ? told : lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    })();
  });
  const port = await listen(server, 0);
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `127.0.0.1:${port}`, close };
}

let kept: LeafLine | null = null;
const lies: ReadonlyArray<readonly [string, string, (line: LeafLine) => LeafLine | null]> = [
  ['nothing', 'answered', (line) => line],
  [
    'a value',
    'rejected bad_signature',
    (line) => ({ ...line, body: line.body?.replace(/pve\d/, 'pve9') ?? null }),
  ],
  [
    'the time',
    'rejected bad_signature',
    (line) => ({ ...line, stamp: line.stamp && { ...line.stamp, 'logic-now': '1700000000000' } }),
  ],
  ['no signature', 'rejected bad_signature', (line) => ({ ...line, stamp: null })],
  [
    'an answer without a reply',
    'rejected bad_reply',
    (line) => ({ ...line, outcome: 'empty', stamp: null, body: null }),
  ],
  [
    'an old reply',
    'rejected bad_signature',
    (line) => {
      kept ??= line;
      return kept;
    },
  ],
  ['nothing of it', 'error reply_lost', () => null],
];

test('a coordinator that alters a reply is caught by the name of the site, and the others are merged', async (t) => {
  let lie: (typeof lies)[number][2] = (line) => line;
  const liar = await inBetween((line) => (line.site === 'birch' ? lie(line) : line));
  t.after(liar.close);
  upperParts.registry.setAddress('lower', liar.address);
  for (const [what, expected, how] of lies) {
    lie = how;
    if (what === 'an old reply') await upper.ask({ query: QUERY });
    const result = await upper.ask({ query: QUERY });
    assert.deepEqual(outcomes(result), { ...ALL, 'lower/birch': expected }, what);
    assert.equal(
      result.answers.some(({ site }) => site === 'lower/birch'),
      expected === 'answered',
      what,
    );
  }
  lie = (line) => ({ ...line, body: line.body?.replace(/pve\d/, 'pve9') ?? null });
  const unproved = await upper.ask({ query: QUERY, prove: false });
  assert.equal(outcomes(unproved)['lower/birch'], 'rejected bad_signature', 'without proofs too');
  const swapped = await inBetween((line) => ({ ...line, site: line.site === 'birch' ? 'alder' : 'birch' }));
  t.after(swapped.close);
  upperParts.registry.setAddress('lower', swapped.address);
  assert.deepEqual(outcomes(await upper.ask({ query: QUERY })), {
    cedar: 'answered',
    'lower/alder': 'rejected bad_signature',
    'lower/birch': 'rejected bad_signature',
  });
  upperParts.registry.setAddress('lower', lower.tls);
  assert.deepEqual(outcomes(await upper.ask({ query: QUERY })), ALL);
});

/** All rows that npm's client gets, one page after the other. */
function npmRows(options: Record<string, unknown>): Promise<unknown[]> {
  const Pengine = createRequire(import.meta.url)('pengines') as new (
    options: Record<string, unknown>,
  ) => unknown;
  return new Promise((resolve, reject) => {
    const rows: unknown[] = [];
    new Pengine({
      ...options,
      server: `${lower.url}/pengine`,
      onsuccess(this: { data: unknown[]; more: boolean; pengine: { next(): void } }) {
        rows.push(...this.data);
        if (this.more) this.pengine.next();
        else resolve(rows);
      },
      onfailure: () => resolve(rows),
      onerror(this: { code: string; data: unknown }) {
        reject(new Error(`${this.code}: ${String(this.data)}`));
      },
    });
  });
}

test('stock clients ask a coordinator as they would ask a site', async () => {
  const rpc = (goal: string, options = '[]') =>
    runSwipl(
      `catch((findall(X,pengine_rpc('${lower.url}',${goal},${options}),Xs),print(Xs)),error(E,_),print(E))`,
    );
  const nodes = await rpc('node(X)');
  const known = await upper.ask({ query: 'node(X)', sites: ['lower'] });
  const distinct = [...new Set(known.answers.map(({ bindings }) => bindings.X as string))].sort();
  assert.equal(nodes, `[${distinct.join(',')}]`);
  assert.equal(await rpc('node(X)', '[chunk(100)]'), nodes);
  assert.deepEqual(
    await npmRows({ ask: 'node(X)' }),
    distinct.map((X) => ({ X })),
  );
  assert.deepEqual(await npmRows({ ask: 'node(X), X == nobody' }), []);
  await assert.rejects(npmRows({ ask: 'shell(X)' }), /unknown_predicate/);
  assert.equal(await rpc('(node(X),X==nobody)'), '[]');
  const birch = known.answers.flatMap(({ site, bindings }) => (site === 'lower/birch' ? [bindings.X] : []));
  assert.equal(await rpc('at(birch,node(X))'), `[${birch.join(',')}]`);
  assert.match(await rpc('shell(X)'), /logic\(unknown_predicate/);
  assert.equal(await rpc('aggregate_all(count,node(pve1),X)'), '[2]', 'one at each site, folded');
  const proof = await rpc('prove(node(pve1),X)');
  assert.match(proof, /^\[\[step\(1,fact\(node\(pve1\),inventory\)\),step\(2,query\(\[1\]\)\)\]/);
});

test('a site that is killed, and then the lower coordinator: each missing site is named, and the rest is there', async () => {
  const birch = agents.get('birch') as AgentProcess;
  process.kill(birch.pid, 'SIGKILL');
  await birch.end();
  const without = await upper.ask({ query: QUERY });
  const { 'lower/birch': gone, ...others } = outcomes(without);
  assert.deepEqual(others, { cedar: 'answered', 'lower/alder': 'answered' });
  assert.match(gone ?? '', /^(unreachable unreachable|error reply_lost)$/);
  const rpc = (application: string) =>
    runSwipl(
      `catch((findall(X,pengine_rpc('${lower.url}',node(X),[application(${application})]),Xs),print(Xs)),error(E,_),print(E))`,
    );
  assert.match(await rpc('logic'), /partial_coverage,'1 of 2 sites answered. Missing: birch \(unreachable\)/);
  assert.match(await rpc('logic_partial'), /^\[.*pve1.*\]$/);

  await lower.end('SIGKILL');
  const away = {
    cedar: 'answered',
    'lower/alder': 'unreachable unreachable',
    'lower/birch': 'unreachable unreachable',
  };
  assert.deepEqual(outcomes(await upper.ask({ query: QUERY })), away);
  await upper.end();
  upper = await coordinator(upperParts.dir);
  const later = await upper.ask({ query: QUERY });
  assert.deepEqual(
    outcomes(later),
    away,
    'a coordinator that starts while the other is away knows its sites',
  );
  assert.match(later.coverage.sites[1]?.message ?? '', /by way of lower: nothing listens at/);

  const back = await coordinator(lowerParts.dir, lower.tls);
  assert.deepEqual(outcomes(await upper.ask({ query: QUERY, sites: ['lower/alder'] })), {
    'lower/alder': 'answered',
  });
  await back.end();
});
