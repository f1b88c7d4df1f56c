/** Tokens on disk, and what their roles may do. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { mayDo, needs, Tokens, tokenCaller } from './tokens.ts';

const realWorld = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  secret: () => randomBytes(32).toString('base64url'),
};

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tokens-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

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
  assert.throws(() => needs('admin', { name: 'phone', role: 'operator' }), { code: 'forbidden' });
});

test('a file that is no list of tokens lets nobody in and says so', async (t) => {
  const data = await temporaryFolder(t);
  await writeFile(join(data, 'tokens.json'), '{}');
  assert.throws(() => new Tokens(data, realWorld).find('x'), { code: 'bad_setup' });
});

test('a header that holds no known token is refused; without the header there is no caller', async (t) => {
  const tokens = new Tokens(await temporaryFolder(t), realWorld);
  const token = tokens.create('script', 'viewer');
  assert.deepEqual(tokenCaller(`Bearer ${token}`, tokens), { name: 'token:script', role: 'viewer' });
  assert.equal(tokenCaller(undefined, tokens), null);
  for (const other of ['', 'Basic YTpi', 'Bearer lt_no', `bearer ${token}`])
    assert.throws(() => tokenCaller(other, tokens), { code: 'unauthorized' }, other);
});
