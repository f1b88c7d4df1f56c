/** What may stand beside a model. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { modelSettings, readModelSettings } from './model.ts';

const GOOD = {
  format: 1,
  style: 'words',
  voices: ['mine-2.gguf'],
  thresholds: { run: 0.9, offer: 0.4, refuse: 1 },
  words: { domain: ['hot'], general: ['the'], standIns: ['zeus'] },
  digest: 'a'.repeat(64),
};

test('settings of a model are read whole or refused by field', () => {
  assert.deepEqual(modelSettings.parse(GOOD), GOOD);
  const wrong = [
    { ...GOOD, style: 'chat' },
    { ...GOOD, thresholds: { run: 0.4, offer: 0.9 } },
    { ...GOOD, voices: ['../elsewhere.gguf'] },
    { ...GOOD, thresholds: { run: 1.1, offer: 0.9 } },
    { ...GOOD, words: undefined },
    { ...GOOD, digest: 'abc' },
    { ...GOOD, format: 2 },
    { ...GOOD, other: true },
  ];
  for (const one of wrong) assert.equal(modelSettings.safeParse(one).success, false, JSON.stringify(one));
  assert.equal(modelSettings.safeParse({ ...GOOD, style: 'instruct', words: undefined }).success, true);
});

test('settings are NAME.json beside NAME.gguf, and missing ones are named', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'model-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const model = join(folder, 'mine.gguf');
  assert.throws(() => readModelSettings(model), { code: 'bad_setup', message: /mine\.json: not there/ });
  writeFileSync(join(folder, 'mine.json'), JSON.stringify(GOOD));
  assert.deepEqual(readModelSettings(model), GOOD);
});

test('the models that come along are listed, and their settings are of these very bytes', () => {
  const shipped = new URL('../../../node-agent/llm/models/translator.gguf', import.meta.url).pathname;
  const { voices, digest: of } = readModelSettings(shipped);
  const sums = readFileSync(join(shipped, '..', 'sha256sums'), 'utf8').split('\n');
  for (const name of ['translator.gguf', ...voices]) {
    const digest = createHash('sha256')
      .update(readFileSync(join(shipped, '..', name)))
      .digest('hex');
    assert.ok(sums.includes(`${digest}  ${name}`), name);
    if (name === 'translator.gguf') assert.equal(of, digest);
  }
});
