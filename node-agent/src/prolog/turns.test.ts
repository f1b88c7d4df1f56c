/** Callers take turns on the lane. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Turns } from './turns.ts';

interface Question {
  readonly caller: string;
  readonly at: number;
  readonly share: number;
}
const asked = (...callers: readonly string[]): Question[] =>
  callers.map((caller, at) => ({ caller, at, share: 1 }));

test('callers take turns, each in its own order', () => {
  const turns = new Turns<Question>(9);
  for (const one of asked('a', 'a', 'a', 'b', 'c', 'b')) turns.add(one);
  const order = Array.from({ length: 6 }, () => turns.next()).map((one) => `${one?.caller}${one?.at}`);
  assert.deepEqual(order, ['a0', 'b3', 'c4', 'a1', 'b5', 'a2']);
  assert.equal(turns.next(), null);
});

test('a caller that has its share running waits for itself only', () => {
  const turns = new Turns<Question>(2);
  const [a, b, c, other] = asked('x', 'x', 'x', 'y') as [Question, Question, Question, Question];
  for (const one of [a, b, c]) turns.add(one);
  assert.deepEqual([turns.next(), turns.next(), turns.next()], [a, b, null]);
  turns.add(other);
  assert.equal(turns.next(), other);
  turns.done(a);
  assert.equal(turns.next(), c);
});

test('nothing is lost, nothing runs twice, and no share is passed, whatever comes', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.constantFrom('add', 'next', 'done', 'remove'),
          fc.constantFrom('a', 'b', 'c'),
          fc.constantFrom(1, 2, 4),
        ),
      ),
      (steps) => {
        const each = 4;
        const turns = new Turns<Question>(each);
        const waiting: Question[] = [];
        const running: Question[] = [];
        for (const [at, [step, caller, share]] of steps.entries()) {
          const first = waiting.find((one) => one.caller === caller);
          if (step === 'add') {
            const one = { caller, at, share };
            waiting.push(one);
            turns.add(one);
          } else if (step === 'next') {
            // The asked share is what has room: each caller's first that is within its bound and fits may go.
            const one = turns.next((next) => next.share <= share);
            const firsts = ['a', 'b', 'c'].flatMap((of) => waiting.find((w) => w.caller === of) ?? []);
            const taken = (of: string) =>
              running.filter((r) => r.caller === of).reduce((sum, r) => sum + r.share, 0);
            const may = firsts.some((next) => next.share <= share && taken(next.caller) + next.share <= each);
            assert.equal(one !== null, may);
            if (one === null) continue;
            assert.equal(
              one,
              waiting.find((other) => other.caller === one.caller),
            );
            running.push(...waiting.splice(waiting.indexOf(one), 1));
          } else if (step === 'remove' && first !== undefined) {
            assert.ok(turns.remove(first));
            waiting.splice(waiting.indexOf(first), 1);
          } else if (step === 'done' && running[0] !== undefined) {
            turns.done(running[0]);
            running.shift();
          }
          assert.equal(turns.size, waiting.length);
        }
        assert.equal(turns.clear().length, waiting.length);
      },
    ),
  );
});
