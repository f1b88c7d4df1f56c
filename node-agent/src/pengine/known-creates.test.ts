/** What is remembered of creates: by their exact bytes, bounded, and never one that was refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateRequest } from '@fleet/shared/door/request.ts';
import { KNOWN_CREATE_BYTES, KNOWN_CREATES } from '@fleet/shared/limits.ts';
import { KnownCreates } from './known-creates.ts';

const wish = (ask: string): CreateRequest => ({
  format: 'json',
  ask,
  destroy: true,
  emitted: '',
  lane: null,
});
const JSON_TYPE = 'application/json';

test('a create is found by its exact bytes and content type, and by no other', () => {
  const known = new KnownCreates();
  known.keep(JSON_TYPE, Buffer.from([0xc3, 0xa9]), wish('a'));
  assert.equal(known.find(JSON_TYPE, Buffer.from([0xc3, 0xa9]))?.ask, 'a');
  assert.equal(known.find(JSON_TYPE, Buffer.from([0xc3])), null);
  assert.equal(known.find(JSON_TYPE, Buffer.from([0xc3, 0xa8])), null);
  assert.equal(known.find('application/x-www-form-urlencoded', Buffer.from([0xc3, 0xa9])), null);
});

test('the least lately used is forgotten, and a large body is never kept', () => {
  const known = new KnownCreates();
  for (let at = 0; at < KNOWN_CREATES; at += 1) known.keep(JSON_TYPE, Buffer.from(`${at}`), wish(`${at}`));
  assert.equal(known.find(JSON_TYPE, Buffer.from('0'))?.ask, '0');
  known.keep(JSON_TYPE, Buffer.from('one more'), wish('one more'));
  assert.equal(known.size, KNOWN_CREATES);
  assert.equal(known.find(JSON_TYPE, Buffer.from('1')), null);
  assert.equal(known.find(JSON_TYPE, Buffer.from('0'))?.ask, '0');
  known.keep(JSON_TYPE, Buffer.alloc(KNOWN_CREATE_BYTES + 1), wish('large'));
  assert.equal(known.find(JSON_TYPE, Buffer.alloc(KNOWN_CREATE_BYTES + 1)), null);
});
