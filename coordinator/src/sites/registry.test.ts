import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database from 'better-sqlite3';
import { openRegistry, type Site } from './registry.ts';

const dir = mkdtempSync(join(tmpdir(), 'registry-'));
after(() => rmSync(dir, { recursive: true }));

const garage: Site = {
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
    assert.deepEqual(registry.list(), [garage]);
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
