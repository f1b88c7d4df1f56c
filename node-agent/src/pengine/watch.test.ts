/** Standing questions of a whole site, with its real engine; every event is checked as a coordinator checks it. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readAssumptions } from '@fleet/shared/assume.ts';
import { loadManifest, type Manifest } from '@fleet/shared/catalogue.ts';
import { CALLER_WATCHES, WATCH_ALIVE_MS, WATCH_STALL_MS } from '@fleet/shared/limits.ts';
import { fact } from '../telemetry/observation.ts';
import { observe } from '../telemetry/pipeline.ts';
import { authority, certify } from '../testing/certificates.ts';
import { endOfFile } from '../testing/folder.ts';
import { makeSiteFolder, runSite, SITE, seen, until } from '../testing/site.ts';
import { sessionTo, type Watching, watchPlain, watchRequest, watchStream } from '../testing/watching.ts';
import { realWorld } from '../world.ts';

const ending = endOfFile(after);
let site: Awaited<ReturnType<typeof runSite>>;
let manifest: Manifest;
let key: string;
let coordinator: { cert: string; key: string; ca: string };

before(async () => {
  manifest = await loadManifest(join(import.meta.dirname, '../../../kb'));
  const data = await makeSiteFolder(ending);
  key = await readFile(join(data, 'tls', 'key.pem'), 'utf8');
  const fleet = await authority();
  const one = await certify(fleet, { name: 'coordinator', unit: 'coordinator' });
  coordinator = { cert: one.cert, key: one.key, ca: fleet.cert };
  const own = await certify(fleet, { name: SITE, unit: 'site', key });
  const tls = {
    tlsCert: join(data, 'tls', 'cert.pem'),
    tlsKey: join(data, 'tls', 'key.pem'),
    tlsCa: join(data, 'tls', 'ca.pem'),
  };
  await writeFile(tls.tlsCert, own.cert);
  await writeFile(tls.tlsCa, fleet.cert);
  site = await runSite(ending, data, { flags: { ...tls, listen: '127.0.0.1:0' } });
});

const watch = (query: string, prove = true) => watchPlain(site.url, query, { manifest, key, prove });
async function set(...facts: readonly Parameters<typeof fact>[]): Promise<number> {
  const { revision } = await observe(seen(...facts), site.telemetry);
  await site.telemetry.sync.settled();
  return revision;
}
const gone = async (...watchings: Watching[]) => {
  for (const one of watchings) one.leave();
  await until(() => site.watches.size === 0, 'the watches end with their readers');
};

test('a watch tells the whole answer at once, and again when it changed, with proofs that hold', async () => {
  await set(['node_up', 'pve1', true], ['node_up', 'pve2', false]);
  const watching = await watch('node_status(N, up)');
  assert.deepEqual((await watching.next()).rows, ['pve1']);
  const revision = await set(['node_up', 'pve2', true]);
  const event = await watching.next();
  assert.deepEqual(event.rows, ['pve1', 'pve2']);
  assert.ok(event.revision >= revision);
  assert.ok(event.answers.every(({ standing }) => standing === 'verified'));
  await set(['node_up', 'pve1', false]);
  assert.deepEqual((await watching.next()).rows, ['pve2']);
  await gone(watching);
});

test('revisions that leave the answer as it is are told nothing of, new evidence for the same rows neither', async () => {
  await set(['node_up', 'pve1', true], ['node_up', 'pve2', true]);
  const watching = await watch('node_status(N, up)');
  await watching.next();
  for (let n = 0; n < 20; n += 1) await set(['node_load', 'pve1', n / 10], ['node_up', 'pve1', true]);
  await set(['node_up', 'pve2', false]);
  assert.deepEqual((await watching.next()).rows, ['pve1']);
  assert.equal(watching.told.length, 2);
  await gone(watching);
});

test('a burst of revisions is a few events, and the last is the last state', async () => {
  const watching = await watch('node_load(N, L)', false);
  await watching.next();
  const all = Array.from({ length: 300 }, (_, n) =>
    observe(seen(['node_load', 'pve1', n + 0.5]), site.telemetry),
  );
  await Promise.all(all);
  await until(() => watching.told.at(-1)?.rows.includes('pve1 299.5') === true, 'the last state is told');
  assert.ok(watching.told.length < 100, `${watching.told.length} events`);
  await gone(watching);
});

test('a fact that goes stale is told of at that moment', async () => {
  await set(['node_up', 'pve1', true], ['node_up', 'pve2', true]);
  const now = realWorld.now();
  const soon = {
    fact: fact('node_up', 'pve3', true),
    source: 'test',
    observedAt: now,
    validUntil: now + 700,
  };
  await observe([soon], site.telemetry);
  await site.telemetry.sync.settled();
  const watching = await watch('node_status(N, up)');
  assert.deepEqual((await watching.next()).rows, ['pve1', 'pve2', 'pve3']);
  assert.deepEqual((await watching.next()).rows, ['pve1', 'pve2']);
  assert.ok(realWorld.now() - (now + 700) < 300);
  await gone(watching);
});

test('what-if, negation and an answer with no rows are watched like anything else', async () => {
  await set(['node_up', 'pve1', true]);
  const none = await watch('node_load(N, L), L > 1000.0');
  assert.deepEqual((await none.next()).rows, []);
  await set(['node_load', 'pve2', 2000.5]);
  assert.deepEqual((await none.next()).rows, ['pve2 2000.5']);
  const assume = { assume: readAssumptions(['node_up(pve4,true)']) };
  const assumed = await watchPlain(site.url, 'node_status(pve4, S)', { manifest, key, assume });
  const supposed = await assumed.next();
  assert.deepEqual([supposed.rows, supposed.answers[0]?.standing], [['up'], 'hypothetical']);
  const calm = await watch('node(N), \\+ node_status(N, up)');
  const first = await calm.next();
  assert.ok(first.rows.includes('pve4') && first.answers.every(({ standing }) => standing === 'attested'));
  await gone(none, assumed, calm);
});

test('an engine that is killed is told of, and the watch goes on with the next one', async () => {
  await set(['node_up', 'pve1', true]);
  const watching = await watch('node_status(N, up)');
  const { rows } = await watching.next();
  process.kill(site.engine.pid ?? 0, 'SIGKILL');
  await until(() => site.engine.state !== 'ready', 'the engine is gone');
  await set(['node_load', 'pve1', 0.25]);
  await until(() => site.engine.state === 'ready', 'the engine is back');
  await set(['node_up', 'pve4', true]);
  let last = await watching.next();
  while (typeof last.rows === 'string') last = await watching.next();
  while (!last.rows.includes('pve4')) last = await watching.next();
  assert.deepEqual(last.rows, [...rows, 'pve4'].sort());
  await gone(watching);
});

test('a reader that does not read costs one event, and gets the newest state when it reads on', async () => {
  const session = sessionTo(site.https ?? '', coordinator);
  const query = 'node_load(A, B), node_load(C, D), node_load(E, F), node_load(G, H)';
  const watching = watchStream(session, query, { manifest, key, prove: false });
  await set(
    ['node_load', 'pve1', 1.5],
    ['node_load', 'pve2', 1.5],
    ['node_load', 'pve3', 1.5],
    ['node_load', 'pve4', 1.5],
  );
  await watching.next();
  watching.stream.pause();
  for (let n = 0; n < 200; n += 1) await set(['node_load', 'pve1', 100.5 + n]);
  const before = watching.told.length;
  watching.stream.resume();
  await until(
    () => JSON.stringify(watching.told.at(-1)?.rows ?? '').includes('pve1 299.5'),
    'the newest state',
  );
  const queued = watching.told.length - before;
  assert.ok(queued < 30, `${queued} events came`);
  await gone(watching);
  session.close();
});

test('what may not be asked may not be watched, and a watch wants all answers at once', async () => {
  const { headers, question } = watchRequest('node(N)', { manifest });
  const post = async (body: unknown, more: Record<string, string> = {}) => {
    const reply = await fetch(`${site.url}/watch`, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return [reply.status, ((await reply.json()) as { code: string }).code];
  };
  const keys = JSON.parse(question.body) as Record<string, unknown>;
  assert.deepEqual(await post({ ...keys, ask: 'shell(ls)' }), [400, 'unknown_predicate']);
  assert.deepEqual(await post({ ...keys, ask: 'node(N' }), [400, 'syntax_error']);
  assert.deepEqual(await post({ ...keys, src_text: 'p.' }), [400, 'forbidden_source']);
  assert.deepEqual(await post({ ...keys, chunk: 5 }), [400, 'bad_request']);
  assert.deepEqual(await post({ ...keys, template: undefined }), [400, 'bad_request']);
  assert.deepEqual(await post({ ...keys, format: 'json' }), [400, 'bad_request']);
  assert.deepEqual(await post(keys, { 'logic-nonce': 'x' }), [400, 'bad_request']);
  assert.deepEqual(await post('[]'), [400, 'bad_request']);
  assert.deepEqual(await post(keys, { origin: 'https://evil.example' }), [403, 'forbidden']);
  assert.equal(site.watches.size, 0);
});

test('one caller cannot take every place; a reader that leaves gives its own back', async () => {
  const session = sessionTo(site.https ?? '', coordinator);
  const open = Array.from({ length: CALLER_WATCHES }, () =>
    watchStream(session, 'node(N)', { manifest, key }),
  );
  await Promise.all(open.map((one) => one.next()));
  await assert.rejects(
    Promise.all(Array.from({ length: CALLER_WATCHES + 1 }, () => watch('node(N)'))),
    /429.*busy/s,
  );
  const other = sessionTo(site.https ?? '', coordinator);
  const refused = watchStream(other, 'node(N)', { manifest, key });
  await until(() => refused.ended(), 'it is refused');
  assert.deepEqual(refused.told, []);
  session.destroy();
  await until(() => site.watches.size < CALLER_WATCHES + 1, 'they are gone with their session');
  const again = watchStream(other, 'node(N)', { manifest, key });
  assert.ok((await again.next()).rows.length > 0);
  other.destroy();
});

test('a watch with nothing to tell shows that it lives, a reader that never reads is given up, and a stop ends all', async (t) => {
  const short = [WATCH_ALIVE_MS, WATCH_STALL_MS];
  const world = {
    ...realWorld,
    after: (ms: number, run: () => void) => realWorld.after(short.includes(ms) ? ms / 200 : ms, run),
  };
  const data = await makeSiteFolder(t);
  const own = { manifest, key: await readFile(join(data, 'tls', 'key.pem'), 'utf8') };
  const other = await runSite(t, data, { parts: { world } });
  const quiet = await watchPlain(other.url, 'node(N)', own);
  await until(() => quiet.alive() >= 3, 'it says that it lives');
  assert.equal(quiet.told.length, 1);
  const deaf = await watchPlain(other.url, 'node_load(A, B), node_load(C, D), node_load(E, F)', own);
  await deaf.next();
  deaf.stream.pause();
  let load = 1.5;
  while (other.watches.size === 2) {
    load += 1;
    const loads = [1, 2, 3, 4].map((n): Parameters<typeof fact> => ['node_load', `pve${n}`, load]);
    await observe(seen(...loads), other.telemetry);
    await other.telemetry.sync.settled();
  }
  await other.stop();
  await until(() => quiet.ended(), 'the stop ends it');
});
