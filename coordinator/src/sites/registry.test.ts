import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database from 'better-sqlite3';
import { type Enrolled, openRegistry } from './registry.ts';

const dir = mkdtempSync(join(tmpdir(), 'registry-'));
after(() => rmSync(dir, { recursive: true }));

const garage: Enrolled = {
  name: 'garage',
  kind: 'node',
  address: '127.0.0.1:8443',
  fingerprint: 'ab',
  serial: '41',
  publicKey: 'a key',
  enrolledAt: 1,
  validUntil: 2,
  labels: { zone: 'roof' },
};

test('a registry of the first format is brought up to date with its sites, which are logic nodes', () => {
  const file = join(dir, 'first.sqlite');
  const first = new Database(file);
  first.exec(`create table if not exists sites (
    name text primary key not null, address text not null, fingerprint text not null unique, serial text not null,
    public_key text not null unique, enrolled_at integer not null, valid_until integer not null, labels text not null
  ) strict`);
  first.exec(
    `insert into sites values ('garage', '127.0.0.1:8443', 'ab', '41', 'a key', 1, 2, '{"zone":"roof"}')`,
  );
  first.pragma('user_version = 1');
  first.close();
  for (let opened = 1; opened <= 2; opened++) {
    const registry = openRegistry(file);
    const rest = { subject: 'garage', incarnation: 1, nextFingerprint: null, status: 'active', reason: null };
    assert.deepEqual(registry.list(), [{ ...garage, ...rest }]);
    assert.equal(registry.identify('ab')?.age, 'current');
    registry.close();
  }
});

test('a registry that a newer version wrote is not opened', () => {
  const file = join(dir, 'newer.sqlite');
  openRegistry(file).close();
  const newer = new Database(file);
  newer.pragma('user_version = 99');
  newer.close();
  assert.throws(() => openRegistry(file), { code: 'bad_setup', message: /newer version/ });
});

test('two sites have no key in common, but any number of them has none', () => {
  const registry = openRegistry(join(dir, 'keys.sqlite'));
  registry.enrol(garage);
  assert.throws(() => registry.enrol({ ...garage, name: 'shed', fingerprint: 'cd' }), /garage has this key/);
  const stock = { ...garage, kind: 'stock', fingerprint: '', serial: '', publicKey: '' } as const;
  registry.enrol({ ...stock, name: 'attic' });
  registry.enrol({ ...stock, name: 'barn' });
  assert.deepEqual(
    registry.list().map(({ name, kind }) => `${name} ${kind}`),
    ['attic stock', 'barn stock', 'garage node'],
  );
  registry.close();
});

const renewed = (fingerprint: string) => ({
  fingerprint,
  serial: fingerprint,
  publicKey: 'a key',
  issuedAt: 5,
  validUntil: 9,
  certificate: `pem ${fingerprint}`,
});

test('incarnations only grow: by renewal, by enrolling again, and after a revocation', () => {
  const registry = openRegistry(join(dir, 'grow.sqlite'));
  registry.enrol(garage);
  registry.renew('garage', renewed('cd'));
  assert.equal(registry.get('garage')?.incarnation, 1, 'until the site has been seen with it');
  assert.equal(registry.identify('cd')?.age, 'next');
  assert.equal(registry.identify('ab')?.age, 'current');
  registry.confirm('cd');
  assert.deepEqual(
    [registry.identify('cd')?.age, registry.identify('ab')?.age, registry.get('garage')?.incarnation],
    ['current', 'old', 2],
  );
  registry.setStatus('garage', 'revoked', 'sold');
  const again = registry.enrol({ ...garage, fingerprint: 'ef', publicKey: 'another key' });
  assert.deepEqual([again.incarnation, again.status, again.reason], [3, 'active', null]);
  registry.confirm('no such');
  registry.close();
});

test('a revoked site is no member, a quarantined one is', () => {
  const registry = openRegistry(join(dir, 'members.sqlite'));
  registry.enrol(garage);
  registry.setStatus('garage', 'quarantined', 'cloned');
  assert.deepEqual(
    registry.list().map(({ status, reason }) => [status, reason]),
    [['quarantined', 'cloned']],
  );
  registry.setStatus('garage', 'revoked', null);
  assert.deepEqual(registry.list(), []);
  assert.equal(registry.listAll().length, 1);
  assert.throws(() => registry.setStatus('nobody', 'revoked', null), { code: 'unknown_site' });
  registry.close();
});

test('a renamed site keeps the name on its certificate, and nobody else gets either name', () => {
  const registry = openRegistry(join(dir, 'rename.sqlite'));
  const other = { ...garage, fingerprint: 'cd', publicKey: 'another key' };
  registry.enrol(garage);
  registry.enrol({ ...other, name: 'shed' });
  registry.rename('garage', 'carport');
  assert.equal(registry.get('garage'), undefined);
  assert.deepEqual(
    [registry.get('carport')?.subject, registry.identify('ab')?.site.name],
    ['garage', 'carport'],
  );
  assert.throws(() => registry.rename('shed', 'garage'), { code: 'bad_request', message: /carport has/ });
  assert.throws(() => registry.rename('shed', 'carport'), { code: 'bad_request' });
  assert.throws(() => registry.enrol({ ...other, fingerprint: 'ef', publicKey: 'third' }), {
    code: 'bad_request',
    message: /carport was garage before/,
  });
  assert.throws(() => registry.rename('nobody', 'x'), { code: 'unknown_site' });
  registry.close();
});

test('the list is read again only when something changed, here or in another process', () => {
  const file = join(dir, 'cache.sqlite');
  const [one, two] = [openRegistry(file), openRegistry(file)];
  one.enrol(garage);
  const before = two.list();
  assert.equal(two.list(), before, 'the same array');
  one.setAddress('garage', '127.0.0.1:9');
  assert.equal(two.list()[0]?.address, '127.0.0.1:9');
  two.setLabels('garage', { zone: 'cellar' });
  assert.deepEqual(two.list()[0]?.labels, { zone: 'cellar' });
  one.close();
  two.close();
});

test('what fails in a transaction leaves nothing, and the list does not show it', () => {
  const registry = openRegistry(join(dir, 'whole.sqlite'));
  registry.enrol(garage);
  const failing = () =>
    registry.transaction(() => {
      registry.setAddress('garage', '127.0.0.1:9');
      assert.equal(registry.list()[0]?.address, '127.0.0.1:9');
      throw new Error('stop');
    });
  assert.throws(failing, /stop/);
  assert.equal(registry.list()[0]?.address, garage.address);
  registry.close();
});
