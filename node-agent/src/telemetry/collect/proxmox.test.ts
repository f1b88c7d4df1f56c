/** The collector of Proxmox VE over real TLS, with the answers that its API documents and those that it should not give. */
import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogicError } from '@fleet/shared/errors.ts';
import { COLLECT_BODY_BYTES } from '@fleet/shared/limits.ts';
import { writeTerm } from '@fleet/shared/term.ts';
import { atEnd, temporaryFolder } from '../../testing/folder.ts';
import { listening } from '../../testing/loopback.ts';
import { type SomePass, somePass } from '../../testing/pass.ts';
import {
  ANSWERS,
  type Answers,
  GUESTS,
  guest,
  NODES,
  nodeStatus,
  PROXMOX_TOKEN,
  type Proxmox,
  startProxmox,
} from '../../testing/proxmox.ts';
import type { Trust } from './http.ts';
import { type ProxmoxSource, proxmoxCollector } from './proxmox.ts';

async function tokenFile(t: TestContext, text = `${PROXMOX_TOKEN}\n`): Promise<string> {
  const file = join(await temporaryFolder(t), 'proxmox-token');
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

interface Asked extends Partial<ProxmoxSource> {
  readonly pass?: SomePass;
}

async function collect(
  t: TestContext,
  at: Pick<Proxmox, 'url'> & Trust,
  asked: Asked = {},
): Promise<string[]> {
  const { pass = somePass(), ...rest } = asked;
  const collector = proxmoxCollector({
    source: 'proxmox:cluster',
    url: at.url,
    trust: { fingerprint: at.fingerprint },
    tokenFile: rest.tokenFile ?? (await tokenFile(t)),
    everyMs: 15_000,
    nodes: new Map(),
    vms: new Map(),
    ...rest,
  });
  return (await collector.collect(0, pass)).map(({ fact }) => writeTerm(fact));
}

const refusal = (pass: Promise<unknown>): Promise<LogicError> =>
  pass.then(
    (facts) => assert.fail(`collected ${facts}`),
    (cause) => (cause instanceof LogicError ? cause : assert.fail(String(cause))),
  );

const codeOf = (pass: Promise<unknown>): Promise<string> => refusal(pass).then(({ code }) => code);

test('nodes, guests and loads become facts; an offline node is down, an unknown one and what it ran say nothing', async (t) => {
  const pass = somePass();
  const facts = await collect(t, await startProxmox(t), { pass });
  assert.deepEqual(facts, [
    'node_up(pve1,true)',
    'node_memory_available(pve1,10240)',
    'node_up(pve2,true)',
    'node_memory_available(pve2,7168)',
    'node_up(pve3,false)',
    'node_load(pve1,0.25)',
    'node_load(pve2,0.125)',
    'vm_host(web,pve1)',
    'vm_state(web,running)',
    'vm_host(db,pve2)',
    'vm_state(db,stopped)',
    'vm_host(old,pve3)',
    'vm_host(dns,pve1)',
    'vm_state(dns,paused)',
    'vm_host(cache,pve2)',
    'vm_state(cache,running)',
    "vm_host('qemu/105',pve1)",
    "vm_state('qemu/105',running)",
    "vm_host('qemu/106',pve2)",
    "vm_state('qemu/106',running)",
    'vm_host(lost,pve1)',
  ]);
  assert.deepEqual(pass.misses, []);
});

test('nodes and guests have the names that collectors.json gives them, by id before name, and null leaves out', async (t) => {
  const answers: Answers = { ...ANSWERS, 'cluster/resources?type=vm': GUESTS.slice(0, 3) };
  const { requests, ...proxmox } = await startProxmox(t, answers);
  const facts = await collect(t, proxmox, {
    nodes: new Map([['pve1', 'alpha'] as const, ['pve2', null] as const]),
    vms: new Map([
      ['100', 'shop'] as const,
      ['web', 'wrong'] as const,
      ['db', 'store'] as const,
      ['old', null] as const,
    ]),
  });
  assert.deepEqual(facts, [
    'node_up(alpha,true)',
    'node_memory_available(alpha,10240)',
    'node_up(pve3,false)',
    'node_load(alpha,0.25)',
    'vm_host(shop,alpha)',
    'vm_state(shop,running)',
    'vm_state(store,stopped)',
  ]);
  assert.ok(!requests.some(({ path }) => path === 'nodes/pve2/status'), 'one left out is not asked');
});

test('a pinned certificate is taken, whoever signed it; a wrong pin is refused before the token is sent', async (t) => {
  const { requests, ...proxmox } = await startProxmox(t);
  await collect(t, proxmox);
  assert.ok(requests.length > 0 && requests.every(({ authorization }) => authorization !== undefined));
  requests.length = 0;
  const wrong = proxmox.fingerprint.replace(/^../, (pair) => (pair === '00' ? '01' : '00'));
  const error = await refusal(collect(t, { ...proxmox, fingerprint: wrong }));
  assert.equal(error.code, 'source_refused');
  assert.match(error.message, new RegExp(`shows the certificate ${proxmox.fingerprint}`));
  assert.deepEqual(requests, []);
});

test('without a pin an authority must vouch for the name, and the token is not sent before', async (t) => {
  const { requests, ...proxmox } = await startProxmox(t);
  await collect(t, proxmox, { trust: { ca: proxmox.ca } });
  requests.length = 0;
  const byAddress = new URL(proxmox.url.href.replace('localhost', '127.0.0.1'));
  const untrusted: [URL, Trust][] = [
    [proxmox.url, {}],
    [proxmox.url, { ca: (await startProxmox(t)).ca }],
    [byAddress, { ca: proxmox.ca }],
  ];
  for (const [url, trust] of untrusted) {
    const error = await refusal(collect(t, proxmox, { url, trust }));
    assert.equal(error.code, 'source_refused');
    assert.match(error.message, /certificate/);
  }
  assert.deepEqual(requests, []);
});

test('what speaks no TLS at all is unreadable, and nothing listening is unreachable', async (t) => {
  const server = createServer((_request, reply) => reply.end('{"data":[]}'));
  const url = new URL(`https://127.0.0.1:${await listening(server)}`);
  atEnd(t, () => server.close());
  assert.equal(await codeOf(collect(t, { url }, { trust: {} })), 'source_unreadable');
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await codeOf(collect(t, { url }, { trust: {} })), 'source_unreachable');
});

