/** The log of translations on a real disk: what is kept, how long, and what a full disk does to whoever writes. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Translation } from '../api/translate.ts';
import { TRANSLATION_NOTES_WAITING } from '../limits.ts';
import { noteOf, TranslationLog } from './log.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'translations-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const now = () => Date.parse('2026-11-26T18:00:00Z');
const never = (cause: unknown) => assert.fail(`refused: ${cause}`);
const textsIn = (lines: string) =>
  lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line).text);

test('what is noted comes out as JSON lines in order, after a restart too, and is for the owner of the folder alone', async (t) => {
  const path = await folder(t);
  const first = new TranslationLog(path, { now, refused: never });
  await first.note({ kind: 'abstain', text: 'who won the match' });
  await first.settled();
  const second = new TranslationLog(path, { now, refused: never });
  await second.note({ kind: 'correction', text: 'hot boxes', proposed: null, query: 'node_temp(N, T)' });
  assert.equal(
    await second.lines(),
    '{"at":"2026-11-26T18:00:00.000Z","kind":"abstain","text":"who won the match"}\n' +
      '{"at":"2026-11-26T18:00:00.000Z","kind":"correction","text":"hot boxes","proposed":null,"query":"node_temp(N, T)"}\n',
  );
  assert.equal((await stat(join(path, 'translations.jsonl'))).mode & 0o777, 0o600);
});

test('a full file takes the place of the one before, and the newest stay', async (t) => {
  const path = await folder(t);
  const log = new TranslationLog(path, { now, refused: never, mostBytes: 500 });
  for (let i = 0; i < 40; i++) await log.note({ kind: 'abstain', text: `sentence ${i}` });
  const kept = textsIn(await log.lines());
  assert.equal(kept.at(-1), 'sentence 39');
  assert.ok(kept.length > 5 && kept.length < 15, String(kept.length));
  for (const name of ['translations.jsonl', 'translations.old.jsonl'])
    assert.ok((await stat(join(path, name))).size <= 500);
});

test('a line that a crash cut off is left out, and spoils none after it', async (t) => {
  const path = await folder(t);
  await appendFile(join(path, 'translations.jsonl'), '{"at":"2026","kind":"abstain","te');
  const log = new TranslationLog(path, { now, refused: never });
  await log.note({ kind: 'abstain', text: 'after it' });
  assert.deepEqual(textsIn(await log.lines()), ['after it']);
});

test('a full disk loses the note, tells of it once, and takes the next when there is room', async (t) => {
  const path = await folder(t);
  const file = join(path, 'translations.jsonl');
  await symlink('/dev/full', file);
  const told: unknown[] = [];
  const log = new TranslationLog(path, { now, refused: (cause) => told.push(cause) });
  assert.equal(await log.note({ kind: 'abstain', text: 'one' }), false);
  assert.equal(await log.note({ kind: 'abstain', text: 'two' }), false);
  assert.deepEqual(
    told.map((cause) => (cause as NodeJS.ErrnoException).code),
    ['ENOSPC'],
  );
  await rm(file);
  assert.equal(await log.note({ kind: 'abstain', text: 'three' }), true);
  assert.deepEqual(textsIn(await log.lines()), ['three']);
});

test('more notes than may wait are dropped at once', async (t) => {
  const log = new TranslationLog(await folder(t), { now, refused: never });
  const taken = await Promise.all(
    Array.from({ length: TRANSLATION_NOTES_WAITING + 3 }, (_, i) =>
      log.note({ kind: 'abstain', text: `${i}` }),
    ),
  );
  assert.deepEqual(
    [taken.filter((one) => one).length, taken.slice(-3)],
    [TRANSLATION_NOTES_WAITING, [false, false, false]],
  );
});

test('what was noted a moment ago is not noted again', async (t) => {
  const log = new TranslationLog(await folder(t), { now, refused: never });
  for (const text of ['one', 'two', 'one', 'two'])
    assert.equal(await log.note({ kind: 'abstain', text }), true);
  assert.deepEqual(textsIn(await log.lines()), ['one', 'two']);
});

test('what was understood is no note; what was not says why', () => {
  const common = { text: 'is nas9 up', readAs: [] };
  const notes: readonly Translation[] = [
    { ...common, kind: 'query', query: 'node(N)', echo: 'nodes', confidence: 1 },
    { ...common, kind: 'did_you_mean', options: [] },
    { ...common, kind: 'abstain', examples: [] },
    { ...common, kind: 'order', examples: [] },
    { ...common, kind: 'unknown_name', names: [{ written: 'nas9', near: ['nas'] }] },
  ];
  assert.deepEqual(notes.map(noteOf), [
    null,
    null,
    { kind: 'abstain', text: 'is nas9 up' },
    { kind: 'order', text: 'is nas9 up' },
    { kind: 'unknown_name', text: 'is nas9 up', names: ['nas9'] },
  ]);
});
