/** What `serve` is told, and what it refuses before anything starts. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from './config.ts';
import { readAddress } from './config-address.ts';
import { temporaryFolder } from './testing/folder.ts';

test('a site run by hand listens on loopback port 8081', () => {
  const config = readConfig({ site: 'garage', data: '/srv/garage' });
  assert.deepEqual(
    [config.plain, config.tls, config.main],
    [{ host: '127.0.0.1', port: 8081 }, null, '/srv/garage/kb/main.pl'],
  );
});

test('another address than loopback needs TLS', () => {
  for (const host of ['0.0.0.0', '192.168.1.5', '[::]', 'example.org']) {
    assert.throws(() => readConfig({ site: 'garage', listen: `${host}:8443` }), {
      code: 'bad_setup',
      message: /loopback only/,
    });
    assert.throws(() => readConfig({ site: 'garage', http: `${host}:8443` }), { code: 'bad_setup' });
    assert.throws(() => readConfig({ site: 'garage', metricsAddr: `${host}:9090` }), { code: 'bad_setup' });
  }
});

test('with TLS flags the listener is TLS, and plain HTTP only where told', async (t) => {
  const file = join(await temporaryFolder(t), 'some.pem');
  writeFileSync(file, 'pem');
  const tls = { site: 'garage', listen: '0.0.0.0:8443', tlsCert: file, tlsKey: file, tlsCa: file };
  assert.equal(readConfig(tls).plain, null);
  assert.deepEqual(readConfig({ ...tls, http: '127.0.0.1:0' }).plain, { host: '127.0.0.1', port: 0 });
  assert.throws(() => readConfig({ ...tls, tlsCert: '/nowhere.pem' }), {
    code: 'bad_setup',
    message: /cannot be read/,
  });
  assert.throws(() => readConfig({ site: 'garage', listen: ':1', tlsCert: file, tlsKey: file }), {
    message: /--tls-ca/,
  });
});

test('the flags that unit files rely on are all known', () => {
  const config = readConfig({
    kbPath: '/opt/logic-node/kb/main.pl',
    llmSocket: '/run/llm.sock',
    metricsAddr: '127.0.0.1:9090',
    site: 'garage',
  });
  assert.deepEqual(
    [config.main, config.metrics?.port, config.semantic.socket],
    ['/opt/logic-node/kb/main.pl', 9090, '/run/llm.sock'],
  );
});

test('addresses are HOST:PORT, [HOST]:PORT or a port', () => {
  assert.deepEqual(readAddress('[::1]:80', '--listen'), { host: '::1', port: 80 });
  assert.deepEqual(readAddress('8081', '--http'), { host: '127.0.0.1', port: 8081 });
  for (const wrong of ['', 'host', 'host:', 'host:99999', 'a:b:1', ':x']) {
    assert.throws(() => readAddress(wrong, '--listen'), { code: 'bad_setup' }, wrong);
  }
});

test('names and numbers that cannot be are refused', () => {
  for (const site of ['', 'Garage', 'a b', '-a', 'x'.repeat(64)])
    assert.throws(() => readConfig({ site }), { code: 'bad_setup' });
  assert.throws(() => readConfig({ site: 'a', seed: '1.5' }), { code: 'bad_setup' });
  assert.throws(() => readConfig({ site: 'a', collector: 'all' }), { code: 'bad_setup' });
});
