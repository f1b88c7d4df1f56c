import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { REPLY_BYTES } from '@fleet/shared/limits.ts';
import { newKey, signingRequest } from '@fleet/shared/signing-request.ts';
import pLimit from 'p-limit';
import { openAuthority } from '../sites/authority.ts';
import type { Site } from '../sites/registry.ts';
import { openSessions } from '../sites/sessions.ts';
import { type Handler, listen, openTestFleet } from '../testing/site-server.ts';
import { realWorld } from '../world.ts';
import { fanout, type Reply } from './fanout.ts';

const fleet = await openTestFleet();
after(() => fleet.close());
const wire = { sessions: fleet.sessions, limit: pLimit(16), world: realWorld };
const question = { ask: 'q', template: '[]', body: '{"ask":"q"}' };

const ask = (sites: readonly Site[], deadlineMs = 2_000, cancel?: AbortSignal): Promise<Reply[]> =>
  Promise.all(fanout(wire, sites, question, { deadlineMs, cancel }));
const say =
  (text: string): Handler =>
  (stream) => {
    stream.respond({ ':status': 200 });
    stream.end(text);
  };
const silent: Handler = () => {};
const outcomeOf = (reply: Reply | undefined) =>
  reply?.kind === 'none' ? [reply.outcome, reply.error?.code ?? null] : [reply?.kind, reply?.body.toString()];

async function outcomeAt(site: Site, deadlineMs?: number): Promise<unknown[]> {
  const [reply] = await ask([site], deadlineMs);
  return outcomeOf(reply);
}

const good = await fleet.site('good', say('fine'));

test('a site gets the question with a fresh nonce each time, and its whole reply comes back', async () => {
  const nonces: unknown[] = [];
  const site = await fleet.site('echo', (stream, { headers, body }) => {
    nonces.push(headers['logic-nonce']);
    assert.equal(headers[':method'], 'POST');
    assert.equal(headers[':path'], '/pengine/create');
    stream.respond({ ':status': 200, 'logic-revision': '7' });
    stream.end(body);
  });
  const [first, second] = [...(await ask([site.row()])), ...(await ask([site.row()]))];
  assert.ok(first?.kind === 'body' && second?.kind === 'body');
  assert.equal(first.body.toString(), question.body);
  assert.equal(first.headers['logic-revision'], '7');
  assert.deepEqual(nonces, [first.nonce, second.nonce]);
  assert.match(first.nonce, /^[0-9a-f]{32}$/);
  assert.notEqual(first.nonce, second.nonce);
  assert.ok(first.askedAt <= first.receivedAt);
});

test('one TLS session carries many questions at once', async () => {
  const site = await fleet.site('busy-line', say('fine'));
  const replies = await ask(Array.from({ length: 60 }, () => site.row()));
  assert.ok(replies.every((reply) => reply.kind === 'body'));
  assert.equal(site.sessions, 1);
});

test('nothing listens: unreachable', async () => {
  assert.deepEqual(await outcomeAt({ ...good.row(), name: 'gone', address: '127.0.0.1:1' }), [
    'unreachable',
    'unreachable',
  ]);
});

test('silence costs a site its own outcome, at the deadline, and no other site any time', async () => {
  const site = await fleet.site('silent', silent);
  const start = performance.now();
  const promises = fanout(wire, [site.row(), good.row()], question, { deadlineMs: 1_500 });
  assert.deepEqual(outcomeOf(await promises[1]), ['body', 'fine']);
  assert.ok(performance.now() - start < 1_000, 'the other answered long before the deadline');
  assert.deepEqual(outcomeOf(await promises[0]), ['timeout', 'deadline']);
  assert.ok(performance.now() - start < 2_500);
});

test('a machine that accepts and then says nothing, not even TLS, is a timeout', async () => {
  const sockets: { destroy(): void }[] = [];
  const server = createServer((socket) => sockets.push(socket));
  const port = await listen(server, 0);
  const [reply] = await ask([{ ...good.row(), name: 'mute', address: `127.0.0.1:${port}` }], 200);
  assert.ok(reply?.kind === 'none' && reply.outcome === 'timeout');
  assert.match(reply.error?.message ?? '', /no session/);
  for (const socket of sockets) socket.destroy();
  server.close();
});

test('more silent sites than places do not keep another from being asked', async () => {
  const mute = await Promise.all(Array.from({ length: 6 }, (_, i) => fleet.site(`mute-${i}`, silent)));
  const narrow = { ...wire, limit: pLimit(2) };
  const replies = fanout(narrow, [...mute.map((site) => site.row()), good.row()], question, {
    deadlineMs: 2_000,
  });
  const first = await Promise.race(replies);
  assert.equal(first.site.name, 'good');
  const all = await Promise.all(replies);
  assert.equal(all.filter((reply) => reply.kind === 'none' && reply.outcome === 'timeout').length, 6);
});

