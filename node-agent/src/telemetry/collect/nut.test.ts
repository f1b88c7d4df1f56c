/** The collector of Network UPS Tools against the real upsd and its dummy driver, and the protocol by properties. */
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { LogicError } from '@fleet/shared/errors.ts';
import { UPS_REPLY_BYTES } from '@fleet/shared/limits.ts';
import { writeTerm } from '@fleet/shared/term.ts';
import fc from 'fast-check';
import { atEnd } from '../../testing/folder.ts';
import { freePort, listening } from '../../testing/loopback.ts';
import { somePass } from '../../testing/pass.ts';
import { startUpsd } from '../../testing/ups.ts';
import type { Pass } from '../observation.ts';
import { nutCollector, upsFacts } from './nut.ts';
import { ListReader, readWords, writeWords } from './nut-protocol.ts';

const ONLINE = { 'ups.status': 'OL CHRG', 'battery.charge': '97', 'battery.runtime': '1200.5' };
const ON_BATTERY = { 'ups.status': 'OB DISCHRG', 'battery.charge': '61.5', 'battery.runtime': '480' };

function collectorAt(port: number, upses: Readonly<Record<string, string>> | null = null) {
  return nutCollector({
    source: 'nut:127.0.0.1',
    host: '127.0.0.1',
    port,
    everyMs: 1_000,
    upses: upses === null ? null : new Map(Object.entries(upses)),
  });
}

async function factsAt(
  port: number,
  pass: Pass,
  upses?: Readonly<Record<string, string>>,
): Promise<string[]> {
  return (await collectorAt(port, upses).collect(0, pass)).map(({ fact }) => writeTerm(fact));
}

