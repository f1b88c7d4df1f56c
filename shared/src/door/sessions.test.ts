/** Whose pengines there are, and which are done. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGENT_REPLY_MS, PENGINE_IDLE_MS } from '../limits.ts';
import { type Session, Sessions } from './sessions.ts';

const session = (id: string, usedAt: number): Session => ({
  id,
  caller: 'loopback',
  ask: '',
  destroy: false,
  usedAt,
  busy: false,
});

test('an id is found by its caller and by nobody else', () => {
  const sessions = new Sessions();
  sessions.add(session('a', 0));
  assert.equal(sessions.find('a', 'loopback')?.id, 'a');
  assert.equal(sessions.find('a', 'AB:CD'), null);
});

test('pengines that nobody used for long are taken out, those at work are not', () => {
  const sessions = new Sessions();
  sessions.add(session('idle', 0));
  sessions.add({ ...session('busy', 0), busy: true });
  sessions.add(session('fresh', 1));
  assert.deepEqual(
    sessions.takeIdle(PENGINE_IDLE_MS).map(({ id }) => id),
    ['idle'],
  );
  assert.equal(sessions.size, 2);
});

test('the end of a pengine is remembered for a moment, and not for ever', () => {
  const sessions = new Sessions();
  sessions.remember('a', 'loopback', 0);
  assert.equal(sessions.endedLately('a', 'loopback', AGENT_REPLY_MS - 1), true);
  assert.equal(sessions.endedLately('a', 'AB:CD', 1), false);
  assert.equal(sessions.endedLately('a', 'loopback', AGENT_REPLY_MS), false);
  for (let at = 0; at < 300; at += 1) sessions.remember(String(at), 'loopback', 0);
  assert.equal(sessions.endedLately('0', 'loopback', 1), false);
});
