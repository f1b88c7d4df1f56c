/** Sentences become words, names and numbers; nobody types a placeholder. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Lexicon } from './spelling.ts';
import type { SiteNames } from './tag.ts';
import { NameTable, type Reading, tag } from './tag.ts';

const SITE: SiteNames = {
  node: ['pve1', 'attic-pi', 'nas'],
  vm: ['mail', 'dns', 'web-01'],
  cluster: ['rack'],
  ups: ['closet_ups'],
  zone: ['guest', 'servers'],
  mount: ['/', '/var'],
  service: ['ssh', 'dns'],
};
const names = new NameTable(SITE);
const WORDS =
  'which nodes are above the how hot is of more than free on can use who else servers guest mail nas rack degrees zone network vm what throttle hotter with root any hours seconds closet ups in';
const lexicon = new Lexicon(WORDS.split(' '), ['table', 'green'], ['zeus']);
const read = (sentence: string): Reading[] => tag(sentence, names, lexicon);
const words = (sentence: string): string[] => read(sentence).map((one) => one.words.join(' '));

test('names are found in any case and with any separator, and the same name is the same placeholder', () => {
  for (const written of ['pve1', 'PVE1', 'pve-1', 'Pve 1', "pve1's"]) {
    assert.deepEqual(words(`how hot is ${written}`), ['how hot is @n1'], written);
  }
  assert.deepEqual(words('is attic pi hotter than pve1 or is pve1 hotter than web 01')[0]?.match(/@\w+/g), [
    '@n1',
    '@n2',
    '@n2',
    '@v1',
  ]);
});

test('a name with a typo is read as the name, and said so; digits are never guessed', () => {
  const [one] = read('how hot is atic-pi');
  assert.deepEqual(one?.readAs, [{ written: 'atic-pi', read: 'attic-pi' }]);
  const [other] = read('how hot is pve9');
  assert.deepEqual(other?.words, ['how', 'hot', 'is', '~']);
  assert.deepEqual(other?.unknown, ['pve9']);
  assert.deepEqual(names.alike('pve9'), ['pve1']);
});

test('a name that is an ordinary word has a reading as a name and one as a word, unless a cue settles it', () => {
  assert.deepEqual(words('is mail hot'), ['is @v1 hot', 'is mail hot']);
  assert.deepEqual(words('what is in the guest zone'), ['what is in @z1 zone']);
  assert.deepEqual(words('which servers are hot'), ['which servers are hot']);
});

test('a name of two kinds has a reading for each, unless the words beside it say which', () => {
  assert.deepEqual(words('can pve1 use dns on attic-pi'), [
    'can @n1 use @v1 on @n2',
    'can @n1 use @s1 on @n2',
  ]);
  assert.deepEqual(words('how hot is the dns vm'), ['how hot is @v1 vm']);
});

test('numbers become quantities with a dimension', () => {
  const of = (sentence: string) => [...(read(sentence)[0]?.quantities.values() ?? [])];
  assert.deepEqual(of('above 80c'), [{ dimension: 'temp', value: 80 }]);
  assert.deepEqual(of('above 176 degrees fahrenheit'), [{ dimension: 'temp', value: 80 }]);
  assert.deepEqual(of('more than 4.5 gb free'), [{ dimension: 'size', value: 4608 }]);
  assert.deepEqual(of('in half an hour'), [{ dimension: 'time', value: 1800 }]);
  assert.deepEqual(of('above twenty five percent'), [{ dimension: 'percent', value: 25 }]);
  assert.deepEqual(of('more than 70 degress'), [{ dimension: 'temp', value: 70 }]);
  assert.deepEqual(words('which two nodes'), ['which @q1 #number nodes']);
});

test('what a person types is never a placeholder, a mark or a word of the model', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom('@n1', '#size', '~', '!order', '=>', '</s>', '@q1'),
      (noise, mark) => {
        for (const { words, entities, quantities } of read(`${noise} ${mark} ${noise}`)) {
          for (const word of words) {
            assert.match(word, /^(?:[\p{L}\p{N}]+|~|#(?:number|size|time|temp|percent)|@[a-z]\d)$/u);
            if (word.startsWith('@')) assert.ok(entities.has(word) || quantities.has(word), word);
          }
        }
      },
    ),
  );
});

test('a word that things are often called by may be an unknown name', () => {
  assert.equal(read('how hot is zeus')[0]?.mayBeUnknown, true);
  assert.equal(read('how hot is pve1')[0]?.mayBeUnknown, false);
});
