/** Making a site's folder. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleDigest, loadManifest } from '@fleet/shared/catalogue.ts';
import { initSite } from './init.ts';
import { temporaryFolder } from './testing/folder.ts';

const KB = fileURLToPath(new URL('../../kb', import.meta.url));

test("a site gets this program's rules, and again whenever it is initialised", async (t) => {
  const data = await temporaryFolder(t);
  const options = { data, site: 'garage', inventory: 'sample', seed: 3 } as const;
  await initSite(options);
  assert.equal(await bundleDigest(join(data, 'kb')), (await loadManifest(KB)).bundle);
  await appendFile(join(data, 'kb', 'core', 'cluster.pl'), '% old\n');
  await writeFile(join(data, 'kb', 'core', 'removed.pl'), '% a rule file that is no longer\n');
  await initSite(options);
  assert.equal(await bundleDigest(join(data, 'kb')), (await loadManifest(KB)).bundle);
});

test('inventory, key and request are made once and then left alone', async (t) => {
  const data = await temporaryFolder(t);
  const options = { data, site: 'garage', inventory: 'host', seed: 1 } as const;
  const { key, request } = await initSite(options);
  const inventory = join(data, 'kb', 'site', 'inventory.pl');
  await appendFile(inventory, 'node(nas).\n');
  const before = await Promise.all([key, request, inventory].map((file) => readFile(file, 'utf8')));
  await initSite({ ...options, inventory: 'sample' });
  assert.deepEqual(
    await Promise.all([key, request, inventory].map((file) => readFile(file, 'utf8'))),
    before,
  );
});

test('the key is P-256, for nobody else to read, and is not in the request', async (t) => {
  const { key, request } = await initSite({
    data: await temporaryFolder(t),
    site: 'garage',
    inventory: 'sample',
    seed: 1,
  });
  assert.equal((await stat(key)).mode & 0o777, 0o600);
  const pem = await readFile(key, 'utf8');
  assert.equal(createPublicKey(pem).asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.match(await readFile(request, 'utf8'), /^-----BEGIN CERTIFICATE REQUEST-----/);
  assert.ok(!(await readFile(request, 'utf8')).includes('PRIVATE'));
});
