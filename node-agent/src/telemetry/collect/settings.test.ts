/** collectors.json: what it may say, and that each mistake is named with its file and its place. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LogicError } from '@fleet/shared/errors.ts';
import {
  COLLECT_EVERY_LEAST_MS,
  COLLECT_EVERY_MOST_MS,
  COLLECT_EVERY_MS,
  COLLECT_TIMEOUT_MS,
  COLLECTORS,
  COLLECTORS_FILE_BYTES,
} from '@fleet/shared/limits.ts';
import { sampleInventory } from '../../inventories.ts';
import { readFacts, toInventory } from '../../inventory.ts';
import { authority } from '../../testing/certificates.ts';
import { temporaryFolder } from '../../testing/folder.ts';
import { readCollectorPlans } from './settings.ts';

/** pve1 to pve4 and sentry. */
const INVENTORY = toInventory(readFacts(sampleInventory('garage', 7)));
const PIN = Array.from({ length: 32 }, () => 'aB').join(':');

const EXPORTER = { kind: 'node_exporter', node: 'pve1', url: 'http://10.0.20.11:9100/metrics' };
const NUT = { kind: 'nut' };
const PROXMOX = {
  kind: 'proxmox',
  url: 'https://10.0.20.11:8006',
  tls: { fingerprint: PIN },
  tokenFile: 'token',
};

async function folderWith(t: TestContext, content: unknown): Promise<string> {
  const data = await temporaryFolder(t);
  const text = typeof content === 'string' ? content : JSON.stringify({ collectors: content });
  await writeFile(join(data, 'collectors.json'), text);
  return data;
}

async function plansOf(t: TestContext, content: unknown) {
  return readCollectorPlans(await folderWith(t, content), INVENTORY);
}

/** What is said of a file, without where it is. */
async function mistake(t: TestContext, content: unknown): Promise<string> {
  const data = await folderWith(t, content);
  try {
    readCollectorPlans(data, INVENTORY);
  } catch (cause) {
    assert.ok(cause instanceof LogicError && cause.code === 'bad_setup', String(cause));
    const start = `${join(data, 'collectors.json')}: `;
    assert.ok(cause.message.startsWith(start), cause.message);
    return cause.message.slice(start.length);
  }
  return 'taken';
}

test('without a file, and with an empty one, nothing is collected', async (t) => {
  assert.deepEqual(readCollectorPlans(await temporaryFolder(t), INVENTORY), []);
  assert.deepEqual(await plansOf(t, '{}'), []);
  assert.deepEqual(await plansOf(t, []), []);
});

test('a good file gives a plan for each entry, with its source, its pace and its timeout', async (t) => {
  const data = await folderWith(t, [
    EXPORTER,
    {
      ...EXPORTER,
      node: 'pve2',
      url: 'https://pve2:9100/metrics',
      tls: { ca: 'ca.pem' },
      downWhenRefused: true,
      mounts: ['/', '/srv'],
      everyMs: 5_000,
      timeoutMs: 2_000,
    },
    NUT,
    { ...NUT, host: 'ups.lan', port: 3500, upses: { rack: 'ups1' } },
    { ...PROXMOX, nodes: { alpha: 'pve1', beta: null }, vms: { '100': 'web' } },
  ]);
  await writeFile(join(data, 'ca.pem'), (await authority()).cert);
  const plans = readCollectorPlans(data, INVENTORY);
  assert.deepEqual(
    plans.map(({ collector, everyMs, timeoutMs }) => [collector.source, everyMs, timeoutMs]),
    [
      ['node_exporter:pve1', COLLECT_EVERY_MS, COLLECT_TIMEOUT_MS],
      ['node_exporter:pve2', 5_000, 2_000],
      ['nut:127.0.0.1:3493', COLLECT_EVERY_MS, COLLECT_TIMEOUT_MS],
      ['nut:ups.lan:3500', COLLECT_EVERY_MS, COLLECT_TIMEOUT_MS],
      ['proxmox:10.0.20.11:8006', COLLECT_EVERY_MS, COLLECT_TIMEOUT_MS],
    ],
  );
});

