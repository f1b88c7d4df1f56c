/**
 * A corpus of hostile requests at every way in: the door, its events and templates, tRPC, and (behind Node's back) both of
 * the engine's own sockets, so that Prolog's vetting is seen to hold alone. Nothing outside the vocabulary runs: the canary
 * never appears, state and flags stay as they are, no functor is left behind, and the site goes on answering.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ERRORS, isErrorCode } from '@fleet/shared/errors.ts';
import { ANSWERS, QUERY_TEXT_BYTES } from '@fleet/shared/limits.ts';
import { endOfFile, temporaryFolder } from '../testing/folder.ts';
import { escapes, HOSTILE_EVENTS, HOSTILE_TEMPLATES, hostileCreates, oddities } from '../testing/hostile.ts';
import { postPengine } from '../testing/pengines.ts';
import { client, startSite } from '../testing/site.ts';

const ending = endOfFile(after);
let site: Awaited<ReturnType<typeof startSite>>;
let canary = '';
let questions: readonly string[] = [];
before(async () => {
  canary = join(await temporaryFolder(ending), 'canary');
  questions = [...escapes(canary), ...oddities()];
  site = await startSite(ending);
});

interface Event {
  readonly event?: string;
  readonly id?: string;
  readonly code?: string;
  readonly answer?: Event;
  readonly data?: unknown;
}

const post = (action: string, body: string, contentType = 'application/json') =>
  postPengine(site.url, action, body, { headers: { 'content-type': contentType } });

/** The code of a refusal, however deep it is wrapped; null where there is none. */
function codeOf(event: Event): string | null {
  if (typeof event.code === 'string') return event.code;
  if (event.answer !== undefined) return codeOf(event.answer);
  return typeof event.data === 'object' && event.data !== null && !Array.isArray(event.data)
    ? codeOf(event.data)
    : null;
}

function assertRefused(event: Event, what: string): void {
  const code = codeOf(event);
  assert.ok(code !== null, `accepted: ${what.slice(0, 200)} ${JSON.stringify(event).slice(0, 200)}`);
  assert.ok(isErrorCode(code) && ERRORS[code].http < 500, `${code}: ${what.slice(0, 200)}`);
}

async function assertUnharmed(): Promise<void> {
  assert.equal(existsSync(canary), false);
  const answered = await client(site.url).site.ask.query({ query: 'node(N)' });
  assert.deepEqual(
    answered.answers.map(({ bindings }) => bindings.N),
    ['pve1', 'pve2', 'pve3', 'pve4', 'sentry'],
  );
  assert.equal(site.engine.restarts, 0);
  assert.equal(site.door.sessions, 0);
}

for (const keys of [{ chunk: ANSWERS, template: '[]' }, { chunk: 1 }]) {
  const name = keys.chunk === 1 ? 'a pengine' : 'the lane';
  test(`no hostile question runs in ${name}`, async () => {
    for (const ask of questions) {
      const body = JSON.stringify({ ask, format: 'json', destroy: true, ...keys });
      assertRefused((await (await post('create', body)).json()) as Event, ask);
    }
    await assertUnharmed();
  });
}

test('no hostile question runs by tRPC', async () => {
  for (const query of questions) {
    const code = await client(site.url)
      .site.ask.query({ query })
      .then(
        () => 'answered',
        (cause) => (cause.data as { logic?: { code: string } })?.logic?.code ?? String(cause),
      );
    assert.ok(isErrorCode(code) && ERRORS[code].http < 500, `${code}: ${query.slice(0, 200)}`);
  }
  await assertUnharmed();
});

