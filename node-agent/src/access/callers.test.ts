/** Who may ask on the loopback listener of a running site. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { Tokens } from '@fleet/shared/tokens.ts';
import { makeSiteFolder, runSite } from '../testing/site.ts';
import { realWorld } from '../world.ts';

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
