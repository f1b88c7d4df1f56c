/** What example questions promise: near ones for a sentence, with the site's names; good ones for nonsense; with queries that may be asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadManifest } from '../catalogue.ts';
import { checkAsk } from '../language.ts';
import { fewShots, nearestEntries, nearestExamples } from './examples.ts';
import { LETTER } from './kinds.ts';
import { PLACEHOLDERS, type SiteNames } from './tag.ts';

const manifest = await loadManifest(new URL('../../../kb/', import.meta.url).pathname);
const names: SiteNames = {
  node: ['pve1', 'pve2'],
  vm: ['web', 'db'],
  cluster: ['home'],
  ups: [],
  zone: ['lan', 'dmz'],
  mount: ['/'],
  service: ['ssh'],
};
const nowhere: SiteNames = { node: [], vm: [], cluster: [], ups: [], zone: [], mount: [], service: [] };
const near = (sentence: string, of = names): string[] =>
  nearestExamples(sentence.split(' '), { manifest, names: of });

test('the nearest example of a sentence comes first, with a name that the site has', () => {
  for (const [sentence, first] of [
    ['how hot is @n1', 'how hot is pve1?'],
    ['which boxes are about to throttle', 'which nodes are about to throttle?'],
    ['what happens if @n1 dies', 'what goes down if pve1 fails?'],
    ['why can i not move @v1', 'why can web not move to pve1?'],
    ['can @n1 reach @n2 over @s1', 'can pve1 reach pve2?'],
    ['how long does @u1 last', 'how long will each UPS last?'],
  ] as const)
    assert.equal(near(sentence)[0], first);
});

test('a sentence that shares no word gets what anyone may want to know', () => {
  const general = [
    'which alerts are active?',
    'what is the status of every node?',
    'where does each VM run?',
  ];
  assert.deepEqual(near('tell me a joke'), general);
  assert.deepEqual(near('~ ~'), general);
  assert.deepEqual(nearestExamples([], { manifest, names }), general);
  assert.deepEqual(
    near('is @v1'),
    ['where does web run?', ...general.slice(0, 2)],
    'about what it names, if it names something',
  );
});

test('where the site has no names, an example speaks of a node', () => {
  assert.equal(near('how hot is @n1', nowhere)[0], 'how hot is a node?');
  assert.equal(
    near('what may pass from zone @z1 to zone @z2', nowhere)[0],
    'what may pass from a zone to a zone?',
  );
});

test('there is at most one example of a predicate, always as many as wanted, and no placeholder is left', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'which',
      'nodes',
      'are',
      'down',
      'hot',
      'memory',
      'vm',
      'ups',
      'rule',
      'quorum',
      '~',
      '@q1',
      '#size',
      '@n1',
      '@v1',
    ),
    fc.string({ maxLength: 12 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), fc.integer({ min: 1, max: 5 }), (words, count) => {
      const examples = nearestExamples(words, { manifest, names }, count);
      assert.equal(examples.length, count);
      assert.equal(new Set(examples).size, count);
      for (const one of examples) assert.doesNotMatch(one, /[{}@#~]/);
      assert.deepEqual(nearestExamples(words, { manifest, names }, count), examples);
    }),
    { numRuns: 200, seed: 20_261_126 },
  );
});

test('every example question of the catalogue finds its own predicate, most of them first', () => {
  const all = [...manifest.entries.values()];
  const shots = all.flatMap((entry) => fewShotsOf(entry.name));
  const places = shots.map(({ name, sentence }) =>
    nearestEntries(sentence.split(' '), manifest, all.length).findIndex((entry) => entry.name === name),
  );
  assert.ok(Math.max(...places) < 4, `${Math.max(...places)}`);
  assert.ok(places.filter((place) => place === 0).length > 0.9 * places.length);
});

/** The first shot of a predicate alone in its catalogue. */
function fewShotsOf(name: string) {
  const entries = new Map([...manifest.entries].filter(([, entry]) => entry.name === name));
  return fewShots([], { ...manifest, entries }, 1).map(({ sentence, query }) => ({ name, sentence, query }));
}

test('every example question has a query that may be asked, with a placeholder for each name and number', () => {
  const named = new RegExp(`@[${Object.values(LETTER).join('')}q][1-${PLACEHOLDERS}]`, 'g');
  let count = 0;
  for (const [key, entry] of manifest.entries) {
    for (const text of entry.say) {
      const alone = { ...manifest, entries: new Map([[key, { ...entry, say: [text] }]]) };
      const [shot] = fewShots([], alone, 1);
      assert.ok(shot !== undefined);
      assert.deepEqual(new Set(shot.sentence.match(named)), new Set(shot.query.match(named)), text);
      assert.doesNotMatch(shot.sentence, /[{}?]/);
      const typed = shot.query.replace(named, (mark) => valueFor(mark, entry.name, shot.query));
      checkAsk(typed, manifest);
      count += 1;
    }
  }
  assert.ok(count > 400);
});

/** A number of the type that its place has, or a name. */
function valueFor(mark: string, name: string, query: string): string {
  if (!mark.startsWith('@q')) return `'${mark}'`;
  const at = query
    .slice(query.indexOf('(') + 1)
    .split(',')
    .findIndex((arg) => arg.includes(mark));
  const entry = [...manifest.entries.values()].find(
    (one) => one.name === name && one.arity === query.split(',').length,
  );
  return entry?.args[at]?.type === 'float' ? '1.0' : '1';
}

test('few-shots are in the form that the model reads and writes', () => {
  assert.deepEqual(fewShots('how hot is @n1'.split(' '), manifest, 1), [
    { sentence: 'how hot is @n1', query: 'node_temp( @n1 , A )' },
  ]);
  const [large] = fewShots('which vms are given @q1 #size of memory'.split(' '), manifest, 1);
  assert.deepEqual(large, {
    sentence: 'which vms are given @q1 #size of memory',
    query: 'vm_memory( A , @q1 )',
  });
  const [severe] = fewShots('which @n1 have a critical alert'.split(' '), manifest, 1);
  assert.match(severe?.query ?? '', /^active_alert\(/);
});

test('a predicate that joins the catalogue is found at once', () => {
  const fan = {
    name: 'fan_speed',
    arity: 2,
    kind: 'state' as const,
    det: 'nondet',
    key: [1],
    module: 'own',
    doc: 'The fan of Node turns at Speed.',
    say: ['how fast do the fans turn?', 'how fast does the fan of {node} turn?'],
    args: [
      { name: 'node', type: 'atom' as const, mode: '-' as const },
      { name: 'speed', type: 'integer' as const, mode: '-' as const },
    ],
  };
  const joined = { ...manifest, entries: new Map([...manifest.entries, ['fan_speed/2', fan]]) };
  assert.equal(
    nearestExamples('is the fan of @n1 ok'.split(' '), { manifest: joined, names })[0],
    'how fast does the fan of pve1 turn?',
  );
});
