/** The judge of the faults scenario is itself judged: it must see what it is there to see. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AskResult, Outcome } from '@fleet/shared/api/ask.ts';
import { drawFaults, FAULT_KINDS, FAULTS, type Fault, isLie } from '../swarm/fault.ts';
import { healthyOf, judge } from './judge.ts';

const NAMES = Array.from({ length: 200 }, (_, at) => `s${at}`);

/** A result in which these sites answered, and others had another outcome. */
function result(outcomes: Readonly<Record<string, Outcome>>): AskResult {
  const sites = Object.entries(outcomes).map(([site, outcome]) => ({
    site,
    outcome,
    code: null,
    message: null,
    ms: 1,
    revision: 1,
    bundle: null,
    answers: 0,
  }));
  const answers = sites
    .filter(({ outcome }) => outcome === 'answered')
    .map(({ site }) => ({ site, bindings: { N: site }, standing: 'verified', proof: null }) as const);
  return { answers, coverage: { sites } } as unknown as AskResult;
}

const fault = (kind: Fault['kind']): Fault => ({ kind, delayMs: 0 });
const HEALTHY = healthyOf(result({ a: 'answered', b: 'answered', c: 'empty' }));

test('the same seed draws the same faults, another seed others, and each kind at least once', () => {
  const draw = { names: NAMES, answering: new Set(NAMES.slice(0, 150)), deadlineMs: 1000 };
  const [one, again, other] = [7, 7, 8].map((seed) => drawFaults({ ...draw, seed }));
  assert.deepEqual(one, again);
  assert.notDeepEqual(one, other);
  const kinds = [...(one?.values() ?? [])].map(({ kind }) => kind);
  assert.deepEqual(new Set(kinds), new Set(FAULT_KINDS));
  assert.equal(kinds.filter((kind) => kind === 'dead').length, 200 * FAULTS.dead.share);
  for (const [name, { kind }] of one ?? []) assert.ok(!isLie(kind) || draw.answering.has(name), name);
});

test('what is as it must be is found right', () => {
  const now = result({ a: 'rejected', b: 'answered', c: 'unreachable' });
  const faults = new Map([
    ['a', fault('key')],
    ['c', fault('dead')],
  ]);
  assert.deepEqual(judge(now, HEALTHY, faults), { wrong: [], believed: [], missing: [] });
});

test('a liar that is believed, an honest answer that is missing, and a target that is left out are each seen', () => {
  const now = result({ a: 'answered', b: 'timeout' });
  const { wrong, believed, missing } = judge(now, HEALTHY, new Map([['a', fault('proof')]]));
  assert.deepEqual(believed, ['a']);
  assert.deepEqual(missing, ['b']);
  assert.equal(wrong.length, 5, wrong.join('\n'));
});