test('no hostile template, create or event runs', async () => {
  for (const template of HOSTILE_TEMPLATES) {
    const body = JSON.stringify({ ask: 'node(N)', template, format: 'json' });
    assertRefused((await (await post('create', body)).json()) as Event, template);
  }
  for (const keys of hostileCreates(canary)) {
    const body = JSON.stringify({ format: 'json', ...keys });
    assertRefused((await (await post('create', body)).json()) as Event, body);
  }
  const made = (await (
    await post('create', JSON.stringify({ ask: 'node(N)', destroy: false, format: 'json' }))
  ).json()) as Event;
  for (const event of HOSTILE_EVENTS) {
    const began = performance.now();
    const reply = await post(`send?id=${made.id}&format=json`, event, 'application/x-prolog');
    assertRefused((await reply.json()) as Event, event);
    assert.ok(performance.now() - began < 1_000, event);
  }
  const next = await post(`send?id=${made.id}&format=json`, 'next.', 'application/x-prolog');
  assert.equal(((await next.json()) as Event).event, 'success', 'the pengine is as it was');
  await post(`send?id=${made.id}&format=json`, 'destroy.', 'application/x-prolog');
  await assertUnharmed();
});

test('behind Node, Prolog itself runs none of them, on either socket', async () => {
  const bridge = site.engine.bridge();
  const gone = new AbortController().signal;
  const odd = oddities().filter((ask) => ask.length < 10_000 && !/2\*\*|<</.test(ask));
  const toRefuse = escapes(canary);
  for (const ask of [...toRefuse, ...odd]) {
    const refused = (body: Buffer) =>
      !toRefuse.includes(ask) || codeOf(JSON.parse(body.toString()) as Event) !== null;
    const emitted = JSON.stringify({
      application: 'logic',
      ask,
      format: 'json',
      src_text: '',
      destroy: true,
    });
    const stock = await bridge.pengine({
      method: 'POST',
      path: '/pengine/create',
      contentType: 'application/json',
      body: emitted,
    });
    assert.ok(refused(stock.body), `${ask}: ${stock.body}`);
    const lane = await bridge.lane.ask(
      { format: 'json', pengine: 'x', text: `lane((${ask}\n),[])`, caller: 'test' },
      gone,
    );
    assert.ok(refused(lane.body), `${ask}: ${lane.body}`);
  }
  for (const keys of hostileCreates(canary).slice(0, 5)) {
    const body = JSON.stringify({ application: 'logic', format: 'json', ...keys });
    const { body: said } = await bridge.pengine({
      method: 'POST',
      path: '/pengine/create',
      contentType: 'application/json',
      body,
    });
    assert.doesNotMatch(said.toString(), /"success"/, body);
  }
  await assertUnharmed();
});

test('refused questions leave no functor in the engine', async () => {
  const before = (await site.engine.bridge().ready()).functors;
  for (let round = 0; round < 20; round += 1) {
    const fresh = Array.from({ length: 400 }, (_, at) => `fresh_${round}_${at}(a,b)`).join(',');
    for (const ask of [fresh, `node(N), ${fresh}`, `prove((${fresh}),P)`])
      await post('create', JSON.stringify({ ask, chunk: ANSWERS, template: '[]' }));
    await post('create', JSON.stringify({ ask: 'node(N)', template: `fresh_${round}(N)`, chunk: ANSWERS }));
    await post('create', `{"ask":"node(N)","${`key_${round}`}":1}`);
  }
  const after = (await site.engine.bridge().ready()).functors;
  assert.ok(after - before < 100, `${after - before} functors`);
});

test('answers that would make a reply of megabytes are told too_large, and the lane goes on', async () => {
  // As long a name as a question may have, in the proof of each of 625 answers.
  const name = 'x'.repeat(256);
  const marks = Array.from({ length: 100 }, (_, at) => `A \\== '${name.slice(0, 250)}${at}'`).join(', ');
  const ask = `prove((node(A), node(B), node(C), node(D), ${marks}), P)`;
  assert.ok(ask.length < QUERY_TEXT_BYTES);
  for (const format of ['prolog', 'json']) {
    const body = JSON.stringify({ ask, template: '[A,B,C,D,P]', chunk: ANSWERS, format });
    const text = await (await post('create', body)).text();
    assert.match(text.slice(0, 400), /too_large|memory_limit/);
  }
  await assertUnharmed();
});

test('what a client sends never comes back as anything but a quoted text', async () => {
  const id = "x'),halt,('";
  const reply = await (await post(`send?id=${encodeURIComponent(id)}`, 'next.')).text();
  assert.match(reply, /^error\('x\\'\),halt,\(\\'',error\(existence_error\(pengine,/);
});