/** Collects until the facts are these: drivers have a pace of their own. */
async function untilFacts(port: number, wanted: (facts: readonly string[], misses: string[]) => boolean) {
  for (const limit = performance.now() + 15_000; ; ) {
    const pass = somePass();
    const facts = await factsAt(port, pass);
    const misses = pass.misses.map(({ message }) => message);
    if (wanted(facts, misses)) return { facts, misses };
    if (performance.now() > limit) throw new Error(`not in 15 s, but ${facts}; ${misses}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const codeOf = (pass: Promise<unknown>): Promise<string> =>
  pass.then(
    () => 'collected',
    (cause) => (cause instanceof LogicError ? cause.code : String(cause)),
  );

test('the real upsd gives status, charge and runtime of every UPS, and the change to battery and back', async (t) => {
  const { port, set } = await startUpsd(t, { rack: ONLINE, desk: ON_BATTERY });
  const { facts } = await untilFacts(port, (all) => all.length === 6);
  assert.deepEqual(facts, [
    'ups_on_battery(rack,false)',
    'ups_charge(rack,97.0)',
    'ups_runtime(rack,1200)',
    'ups_on_battery(desk,true)',
    'ups_charge(desk,61.5)',
    'ups_runtime(desk,480)',
  ]);
  await set('rack', ON_BATTERY);
  await untilFacts(
    port,
    (all) => all.includes('ups_on_battery(rack,true)') && all.includes('ups_runtime(rack,480)'),
  );
  await set('rack', ONLINE);
  await untilFacts(port, (all) => all.includes('ups_on_battery(rack,false)'));
});

test('UPSs are called as the inventory calls them, one that upsd does not know is missed, and others are left out', async (t) => {
  const { port } = await startUpsd(t, { rack: ONLINE, desk: ONLINE });
  await untilFacts(port, (all) => all.length === 6);
  const pass = somePass();
  const facts = await factsAt(port, pass, { rack: 'ups1', nonesuch: 'ups2' });
  assert.deepEqual(facts, ['ups_on_battery(ups1,false)', 'ups_charge(ups1,97.0)', 'ups_runtime(ups1,1200)']);
  assert.deepEqual(
    pass.misses.map(({ code, message }) => [code, message]),
    [['source_unreadable', `upsd at 127.0.0.1:${port} refused LIST VAR nonesuch: UNKNOWN-UPS.`]],
  );
});

test('a UPS whose driver hangs goes stale, one whose driver is gone is away; both give no facts and the others go on', async (t) => {
  const { port, drivers } = await startUpsd(t, { rack: ONLINE, desk: ONLINE, attic: ONLINE }, 2);
  await untilFacts(port, (all) => all.length === 9);
  process.kill(drivers.get('desk')?.pid ?? 0, 'SIGSTOP');
  await drivers.get('attic')?.kill();
  const { facts, misses } = await untilFacts(port, (all) => all.length === 3);
  assert.ok(facts.every((one) => one.includes('(rack,')));
  assert.match(misses.find((one) => one.includes('desk')) ?? '', /LIST VAR desk: DATA-STALE/);
  assert.match(misses.find((one) => one.includes('attic')) ?? '', /LIST VAR attic: DRIVER-NOT-CONNECTED/);
  process.kill(drivers.get('desk')?.pid ?? 0, 'SIGCONT');
  await untilFacts(port, (all) => all.length === 6);
});

/** A server that says this to whoever connects, and then nothing. */
async function saying(t: TestContext, text: string, then: 'waits' | 'ends' = 'waits'): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.write(text);
    if (then === 'ends') socket.end();
  });
  const port = await listening(server);
  atEnd(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return port;
}

test('what is no upsd is unreadable, and a refusal of the whole list fails the pass', async (t) => {
  const cases: [number, string][] = [
    [await saying(t, 'SSH-2.0-OpenSSH_9.2\r\n'), 'source_unreadable'],
    [await saying(t, 'BEGIN LIST UPS\nUPS rack', 'ends'), 'source_unreadable'],
    [
      await saying(t, `BEGIN LIST UPS\n${'UPS a "b"\n'.repeat(UPS_REPLY_BYTES / 10 + 1)}`),
      'source_unreadable',
    ],
    [await saying(t, 'x'.repeat(UPS_REPLY_BYTES + 1)), 'source_unreadable'],
    [await saying(t, 'ERR ACCESS-DENIED\n'), 'source_refused'],
    [await saying(t, 'ERR \n'), 'source_unreadable'],
    [await freePort(), 'source_unreachable'],
  ];
  for (const [port, code] of cases)
    assert.equal(await codeOf(collectorAt(port).collect(0, somePass())), code, String(port));
});

test('a server that hangs is let go of when the pass is called off, with the reason of that', async (t) => {
  for (const text of ['', 'BEGIN LIST UPS\nUPS rack "a"\n']) {
    const port = await saying(t, text);
    const abort = new AbortController();
    const pass = codeOf(collectorAt(port).collect(0, somePass(abort.signal)));
    setTimeout(() => abort.abort(new LogicError('source_timeout', 'The pass had not ended.')), 50);
    assert.equal(await pass, 'source_timeout');
  }
  const before = AbortSignal.abort(new LogicError('cancelled', 'Stopped.'));
  assert.equal(await codeOf(collectorAt(await freePort()).collect(0, somePass(before))), 'cancelled');
});

test('only plain numbers in their range become facts, and a status with neither OL nor OB says nothing', () => {
  const facts = (variables: Record<string, string>) =>
    upsFacts('u', new Map(Object.entries(variables))).map(writeTerm);
  assert.deepEqual(facts({ 'ups.status': 'OFF' }), []);
  assert.deepEqual(facts({ 'ups.status': 'OL OB' }), ['ups_on_battery(u,true)']);
  assert.deepEqual(facts({ 'ups.status': 'TOLD BOB' }), []);
  for (const bad of ['', ' 5', '-1', '1e3', 'NaN', '0x10', '1,5', '101'])
    assert.deepEqual(facts({ 'battery.charge': bad }), [], bad);
  assert.deepEqual(facts({ 'battery.runtime': '1200.999' }), ['ups_runtime(u,1200)']);
});

const words = fc.array(fc.string({ unit: 'grapheme' }).filter((word) => !/[\r\n]/.test(word)));

test('words that are written are read back, whatever is in them', () => {
  fc.assert(
    fc.property(words, (all) => {
      assert.deepEqual(readWords(writeWords(all)), all);
    }),
    { numRuns: 2000 },
  );
});

test('a list that is written line by line is read back, and never ends early', () => {
  const rows = fc.array(words);
  fc.assert(
    fc.property(rows, (all) => {
      const reader = new ListReader(['VAR', 'rack']);
      const lines = ['BEGIN LIST VAR rack', ...all.map((row) => writeWords(['VAR', 'rack', ...row]))];
      for (const line of lines) assert.deepEqual(reader.take(line), { kind: 'more' });
      assert.deepEqual(reader.take('END LIST VAR rack'), { kind: 'whole', rows: all });
    }),
  );
});

test('arbitrary lines are words or none, and steps of a list, and never throw', () => {
  const pieces = fc.constantFrom(
    '"',
    '\\',
    ' ',
    '\t',
    'BEGIN LIST UPS',
    'END LIST UPS',
    'UPS',
    'ERR',
    'a',
    '\u0000',
  );
  const line = fc.oneof(
    fc.array(pieces).map((all) => all.join('')),
    fc.string({ unit: 'binary' }),
  );
  const kinds = new Set(['more', 'whole', 'refused', 'garbage']);
  fc.assert(
    fc.property(fc.array(line), (all) => {
      const reader = new ListReader(['UPS']);
      for (const one of all) assert.ok(kinds.has(reader.take(one).kind));
    }),
    { numRuns: 3000 },
  );
});
