/** What the prompt for an instruct model promises: it is short, holds the nearest predicates with their queries, and ends where the model goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadManifest } from '../catalogue.ts';
import { readSpelled, spell } from './form.ts';
import { instructPrompt } from './instruct.ts';

const manifest = await loadManifest(new URL('../../../kb/', import.meta.url).pathname);
const prompt = (sentence: string): string => instructPrompt({ words: sentence.split(' ') }, manifest);

/** No tokenizer of a large model makes more of a text like this: six letters, three digits, or one sign. */
const tokensOf = (text: string): number => text.match(/[A-Za-z]{1,6}|\d{1,3}|[^\sA-Za-z\d]|\n/g)?.length ?? 0;
const MOST_TOKENS = 1500;

test('the prompt for any example question of the catalogue, and for the longest sentence, is under 1,500 tokens', () => {
  const sentences = [...manifest.entries.values()].flatMap(({ say }) =>
    say.map((text) => text.replace(/[?{},]/g, '')),
  );
  for (const sentence of sentences) assert.ok(tokensOf(prompt(sentence)) < MOST_TOKENS, sentence);
  const longest = 'why can @v1 not move to a node with more than @q1 #size memory '
    .repeat(7)
    .trim()
    .slice(0, 400);
  assert.ok(tokensOf(prompt(longest)) < MOST_TOKENS);
});

test('the prompt holds the language, the nearest predicates, their queries, and ends with the sentence', () => {
  const text = prompt('how hot is @n1');
  const lines = text.split('\n');
  assert.deepEqual(lines.slice(-4), [
    'Question: how hot is @n1',
    'Query: node_temp( @n1 , A )',
    'Question: how hot is @n1',
    'Query:',
  ]);
  assert.ok(lines.includes('node_temp( node , temp celsius ) The temperature of Node is Temp.'));
  assert.match(text, /write !abstain\. If it wants something done, not answered, write !order\./);
  assert.match(text, /^Query: node_temp\( A , B \) , B > @q1$/m);
  assert.equal(lines.filter((line) => line.startsWith('Question:')).length, 15);
  assert.equal(prompt('how hot is @n1'), text);
});

test('every query in a prompt is in the form that is read back', () => {
  for (const sentence of ['how hot is @n1', 'how many vms are down', 'what must stop when @u1 is empty']) {
    const queries = [...prompt(sentence).matchAll(/^Query: ([^!].*)$/gm)].map(([, query = '']) => query);
    assert.ok(queries.length > 8);
    for (const query of queries) assert.equal(spell(readSpelled(query)), query);
  }
});

test('an enumeration shows its values, a long one its first', () => {
  const text = prompt('why can @v1 not move to @n1 which are down');
  assert.match(text, /^cannot_host\( node , vm , reason node_down\|.*\|… \)/m);
  assert.match(prompt('which nodes are down'), /^node_status\( node , status up\|down\|unknown \)/m);
  assert.match(prompt('is @u1 on battery'), /^ups_on_battery\( ups , on_battery true\|false \)/m);
});

test('a catalogue without our predicates shows none of them', () => {
  const entry = manifest.entries.get('zone/1');
  assert.ok(entry !== undefined);
  const text = instructPrompt({ words: ['zones'] }, { ...manifest, entries: new Map([['zone/1', entry]]) });
  assert.doesNotMatch(text, /node_temp|vm_host|node_load/);
  assert.match(text, /^Query: zone\( A \)$/m);
});