test('a stream that is reset in the middle of a reply is a lost reply, and the session lives on', async () => {
  let broken = true;
  const site = await fleet.site('reset', (stream) => {
    stream.respond({ ':status': 200, 'content-length': broken ? 8 : 4 });
    stream.write('half', () => (broken ? stream.close(2) : stream.end()));
  });
  assert.deepEqual(await outcomeAt(site.row()), ['error', 'reply_lost']);
  broken = false;
  assert.deepEqual(await outcomeAt(site.row()), ['body', 'half']);
  assert.equal(site.sessions, 1);
});

test('a site that dies in the middle of a reply is a lost reply, and is asked again when it is back', async () => {
  const site = await fleet.site('dies', (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('half', () => void site.kill());
  });
  assert.deepEqual(await outcomeAt(site.row()), ['error', 'reply_lost']);
  assert.deepEqual(await outcomeAt(site.row()), ['unreachable', 'unreachable']);
  await site.revive();
  assert.deepEqual(await outcomeAt(site.row()), ['error', 'reply_lost'], 'it was reached again');
});

test('a reply that stops halfway without a word is a timeout', async () => {
  const site = await fleet.site('halfway', (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('half');
  });
  assert.deepEqual(await outcomeAt(site.row(), 200), ['timeout', 'deadline']);
});

test('a session that died while idle is replaced by the next question', async () => {
  const site = await fleet.site('restarted', say('fine'));
  assert.deepEqual(await outcomeAt(site.row()), ['body', 'fine']);
  await site.kill();
  await site.revive();
  while (fleet.sessions.to(site.row()).connected) await nextTurn(); // the end of the old session is on its way
  assert.deepEqual(await outcomeAt(site.row()), ['body', 'fine']);
  assert.equal(site.sessions, 2);
});

test('after a deadline the next question opens a new session, since the old one may be dead without a word', async () => {
  let awake = false;
  const site = await fleet.site('stopped', (stream, asked) =>
    awake ? say('fine')(stream, asked) : undefined,
  );
  assert.deepEqual(await outcomeAt(site.row(), 100), ['timeout', 'deadline']);
  awake = true;
  assert.deepEqual(await outcomeAt(site.row()), ['body', 'fine']);
  assert.equal(site.sessions, 2);
});

test('a changed address is used by the next question', async () => {
  const [old, now] = await Promise.all([
    fleet.site('moved', say('old place')),
    fleet.site('moved-to', silent),
  ]);
  assert.deepEqual(await outcomeAt(old.row()), ['body', 'old place']);
  fleet.registry.setAddress('moved', now.row().address);
  assert.deepEqual(
    await outcomeAt(old.row()),
    ['unreachable', 'unreachable'],
    'the other place shows another name',
  );
});

test('an endless reply is cut at the limit and rejected', async () => {
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  let sent = 0;
  const site = await fleet.site('endless', (stream) => {
    stream.respond({ ':status': 200 });
    const pour = () => {
      while (!stream.destroyed && stream.write(chunk)) sent += chunk.length;
      sent += chunk.length;
    };
    stream.on('drain', pour);
    pour();
  });
  assert.deepEqual(await outcomeAt(site.row(), 5_000), ['rejected', 'bad_reply']);
  assert.ok(sent < 2 * REPLY_BYTES, 'it was stopped soon after the limit');
});

test('statuses and typed refusals become one code each', async () => {
  let status = 429;
  let body = '';
  const site = await fleet.site('refuses', (stream) => {
    stream.respond({ ':status': status });
    stream.end(body);
  });
  const outcomes = [
    [429, '', 'refused', 'busy'],
    [403, '', 'refused', 'forbidden'],
    [413, '', 'refused', 'too_large'],
    [503, '', 'error', 'not_ready'],
    [500, '', 'error', 'internal'],
    [404, 'no json', 'refused', 'not_found'],
    [302, '', 'rejected', 'bad_reply'],
    [200 + 4, '', 'rejected', 'bad_reply'],
    [503, '{"code":"engine_lost","message":"m"}', 'error', 'engine_lost'],
    [400, '{"error":{"code":"too_large","message":"m"}}', 'refused', 'too_large'],
    [500, '{"event":"error","code":"memory_limit","data":"m"}', 'refused', 'memory_limit'],
    [
      503,
      '{"event":"error","code":"deadline","data":"m","error":{"code":-32003,"message":"m"}}',
      'error',
      'not_ready',
    ],
    [500, '{"code":"made_up","message":"m"}', 'error', 'internal'],
  ] as const;
  for (const [sent, text, outcome, code] of outcomes) {
    [status, body] = [sent, text];
    assert.deepEqual(await outcomeAt(site.row()), [outcome, code], `${sent} ${text}`);
  }
});

