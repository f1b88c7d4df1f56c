/** The core of supervision, fed with events and a made-up clock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINE_START_MS, RESTART_FIRST_MS, RESTART_LONGEST_MS } from '@fleet/shared/limits.ts';
import { AT_REST, backoffMs, type Supervision, type SupervisorEvent, supervise } from './supervisor.ts';

type Told = readonly [SupervisorEvent['type'], number];

/** Plays events and returns the last state with the actions of the last event. */
function play(...told: readonly Told[]): { state: Supervision; actions: readonly string[] } {
  let state = AT_REST;
  let actions: readonly string[] = [];
  for (const [type, now] of told) {
    const step = supervise(state, { type }, now);
    state = step.next;
    actions = step.actions.map((action) => (action.do === 'wake' ? `wake ${action.at}` : action.do));
  }
  return { state, actions };
}

const READY: readonly Told[] = [
  ['start', 0],
  ['listening', 10],
  ['synced', 20],
];

test('an engine is ready only after it listens and has its facts', () => {
  assert.equal(play(['start', 0], ['synced', 5]).state.state, 'starting');
  assert.deepEqual(play(['start', 0], ['listening', 10]).actions, ['sync']);
  assert.equal(play(...READY).state.state, 'ready');
});

test('a killed engine is started again after the first short wait', () => {
  const { state, actions } = play(...READY, ['exited', 100]);
  assert.deepEqual(actions, [`wake ${100 + RESTART_FIRST_MS}`]);
  assert.equal(state.restarts, 1);
  assert.equal(play(...READY, ['exited', 100], ['tick', 120]).state.state, 'waiting');
  assert.deepEqual(play(...READY, ['exited', 100], ['tick', 150]).actions.slice(0, 1), ['spawn']);
});

test('an engine that keeps ending is started ever less often, at most every 10 s', () => {
  assert.deepEqual([0, 1, 2, 50].map(backoffMs), [50, 100, 200, RESTART_LONGEST_MS]);
  const twice = play(...READY, ['exited', 100], ['tick', 150], ['exited', 160]);
  assert.deepEqual(twice.actions, ['wake 260']);
});

test('an engine that was ready for long starts with the short wait again', () => {
  const { actions } = play(
    ...READY,
    ['exited', 100],
    ['tick', 150],
    ['listening', 200],
    ['synced', 210],
    ['exited', 210 + RESTART_LONGEST_MS],
  );
  assert.deepEqual(actions, [`wake ${210 + RESTART_LONGEST_MS + RESTART_FIRST_MS}`]);
});

test('a start that never gets ready is killed and tried again', () => {
  assert.deepEqual(play(['start', 0], ['tick', ENGINE_START_MS - 1]).actions, [`wake ${ENGINE_START_MS}`]);
  assert.deepEqual(play(['start', 0], ['tick', ENGINE_START_MS]).actions, ['kill']);
  assert.equal(
    play(['start', 0], ['tick', ENGINE_START_MS], ['exited', ENGINE_START_MS + 1]).state.state,
    'waiting',
  );
});

test('a timer that fires early is set again, so that no wait is for ever', () => {
  assert.deepEqual(play(...READY, ['exited', 100], ['tick', 149.2]).actions, ['wake 150']);
});

test('two questions in a row without a reply end the engine, one does not', () => {
  assert.deepEqual(play(...READY, ['abandoned', 30]).actions, []);
  assert.deepEqual(play(...READY, ['abandoned', 30], ['answered', 31], ['abandoned', 32]).actions, []);
  assert.deepEqual(play(...READY, ['abandoned', 30], ['abandoned', 31]).actions, ['kill']);
});

test('a stop ends the engine and nothing starts it again', () => {
  assert.deepEqual(play(...READY, ['stop', 30]).actions, ['end']);
  assert.equal(play(...READY, ['stop', 30], ['exited', 40], ['tick', 99_999]).state.state, 'stopped');
  assert.equal(play(...READY, ['exited', 30], ['stop', 40], ['tick', 90]).state.state, 'stopped');
});