test('a token that Proxmox does not know is refused, and stands in no message', async (t) => {
  const proxmox = await startProxmox(t);
  const wrong = PROXMOX_TOKEN.replace('0123', '9999');
  const error = await refusal(collect(t, proxmox, { tokenFile: await tokenFile(t, wrong) }));
  assert.equal(error.code, 'source_refused');
  assert.match(error.message, /HTTP 401/);
  assert.ok(!error.message.includes('9999'));
});

test('a token file that others may read, that is missing, or holds no token, is refused before anything is sent', async (t) => {
  const { requests, ...proxmox } = await startProxmox(t);
  for (const mode of [0o644, 0o640, 0o604, 0o620]) {
    const open = await tokenFile(t);
    await chmod(open, mode);
    const error = await refusal(collect(t, proxmox, { tokenFile: open }));
    assert.equal(error.code, 'source_refused');
    assert.match(error.message, /chmod 600/);
  }
  const texts = [
    '',
    'secret',
    `PVEAPIToken=${PROXMOX_TOKEN}`,
    `${PROXMOX_TOKEN}\r\nx-evil: 1`,
    'x'.repeat(5_000),
  ];
  for (const text of texts) {
    const error = await refusal(collect(t, proxmox, { tokenFile: await tokenFile(t, text) }));
    assert.equal(error.code, 'source_refused');
    assert.ok(text === '' || !error.message.includes(text));
  }
  const folder = await temporaryFolder(t);
  await chmod(folder, 0o700);
  for (const tokenFile of ['/nonesuch/token', folder])
    assert.equal(await codeOf(collect(t, proxmox, { tokenFile })), 'source_refused', tokenFile);
  assert.deepEqual(requests, []);
});

test('a node whose own status fails costs its load only, and the pass tells so', async (t) => {
  const failures: unknown[] = [
    undefined,
    { loadavg: [] },
    { ...nodeStatus('0.5', 0) },
    { ...nodeStatus('-1', 4) },
    (_request: unknown, reply: { writeHead(status: number): { end(): void } }) => reply.writeHead(595).end(),
  ];
  for (const failure of failures) {
    const pass = somePass();
    const facts = await collect(t, await startProxmox(t, { ...ANSWERS, 'nodes/pve2/status': failure }), {
      pass,
    });
    assert.ok(facts.includes('node_load(pve1,0.25)') && facts.includes('node_up(pve2,true)'));
    assert.ok(!facts.some((one) => one.startsWith('node_load(pve2')));
    assert.deepEqual(
      pass.misses.map(({ code }) => code),
      ['source_unreadable'],
    );
  }
});

type Reply = Parameters<Parameters<typeof createServer>[1] & object>[1];

test('a redirect is not followed, and what is not as documented is unreadable, with its place', async (t) => {
  const elsewhere = await startProxmox(t);
  const location = `${elsewhere.url.href}api2/json/nodes`;
  const answers: [unknown, RegExp][] = [
    [(_request: unknown, reply: Reply) => reply.writeHead(302, { location }).end(), /HTTP 302/],
    [(_request: unknown, reply: Reply) => reply.end('{"data":['), /nodes is not as documented/],
    [(_request: unknown, reply: Reply) => reply.end('[]'), /not as documented/],
    [(_request: unknown, reply: Reply) => reply.end(' '.repeat(COLLECT_BODY_BYTES + 1)), /more than/],
    [null, /not as documented at data/],
    [[{ ...NODES[0], mem: -1 }], /at data\.0\.mem/],
    [[{ ...NODES[0], node: '../access/ticket' }], /at data\.0\.node/],
  ];
  for (const [answer, said] of answers) {
    const error = await refusal(collect(t, await startProxmox(t, { ...ANSWERS, nodes: answer })));
    assert.equal(error.code, 'source_unreadable');
    assert.match(error.message, said);
  }
  assert.deepEqual(elsewhere.requests, []);
});

test('a cluster that hangs is let go of when the pass is called off', async (t) => {
  const hanging = await startProxmox(t, { ...ANSWERS, 'nodes/pve2/status': () => {} });
  const abort = new AbortController();
  const pass = codeOf(collect(t, hanging, { pass: somePass(abort.signal) }));
  setTimeout(() => abort.abort(new LogicError('source_timeout', 'The pass had not ended.')), 200);
  assert.equal(await pass, 'source_timeout');
});

test('names of guests that no fact may have are replaced by their ids', async (t) => {
  const odd = ['', '$VAR', 'e\u0301'].map((name, i) => guest(200 + i, name, 'pve1', 'running'));
  const facts = await collect(t, await startProxmox(t, { ...ANSWERS, 'cluster/resources?type=vm': odd }));
  const hosts = facts.filter((one) => one.startsWith('vm_host'));
  assert.deepEqual(hosts, [
    "vm_host('qemu/200',pve1)",
    "vm_host('qemu/201',pve1)",
    "vm_host('qemu/202',pve1)",
  ]);
});