test("a site's own words are one short line without anything that steers a terminal", async () => {
  const message = `\u001b[2J\u202Eboo\n\r${'x'.repeat(10_000)}`;
  const site = await fleet.site('rude', (stream) => {
    stream.respond({ ':status': 503 });
    stream.end(JSON.stringify({ code: 'not_ready', message }));
  });
  const [reply] = await ask([site.row()]);
  assert.ok(reply?.kind === 'none');
  assert.match(reply.error?.message ?? '', /^\[2J boo x+…$/);
  assert.equal(reply.error?.message.length, 500);
});

test('what speaks TLS but not HTTP/2 gets one outcome', async () => {
  const key = newKey();
  const request = await signingRequest('garbled', key);
  const issued = await fleet.authority.issue('garbled', request);
  const server = createTlsServer({ key, cert: issued.certificate, ALPNProtocols: ['h2'] }, (socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 200 OK\r\n\r\nrubbish');
  });
  const port = await listen(server, 0);
  const site = {
    ...good.row(),
    ...issued,
    name: 'garbled',
    subject: 'garbled',
    address: `127.0.0.1:${port}`,
  };
  assert.deepEqual(await outcomeAt(site), ['error', 'reply_lost']);
  server.close();
});

test("another site's certificate, an older one of its own, and one of another authority are unreachable", async () => {
  const other = await fleet.site('other', say('mine'));
  const [reply] = await ask([{ ...other.row(), name: 'not-other', subject: 'not-other' }]);
  assert.ok(reply?.kind === 'none' && reply.outcome === 'unreachable');
  assert.match(reply.error?.message ?? '', /another site's certificate/);

  const [old] = await ask([{ ...other.row(), fingerprint: '0'.repeat(64) }]);
  assert.ok(old?.kind === 'none' && old.outcome === 'unreachable');
  assert.match(old.error?.message ?? '', /not the registered one/);

  const strange = openSessions(await openAuthority(`${fleet.dir}/other-ca`));
  const [foreign] = await Promise.all(
    fanout({ ...wire, sessions: strange }, [other.row()], question, { deadlineMs: 2_000 }),
  );
  assert.ok(foreign?.kind === 'none' && foreign.outcome === 'unreachable');
  assert.match(foreign.error?.message ?? '', /no certificate of this fleet/);
  await strange.close();
});

test('a site that will not have our certificate gets one outcome', async () => {
  const elsewhere = await openAuthority(`${fleet.dir}/elsewhere`);
  const key = newKey();
  const request = await signingRequest('proud', key);
  const issued = await fleet.authority.issue('proud', request);
  const server = createTlsServer({
    key,
    cert: issued.certificate,
    ca: elsewhere.certificate,
    requestCert: true,
    ALPNProtocols: ['h2'],
  });
  server.on('tlsClientError', () => {});
  const port = await listen(server, 0);
  const outcome = await outcomeAt({
    ...good.row(),
    ...issued,
    name: 'proud',
    subject: 'proud',
    address: `127.0.0.1:${port}`,
  });
  assert.deepEqual(outcome, ['error', 'reply_lost']);
  server.close();
});

test('an asker that goes away cancels what is open, and the site is told', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const away = new AbortController();
  const site = await fleet.site('patient', (stream) => {
    once(stream, 'aborted').then(() => resolve());
    away.abort();
  });
  const [reply] = await ask([site.row()], 5_000, away.signal);
  assert.deepEqual(outcomeOf(reply), ['cancelled', null]);
  await promise;
});

test('a question whose deadline has passed before its turn is not sent', async () => {
  let asked = 0;
  const site = await fleet.site('never', () => {
    asked += 1;
  });
  const held = Promise.withResolvers<void>();
  const blocked = pLimit(1);
  void blocked(() => held.promise);
  const replies = fanout({ ...wire, limit: blocked }, [site.row()], question, { deadlineMs: 50 });
  const opened = setTimeout(() => held.resolve(), 80);
  assert.deepEqual(outcomeOf(await replies[0]), ['timeout', 'deadline']);
  clearTimeout(opened);
  assert.equal(asked, 0);
});
