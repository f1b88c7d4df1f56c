/** The phrasings that the model learns from: what they say of queries, and what sites kept becomes more of them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { freshFile, readFresh } from '../evaluation/fresh.ts';
import { learned } from './learn.ts';
import { expand, parsePattern, readPhrasings } from './phrasings.ts';

const manifest = await loadManifest(join(import.meta.dirname, '../../../../kb'));
const sections = await readPhrasings(join(import.meta.dirname, 'phrasings'));

test('every predicate of the catalogue has phrasings, and each line has the placeholders of its query', () => {
  const asked = new Set<string>();
  const wrong: string[] = [];
  for (const { mark, head, lines } of sections) {
    if (mark !== '=') continue;
    for (const [, name] of head.matchAll(/([a-z_]+)\(/g)) asked.add(name ?? '');
    const wanted = new Set(head.match(/\{[a-z]\d?\}/g));
    for (const { text, at } of lines)
      if (![...wanted].every((placeholder) => text.includes(placeholder))) wrong.push(`${at}: ${text}`);
  }
  const silent = [...manifest.entries.values()]
    .filter(({ name }) => !asked.has(name))
    .map(({ name }) => name);
  assert.deepEqual({ silent, wrong: wrong.slice(0, 5) }, { silent: [], wrong: [] });
});

test('patterns nest, and say where their brackets do not match', () => {
  const pattern = parsePattern('how (hot|(very |)warm) is {n}', 'here');
  assert.equal(
    expand(pattern, () => 0),
    'how hot is {n}',
  );
  assert.equal(
    expand(pattern, (count) => count - 1),
    'how warm is {n}',
  );
  assert.throws(() => parsePattern('how (hot is', 'f.txt:3'), /f\.txt:3: a bracket is not closed/);
  assert.throws(() => parsePattern('how hot) is', 'f.txt:4'), /f\.txt:4: a bracket closes/);
});

test('no fresh question stands among the phrasings', async () => {
  const known = new Set(
    sections.flatMap(({ lines }) => lines.map(({ text }) => text.replace(/\{\w+\}/g, '*'))),
  );
  const fresh = (await Promise.all(['a', 'b', 'c', 'd'].map((set) => readFresh(freshFile(set))))).flat();
  const names =
    /\b(?:pve[123]|nas|attic-pi|edge07|titan|sentry|mail|dns|git|media|web-01|db1|homeassistant|jellyfin|rack|lab|apc1|closet_ups)\b/g;
  const same = fresh.filter(
    ({ text, expected }) =>
      expected.kind === 'query' &&
      known.has(
        text
          .toLowerCase()
          .replace(/[?.!]$/, '')
          .replace(names, '*'),
      ),
  );
  // A few of the shortest are the same whoever asks: 9 of 600 ("how many nodes are down"). More would be copied.
  assert.ok(same.length <= 12, same.map(({ at, text }) => `${at} ${text}`).join('\n'));
});

test('every query that a fresh question accepts may be asked', async () => {
  const fresh = (await Promise.all(['a', 'b', 'c', 'd'].map((set) => readFresh(freshFile(set))))).flat();
  const queries = fresh.flatMap(({ expected }) => (expected.kind === 'query' ? expected.queries : []));
  assert.ok(queries.length > 600);
  for (const query of queries) assert.doesNotThrow(() => checkAsk(query, manifest), query);
});

test('what a site kept becomes phrasings that hold for every site; what cannot is told', () => {
  assert.equal(
    learned('How toasty is PVE1?', 'node_temp(pve1, T)', manifest),
    '= node_temp({n},T)\nhow toasty is {n}',
  );
  assert.match(learned('what is down', 'no_such(x)', manifest), /^% no_such\(x\) is no query now/);
  assert.match(learned('is it hot', 'node_temp(pve1, T)', manifest), /^% .*names pve1/);
  assert.match(learned('over 80 degrees', 'node_temp(N, T), T > 80.0', manifest), /^% a number/);
});
