import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { RosterSite } from '@fleet/shared/api/composition.ts';
import { COMPOSITION_LEVELS } from '@fleet/shared/limits.ts';
import { newKey } from '@fleet/shared/signing-request.ts';
import { idOf } from './path.ts';
import { digestOf, readRoster, type Self, signRoster } from './roster.ts';
import { openComposition } from './store.ts';

const spki = (key: string) => createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
const [lower, site, other] = [newKey(), newKey(), newKey()];
const publicKey = spki(lower);
const self: Self = { id: idOf(publicKey), key: createPrivateKey(lower) };
const NONCE = 'ab'.repeat(16);
const barn: RosterSite = {
  site: 'barn',
  kind: 'node',
  subject: 'barn',
  publicKey: spki(site),
  fingerprint: 'cd'.repeat(32),
  labels: { zone: 'roof' },
  through: [],
};
function read(told: object, changed: Partial<Parameters<typeof readRoster>[0]> = {}) {
  const body = JSON.stringify(told);
  const signature = signRoster(self, { body, digest: digestOf(body) }, NONCE);
  return readRoster({ body, nonce: NONCE, signature, publicKey, self: 'ee'.repeat(32), ...changed });
}
const rosterOf = (...sites: unknown[]) => ({ format: 1, id: self.id, sites });

test('a roster holds for the nonce that was sent, under the key of the coordinator that was asked', () => {
  assert.deepEqual(read(rosterOf(barn)).sites, [barn]);
  assert.throws(() => read(rosterOf(barn), { nonce: 'cd'.repeat(16) }), { code: 'bad_signature' });
  assert.throws(() => read(rosterOf(barn), { publicKey: spki(other) }), { code: 'bad_signature' });
  assert.throws(() => read(rosterOf(barn), { body: JSON.stringify(rosterOf()) }), { code: 'bad_signature' });
  assert.throws(() => read(rosterOf(barn), { signature: 'x' }), { code: 'bad_signature' });
});

test('what is no roster, or names what cannot be, is rejected whole', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
    type: 'spki',
    format: 'pem',
  });
  for (const told of [
    {},
    { ...rosterOf(barn), id: idOf(spki(other)) },
    rosterOf(barn, barn),
    rosterOf({ ...barn, site: '../barn' }),
    rosterOf({ ...barn, publicKey: '' }),
    rosterOf({ ...barn, publicKey: rsa }),
    rosterOf({ ...barn, kind: 'coordinator' }),
    rosterOf({ ...barn, through: ['x'] }),
  ])
    assert.throws(() => read(told), { code: 'bad_reply' }, JSON.stringify(told).slice(0, 200));
});

test('sites that are reached through ourselves, or through too many, are left out by name; our own roster is a loop', () => {
  const me = 'ee'.repeat(32);
  const far = Array.from({ length: COMPOSITION_LEVELS }, (_, i) => String(i).repeat(64));
  const told = rosterOf(
    barn,
    { ...barn, site: 'a/barn', through: [me] },
    { ...barn, site: 'b/barn', through: far },
  );
  const { sites, looped } = read(told);
  assert.deepEqual([sites.map((one) => one.site), looped], [['barn'], ['a/barn', 'b/barn']]);
  assert.throws(() => read(rosterOf(barn), { self: self.id }), { code: 'loop' });
});

test('a key is taken once: another one is kept beside it, until it is accepted or the old one is back', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'composition-'));
  after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'composition.sqlite');
  let store = openComposition(file);
  t.after(() => store.close());
  const key = () => store.leaves().map(({ publicKey: own, offered }) => [own, offered]);
  assert.deepEqual(store.apply('low', [barn], 1), { added: ['barn'], removed: [], rekeyed: [] });
  const rekeyed = { ...barn, publicKey: spki(other) };
  assert.deepEqual(store.apply('low', [rekeyed], 2).rekeyed, ['barn']);
  assert.deepEqual(store.apply('low', [rekeyed], 3).rekeyed, [], 'it is news once');
  assert.deepEqual(key(), [[barn.publicKey, rekeyed.publicKey]]);
  store.close();
  store = openComposition(file);
  assert.deepEqual(key(), [[barn.publicKey, rekeyed.publicKey]], 'over a restart too');
  store.apply('low', [barn], 4);
  assert.deepEqual(key(), [[barn.publicKey, null]]);
  store.apply('low', [rekeyed], 5);
  store.accept('low', 'barn');
  assert.deepEqual(key(), [[rekeyed.publicKey, null]]);
  const kept = store.leaves();
  assert.equal(store.leaves(), kept, 'the same array until something changes');
  assert.deepEqual(store.apply('low', [], 6).removed, ['barn']);
  assert.deepEqual(store.leaves(), []);
});
