/** Tokens on disk, and what they open on the listeners of a running site. */
import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../testing/folder.ts';
import { makeSiteFolder, runSite } from '../testing/site.ts';
import { realWorld } from '../world.ts';
import { mayDo, Tokens } from './tokens.ts';

test('a token is shown once and kept as a hash in a file of its owner alone', async (t) => {
  const data = await temporaryFolder(t);
  const tokens = new Tokens(data, realWorld);
  const token = tokens.create('grafana', 'viewer');
  assert.match(token, /^lt_[\w-]{43}$/);
  const file = join(data, 'tokens.json');
  assert.ok(!(await readFile(file, 'utf8')).includes(token));
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal(tokens.find(token)?.role, 'viewer');
  assert.equal(tokens.find(`${token}x`), null);
  assert.throws(() => tokens.create('grafana', 'admin'), { code: 'bad_request' });
  assert.throws(() => tokens.create('Not A Name', 'admin'), { code: 'bad_request' });
});

test('a revoked token is found no more, and one that is not there cannot be revoked', async (t) => {
  const tokens = new Tokens(await temporaryFolder(t), realWorld);
  const token = tokens.create('phone', 'operator');
  tokens.revoke('phone');
  assert.equal(tokens.find(token), null);
  assert.throws(() => tokens.revoke('phone'), { code: 'not_found' });
});

test('roles rise', () => {
  assert.ok(mayDo('admin', 'operator') && mayDo('operator', 'viewer') && mayDo('viewer', 'viewer'));
  assert.ok(!mayDo('viewer', 'operator') && !mayDo('operator', 'admin'));
});

test('a file that is no list of tokens lets nobody in and says so', async (t) => {
  const data = await temporaryFolder(t);
  await writeFile(join(data, 'tokens.json'), '{}');
  assert.throws(() => new Tokens(data, realWorld).find('x'), { code: 'bad_setup' });
});

interface Told {
  readonly status: number;
  readonly code: string;
}

/** fetch sets Host by itself; a rebinding page's browser sends the name of the page. */
function get(url: string, headers: Record<string, string>): Promise<Told> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers }, async (reply) => {
      let text = '';
      for await (const chunk of reply) text += chunk;
      resolve({ status: reply.statusCode ?? 0, code: (JSON.parse(text) as { code?: string }).code ?? '' });
    });
    sent.on('error', reject).end();
  });
}

test('loopback takes a known token, refuses an unknown one, another name and another origin', async (t) => {
  const data = await makeSiteFolder(t);
  const token = new Tokens(data, realWorld).create('script', 'viewer');
  const { url } = await runSite(t, data);
  const health = `${url}/healthz`;
  const host = new URL(url).host;
  assert.equal((await get(health, {})).status, 200);
  assert.equal((await get(health, { authorization: `Bearer ${token}` })).status, 200);
  assert.deepEqual(await get(health, { authorization: 'Bearer lt_no' }), {
    status: 401,
    code: 'unauthorized',
  });
  assert.deepEqual(await get(health, { authorization: 'Basic YTpi' }), { status: 401, code: 'unauthorized' });
  assert.deepEqual(await get(health, { host: 'evil.example' }), { status: 403, code: 'forbidden' });
  assert.deepEqual(await get(health, { origin: 'http://evil.example' }), { status: 403, code: 'forbidden' });
  assert.equal((await get(health, { origin: `http://${host}` })).status, 200);
  assert.equal((await get(health, { host: `localhost:${new URL(url).port}` })).status, 200);
});
