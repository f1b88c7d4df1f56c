/** The listeners: tRPC and health over plain HTTP, and TLS with its certificates over HTTP/2 and HTTP/1.1. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { ERRORS, type ErrorCode } from '@fleet/shared/errors.ts';
import { TRPCClientError } from '@trpc/client';
import { Client, type Dispatcher } from 'undici';
import { observe } from './telemetry/pipeline.ts';
import { authority, type Certified, certify } from './testing/certificates.ts';
import { endOfFile } from './testing/folder.ts';
import {
  client,
  ENDLESS,
  HUGE,
  makeSiteFolder,
  runSite,
  SITE,
  seen,
  startSite,
  until,
} from './testing/site.ts';

const ending = endOfFile(after);
let site: Awaited<ReturnType<typeof runSite>>;
let fleet: Certified;
let coordinator: Certified;

before(async () => {
  const data = await makeSiteFolder(ending);
  fleet = await authority();
  coordinator = await certify(fleet, { name: 'coordinator', unit: 'coordinator' });
  const own = await certify(fleet, {
    name: SITE,
    unit: 'site',
    key: await readFile(join(data, 'tls', 'key.pem'), 'utf8'),
  });
  const tls = {
    tlsCert: join(data, 'tls', 'cert.pem'),
    tlsKey: join(data, 'tls', 'key.pem'),
    tlsCa: join(data, 'tls', 'ca.pem'),
  };
  await writeFile(tls.tlsCert, own.cert);
  await writeFile(tls.tlsCa, fleet.cert);
  site = await runSite(ending, data, {
    flags: { ...tls, listen: '127.0.0.1:0', metricsAddr: '127.0.0.1:0' },
  });
  await observe(seen(['node_up', 'pve1', true]), site.telemetry);
  await site.telemetry.sync.settled();
});

const BAD: readonly (readonly [string, ErrorCode])[] = [
  ['node_up(A', 'syntax_error'],
  ['shell(ls)', 'unknown_predicate'],
  ['node(N) ; vm(V)', 'non_ground_answer'],
  [HUGE, 'memory_limit'],
  ['x'.repeat(100_000), 'too_large'],
  ['node(X), Y is 1 // 0', 'evaluation_error'],
];

for (const [query, code] of BAD) {
  test(`site.ask tells ${code} as a tRPC error with code and advice`, async () => {
    const cause = await client(site.url)
      .site.ask.query({ query })
      .then(
        () => null,
        (error) => error,
      );
    assert.ok(cause instanceof TRPCClientError, String(cause));
    const data = cause.data as { code: string; logic: unknown };
    assert.deepEqual(data.logic, { code, advice: ERRORS[code].advice });
    assert.equal(data.code, ERRORS[code].trpc);
  });
}

test('site.ask tells a body of 10 MB too_large, and a client of tRPC can read that', async () => {
  const cause = await client(site.url)
    .site.ask.query({ query: 'x'.repeat(10 * 1024 * 1024) })
    .then(
      () => null,
      (error) => error,
    );
  assert.ok(cause instanceof TRPCClientError);
  assert.deepEqual((cause.data as { logic: unknown }).logic, {
    code: 'too_large',
    advice: ERRORS.too_large.advice,
  });
});

test("site.ask gives verified answers, attested where the site's word counts, and works as GET too", async () => {
  const { answers, variables } = await client(site.url).site.ask.query({ query: 'node_status(N, S)' });
  assert.deepEqual(variables, ['N', 'S']);
  assert.deepEqual(
    answers.map(({ bindings, standing }) => [bindings.N, bindings.S, standing]),
    [
      ['pve1', 'up', 'verified'],
      ['pve2', 'unknown', 'attested'],
      ['pve3', 'unknown', 'attested'],
      ['pve4', 'unknown', 'attested'],
      ['sentry', 'unknown', 'attested'],
    ],
  );
  const input = encodeURIComponent(JSON.stringify({ query: 'node_up(N, U)', prove: false }));
  const got = (await (await fetch(`${site.url}/trpc/site.ask?input=${input}`)).json()) as {
    result: { data: { answers: unknown } };
  };
  assert.deepEqual(got.result.data.answers, [
    { site: SITE, bindings: { N: 'pve1', U: 'true' }, standing: 'unproved', proof: null },
  ]);
});

test('site.info says who the site is and what can be asked; wrong calls are typed', async () => {
  const info = await client(site.url).site.info.query();
  assert.deepEqual([info.site, info.engine, info.revision], [SITE, 'ready', 1]);
  assert.ok(info.catalogue.some(({ name, arity }) => name === 'node_status' && arity === 2));
  const wrong = (await (await fetch(`${site.url}/trpc/site.nothing`)).json()) as {
    error: { data: { logic: { code: string } } };
  };
  assert.equal(wrong.error.data.logic.code, 'not_found');
});

test('health is served on the plain port and on the metrics port', async () => {
  for (const url of [site.url, site.metrics]) {
    const reply = await fetch(`${url}/healthz`);
    assert.equal(reply.status, 200);
    const { site: name, engine, revision, bundle } = (await reply.json()) as Record<string, unknown>;
    assert.deepEqual([name, engine, revision, typeof bundle], [SITE, 'ready', 1, 'string']);
  }
  assert.equal((await fetch(`${site.metrics}/trpc/site.info`)).status, 404);
});

async function overTls(
  who: Partial<Certified>,
  options: { allowH2: boolean; path: string; body?: string },
): Promise<Dispatcher.ResponseData & { text: string }> {
  const caller = new Client(site.https ?? '', {
    allowH2: options.allowH2,
    connect: { ca: fleet.cert, servername: SITE, ...who },
  });
  try {
    const reply = await caller.request({
      path: options.path,
      method: options.body === undefined ? 'GET' : 'POST',
      body: options.body ?? null,
      headers: { 'content-type': 'application/json' },
    });
    return { ...reply, text: await reply.body.text() };
  } finally {
    await caller.close();
  }
}

for (const allowH2 of [true, false]) {
  const version = allowH2 ? 'HTTP/2' : 'HTTP/1.1';
  test(`a coordinator asks over ${version} on the TLS port`, async () => {
    const body = JSON.stringify({
      ask: 'node_up(N,U)',
      template: '[N,U]',
      chunk: 1000,
      destroy: true,
      format: 'prolog',
    });
    const reply = await overTls(coordinator, { allowH2, path: '/pengine/create', body });
    assert.equal(reply.statusCode, 200);
    assert.match(
      reply.text,
      /^create\('[^']+',\[.*answer\(destroy\('[^']+',success\('[^']+',\[\[pve1,true\]\],/,
    );
    assert.equal(reply.headers['logic-site'], SITE);
  });

  test(`over ${version} the certificate of a connection is read at its first request alone`, async (t) => {
    const reading = t.mock.method(TLSSocket.prototype, 'getPeerCertificate').mock;
    const asker = new Client(site.https ?? '', {
      allowH2,
      connect: { ca: fleet.cert, servername: SITE, ...coordinator },
    });
    const reads: number[] = [];
    for (let at = 0; at < 4; at += 1) {
      const { statusCode, body } = await asker.request({ method: 'GET', path: '/trpc/site.info' });
      await body.dump();
      assert.equal(statusCode, 200);
      reads.push(reading.callCount());
    }
    await asker.close();
    assert.ok((reads[0] ?? 0) > 0);
    assert.deepEqual(reads, Array(4).fill(reads[0]));
  });

  test(`over ${version} nobody but a coordinator of this fleet is served`, async () => {
    const strangers = await authority('strangers');
    const callers: readonly (readonly [string, Partial<Certified>])[] = [
      ['no certificate', {}],
      ['another site', await certify(fleet, { name: 'shop', unit: 'site' })],
      ['another fleet', await certify(strangers, { name: 'coordinator', unit: 'coordinator' }, 'strangers')],
      [
        'an authority of the same name',
        await certify(await authority(), { name: 'coordinator', unit: 'coordinator' }),
      ],
    ];
    for (const [who, certified] of callers) {
      for (const path of ['/pengine/create', '/trpc/site.info', '/healthz']) {
        const { statusCode, text } = await overTls(certified, { allowH2, path });
        assert.deepEqual([statusCode, JSON.parse(text).code], [403, 'forbidden'], `${who} ${path}`);
      }
    }
  });
}

test('streams that an asker resets in mid-question leave nothing behind', async () => {
  const session = connect(site.https ?? '', { ca: fleet.cert, servername: SITE, ...coordinator });
  const closed = Promise.withResolvers<void>();
  session.once('close', () => closed.resolve());
  for (let at = 0; at < 30; at += 1) {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/pengine/create',
      'content-type': 'application/json',
    });
    stream.on('error', () => {});
    stream.end(JSON.stringify({ ask: at % 3 === 0 ? ENDLESS : 'node(N)', destroy: false }));
    await until(
      () => site.door.running > 0 || stream.closed || stream.readableLength > 0,
      'the question arrived',
      5_000,
    );
    stream.close(0);
    await until(() => stream.closed, 'the stream is closed');
  }
  await until(
    () => site.door.running === 0 && site.door.sessions === 0,
    'no question and no pengine is left',
  );
  session.close();
  await closed.promise;
});

test('a session that goes on after a certificate was refused is refused again', async () => {
  const session = connect(site.https ?? '', { ca: fleet.cert, servername: SITE });
  for (let at = 0; at < 2; at += 1) {
    const stream = session.request({ ':path': '/healthz' });
    const status = await new Promise((resolve) =>
      stream.once('response', (headers) => resolve(headers[':status'])),
    );
    assert.equal(status, 403);
    stream.close();
  }
  session.destroy();
});

test('the page of a site shows its alerts, and answers with proofs', async (t) => {
  const own = await startSite(t);
  await observe(seen(['node_up', 'pve1', true], ['node_temp', 'pve1', 99.5]), own.telemetry);
  await until(() => own.alerts.ledger.history(1).length > 0, 'an alert is raised');
  const home = await (await fetch(own.url)).text();
  assert.match(home, /<h2 id="alerts">Alerts<\/h2>[\s\S]*throttling[\s\S]*pve1/);
  const asked = await fetch(`${own.url}/?q=${encodeURIComponent('throttling(Node)')}`);
  assert.equal(asked.status, 200);
  assert.match(await asked.text(), /<td class="verified">verified<\/td>[\s\S]*node_temp\(pve1, 99.5\)/);
  const refused = await fetch(`${own.url}/?q=${encodeURIComponent('shell(ls)')}`);
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /unknown_predicate/);
});
