/** `alerts.json`: what may stand there, and how a mistake is named. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { WEBHOOKS } from '@fleet/shared/limits.ts';
import { temporaryFolder } from '../../testing/folder.ts';
import { makeSiteFolder, runSite } from '../../testing/site.ts';
import { readAlertSettings } from './settings.ts';

test('no file is no webhooks, and addresses are read in their order', async (t) => {
  const data = await temporaryFolder(t);
  assert.deepEqual(readAlertSettings(data), { webhooks: [] });
  const webhooks = [{ url: 'http://127.0.0.1:9093/a' }, { url: 'https://example.org/b?key=c' }];
  await writeFile(join(data, 'alerts.json'), JSON.stringify({ webhooks }));
  assert.deepEqual(readAlertSettings(data), { webhooks });
  await writeFile(join(data, 'alerts.json'), '{}');
  assert.deepEqual(readAlertSettings(data), { webhooks: [] });
});

test('a mistake is named with file and field', async (t) => {
  const data = await temporaryFolder(t);
  const many = Array.from({ length: WEBHOOKS + 1 }, () => ({ url: 'http://a/' }));
  for (const [text, said] of [
    ['', /alerts\.json: no readable JSON/],
    ['{"webhooks": [', /alerts\.json: no readable JSON/],
    ['[]', /alerts\.json: all of it: /],
    ['{"webhook": []}', /alerts\.json: all of it: .*webhook/],
    ['{"webhooks": {}}', /alerts\.json: webhooks: /],
    ['{"webhooks": ["http://a/"]}', /webhooks\.0: /],
    ['{"webhooks": [{"url": "http://a/"}, {"url": "mailto:kim@example.org"}]}', /webhooks\.1\.url: /],
    ['{"webhooks": [{"url": "127.0.0.1:80"}]}', /webhooks\.0\.url: /],
    ['{"webhooks": [{"url": "http://a/", "token": "x"}]}', /webhooks\.0: .*token/],
    [JSON.stringify({ webhooks: many }), /webhooks: /],
    [`{"webhooks": []${' '.repeat(70_000)}}`, /alerts\.json: more than/],
  ] as const) {
    await writeFile(join(data, 'alerts.json'), text);
    assert.throws(() => readAlertSettings(data), { code: 'bad_setup', message: said }, text.slice(0, 80));
  }
});

test('a site with a mistake there does not start', async (t) => {
  const data = await makeSiteFolder(t);
  await writeFile(join(data, 'alerts.json'), '{"webhooks": [{"url": "nowhere"}]}');
  await assert.rejects(runSite(t, data), { code: 'bad_setup', message: /alerts\.json: webhooks\.0\.url/ });
});