test('each mistake is named with the entry and the field', async (t) => {
  const mistakes: [unknown, RegExp][] = [
    ['{"collectors": [', /^no readable JSON: /],
    ['[]', /^all of it: /],
    ['{"collector": []}', /collector/],
    [[{ kind: 'snmp' }], /^collectors\.0\.kind: /],
    [[{ node: 'pve1' }], /^collectors\.0\.kind: /],
    [[NUT, { ...EXPORTER, node: undefined }], /^collectors\.1\.node: /],
    [[{ ...EXPORTER, node: '' }], /^collectors\.0\.node: /],
    [[{ ...EXPORTER, node: '$VAR' }], /^collectors\.0\.node: no name that a fact may have/],
    [[{ ...EXPORTER, url: 'pve1:9100' }], /^collectors\.0\.url: /],
    [[{ ...EXPORTER, url: 'file:///etc/passwd' }], /^collectors\.0\.url: /],
    [[{ ...EXPORTER, interval: 5 }], /^collectors\.0: .*interval/],
    [[{ ...EXPORTER, everyMs: COLLECT_EVERY_LEAST_MS - 1 }], /^collectors\.0\.everyMs: /],
    [[{ ...EXPORTER, everyMs: COLLECT_EVERY_MOST_MS + 1 }], /^collectors\.0\.everyMs: /],
    [[{ ...EXPORTER, everyMs: 1500.5 }], /^collectors\.0\.everyMs: /],
    [[{ ...EXPORTER, timeoutMs: 0 }], /^collectors\.0\.timeoutMs: /],
    [[{ ...EXPORTER, mounts: ['srv'] }], /^collectors\.0\.mounts\.0: /],
    [
      [{ ...EXPORTER, tls: { fingerprint: 'ab' } }],
      /^collectors\.0\.tls\.fingerprint: a SHA-256 fingerprint is/,
    ],
    [
      [{ ...EXPORTER, tls: { fingerprint: PIN, ca: 'ca.pem' } }],
      /^collectors\.0\.tls: a fingerprint or an authority/,
    ],
    [[{ ...EXPORTER, tls: { insecure: true } }], /^collectors\.0\.tls: .*insecure/],
    [[{ ...EXPORTER, tls: { ca: 'collectors.json' } }], /^collectors\.0\.tls: the url is not https/],
    [[{ ...EXPORTER, tls: { fingerprint: PIN } }], /^collectors\.0\.tls: the url is not https/],
    [[{ ...PROXMOX, tls: { ca: 'collectors.json' } }], /^collectors\.0\.tls\.ca: collectors\.json: no PEM/],
    [[{ ...PROXMOX, url: 'http://10.0.20.11:8006' }], /^collectors\.0\.url: no https URL/],
    [[{ ...NUT, port: 0 }], /^collectors\.0\.port: /],
    [[{ ...NUT, upses: { 'a b': 'ups1' } }], /^collectors\.0\.upses\.a b: /],
    [[{ ...PROXMOX, tokenFile: undefined }], /^collectors\.0\.tokenFile: /],
    [[{ ...PROXMOX, token: 'secret' }], /^collectors\.0: .*token/],
    [
      [{ ...PROXMOX, tls: { ca: 'nonesuch.pem' } }],
      /^collectors\.0\.tls\.ca: nonesuch\.pem: no PEM certificate/,
    ],
    ['x'.repeat(COLLECTORS_FILE_BYTES + 1), /^more than \d+ bytes/],
  ];
  for (const [content, said] of mistakes)
    assert.match(await mistake(t, content), said, JSON.stringify(content).slice(0, 100));
});

test('several mistakes are told at once', async (t) => {
  const said = await mistake(t, [
    { ...EXPORTER, node: 1 },
    { ...NUT, port: 'x' },
  ]);
  assert.match(said, /collectors\.0\.node: .*; collectors\.1\.port: /);
});

test('a node that the inventory does not know is refused, in every kind that names one', async (t) => {
  const unknown = /^collectors\.1: there is no node pve9 in the inventory$/;
  assert.match(await mistake(t, [NUT, { ...EXPORTER, node: 'pve9' }]), unknown);
  assert.match(await mistake(t, [NUT, { ...PROXMOX, nodes: { a: 'pve9' } }]), unknown);
});

test('a source that is watched twice is refused', async (t) => {
  const twice: [object, object, RegExp][] = [
    [EXPORTER, { ...EXPORTER, url: 'http://other:9100' }, /^collectors\.1: node_exporter:pve1 is watched/],
    [NUT, { ...NUT, host: '127.0.0.1' }, /^collectors\.1: nut:127\.0\.0\.1:3493 is watched/],
    [
      PROXMOX,
      { ...PROXMOX, url: 'https://10.0.20.11:8006/' },
      /^collectors\.1: proxmox:10\.0\.20\.11:8006 is watched/,
    ],
  ];
  for (const [one, other, said] of twice) assert.match(await mistake(t, [one, other]), said);
});

test('as many collectors as limits.ts says are taken, and not one more', async (t) => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => ({ ...NUT, port: i + 1 }));
  assert.equal((await plansOf(t, many(COLLECTORS))).length, COLLECTORS);
  assert.match(await mistake(t, many(COLLECTORS + 1)), /^collectors: /);
});

test('the examples of docs/collectors.md are read as they stand', async (t) => {
  const docs = await readFile(
    fileURLToPath(new URL('../../../../docs/collectors.md', import.meta.url)),
    'utf8',
  );
  const examples = [...docs.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => text ?? '');
  const whole = examples.filter((text) => text.includes('"collectors"'));
  assert.ok(whole.length >= 1);
  for (const text of whole) assert.ok((await plansOf(t, text)).length >= 1, text);
});
