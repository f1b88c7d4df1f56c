/** Who gets a place, and who is told to come back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Places } from './places.ts';

test('places are bounded for all and for each caller, and one that is given back is free again', () => {
  const places = new Places({ what: 'questions', all: 3, each: 2 });
  const first = places.enter('a');
  places.enter('a');
  assert.throws(() => places.enter('a'), { code: 'busy', message: /of one caller/ });
  const other = places.enter('b');
  assert.throws(() => places.enter('c'), { code: 'busy', message: 'Too many questions at once.' });
  assert.equal(places.taken, 3);
  first();
  places.enter('c');
  other();
  places.enter('a');
  assert.throws(() => places.enter('a'), { code: 'busy' });
  assert.equal(places.taken, 3);
});
