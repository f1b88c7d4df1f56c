/** The one path from a reply's bytes to answers: what is altered on the way is rejected, whole. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { manifest, NOW, withCode } from '../test/fixture.ts';
import { type CheckedReply, checkReply, type ReplyCheck } from './check.ts';
import { checkAsk } from './language.ts';
import { CLOCK_SKEW_MS } from './limits.ts';
import { questionBody } from './pengine.ts';
import { type ReplyStamp, signReply } from './reply.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const NONCE = '0f'.repeat(16);
const FRESH = `evidence(host,${NOW - 1000},${NOW + 14_000})`;

const busyRow = (node: string, load = '0.62'): string =>
  `[${node},[step(1,fact(node_load(${node},${load}),${FRESH})),step(2,eval(>(${load},0.5))),step(3,rule(clause(busy,1,1),busy(${node}),[1,2])),step(4,query([3]))]]`;
const success = (...rows: string[]): string =>
  `create(x,[slave_limit(3),answer(destroy(x,success(x,[${rows.join(',')}],['N','P__'],0.01,false)))]).\n`;

interface Change {
  readonly body?: string;
  /** What is signed instead of the body that is delivered. */
  readonly signedBody?: string;
  readonly stamp?: Partial<ReplyStamp>;
  readonly check?: Partial<ReplyCheck>;
  readonly expect?: Partial<ReplyCheck['expect']>;
  readonly query?: string;
  readonly prove?: boolean;
}

/** A reply of the site `garage` to `busy(N)`, true in all that `change` leaves alone. */
function deliver(change: Change = {}): CheckedReply {
  const prove = change.prove ?? true;
  const asked = checkAsk(change.query ?? 'busy(N)', manifest);
  const { ask } = questionBody(asked, prove);
  const body = change.body ?? success(busyRow('pve1'), busyRow('pve2'));
  const stamped = {
    site: 'garage',
    now: NOW,
    revision: 7,
    bundle: manifest.bundle,
    nonce: NONCE,
    path: '',
    ...change.stamp,
  };
  const signature =
    change.stamp?.signature ?? signReply({ ...stamped, ask, body: change.signedBody ?? body }, privateKey);
  const expect = {
    site: 'garage',
    nonce: NONCE,
    manifest,
    askedAt: NOW - 20,
    receivedAt: NOW + 20,
    ...change.expect,
  };
  return checkReply({
    asked,
    ask,
    prove,
    body,
    stamp: { ...stamped, signature },
    publicKey,
    expect,
    ...change.check,
  });
}

const rejected = (code: string, change: Change): void =>
  assert.throws(() => deliver(change), withCode(code), JSON.stringify(change));

test('a true reply gives its answers, each with bindings, standing and the text of its proof', () => {
  const { answers, outcome } = deliver();
  assert.equal(outcome, 'answered');
  assert.deepEqual(
    answers.map(({ site, bindings, standing }) => ({ site, bindings, standing })),
    [
      { site: 'garage', bindings: { N: 'pve1' }, standing: 'verified' },
      { site: 'garage', bindings: { N: 'pve2' }, standing: 'verified' },
    ],
  );
  assert.ok(answers[0]?.proof?.startsWith('[step(1,fact(node_load(pve1,0.62)'));
});

test('bytes are taken as well as text, and must be UTF-8', () => {
  const body = success(busyRow('pve1'));
  assert.equal(deliver({ body, check: { body: Buffer.from(body) } }).answers.length, 1);
  const broken = Buffer.from([0xff, 0xfe]);
  const asked = checkAsk('busy(N)', manifest);
  const { ask } = questionBody(asked, true);
  const stamped = { site: 'garage', now: NOW, revision: 7, bundle: manifest.bundle, nonce: NONCE };
  const stamp = { ...stamped, signature: signReply({ ...stamped, ask, body: broken }, privateKey), path: '' };
  assert.throws(
    () =>
      checkReply({
        asked,
        ask,
        prove: true,
        body: broken,
        stamp,
        publicKey,
        expect: { site: 'garage', nonce: NONCE, manifest },
      }),
    withCode('bad_reply'),
  );
});

test('the text of a proof is its canonical one, however the site wrote it', () => {
  const [canonical] = deliver({ body: success(busyRow('pve1')) }).answers;
  assert.equal(canonical?.proof, busyRow('pve1').slice('[pve1,'.length, -']'.length));
  for (const change of [
    (row: string) => row.replaceAll(',', ', '),
    (row: string) => row.replace('>(0.62,0.5)', '0.62 > 0.5'),
    (row: string) => row.replace('0.5)', '0.50)'),
    (row: string) => row.replace('host', "'host'"),
  ]) {
    const [answer] = deliver({ body: success(change(busyRow('pve1'))) }).answers;
    assert.notEqual(change(busyRow('pve1')), busyRow('pve1'));
    assert.deepEqual(answer, canonical);
  }
});

test('no answers is empty, and without proofs answers are unproved', () => {
  assert.deepEqual(deliver({ body: 'create(x,[answer(destroy(x,failure(x,0.1)))])' }), {
    answers: [],
    outcome: 'empty',
  });
  const plain = deliver({ prove: false, body: success('[pve1]') });
  assert.deepEqual(plain.answers, [
    { site: 'garage', bindings: { N: 'pve1' }, standing: 'unproved', proof: null },
  ]);
});

test('a reply that was altered, swapped or sent again does not verify', () => {
  rejected('bad_signature', { signedBody: success(busyRow('pve1')) });
  rejected('bad_signature', { stamp: { site: 'attic' } });
  rejected('bad_signature', { expect: { site: 'attic' } });
  rejected('bad_signature', { stamp: { nonce: '00'.repeat(16) } });
  rejected('bad_signature', { expect: { nonce: '00'.repeat(16) } });
  rejected('bad_signature', { stamp: { signature: 'A'.repeat(86) } });
  rejected('bad_signature', { check: { ask: 'prove((node(N)),P__)' } });
  rejected('bad_signature', {
    check: { publicKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey },
  });
});

test('other core rules and a clock too far off are named', () => {
  rejected('bundle_mismatch', { stamp: { bundle: 'cd'.repeat(32) } });
  rejected('clock_skew', {
    expect: { askedAt: NOW + CLOCK_SKEW_MS + 1, receivedAt: NOW + CLOCK_SKEW_MS + 9 },
  });
  rejected('clock_skew', {
    expect: { askedAt: NOW - CLOCK_SKEW_MS - 9, receivedAt: NOW - CLOCK_SKEW_MS - 1 },
  });
  assert.ok(deliver({ expect: { askedAt: NOW + CLOCK_SKEW_MS, receivedAt: NOW + CLOCK_SKEW_MS } }));
});

test('one proof that does not hold rejects the whole reply', () => {
  rejected('bad_proof', { body: success(busyRow('pve1'), busyRow('pve2', '0.42')) });
  rejected('bad_proof', { body: success(busyRow('pve1'), busyRow('pve2').replace('[pve2', '[pve3')) });
  rejected('bad_proof', { body: success(busyRow('pve1')), query: 'node(N)' });
  rejected('stale_evidence', {
    body: success(busyRow('pve1').replace(String(NOW + 14_000), String(NOW - 1))),
  });
});

test('answers are distinct and in canonical order', () => {
  rejected('bad_reply', { body: success(busyRow('pve1'), busyRow('pve1')) });
  rejected('bad_reply', { body: success(busyRow('pve2'), busyRow('pve1')) });
  rejected('bad_reply', { body: success('[]', '[]'), query: 'node(pve1)', prove: false });
});

test("a site's own error is thrown with its code, after its signature held", () => {
  const body = 'create(x,[answer(destroy(x,error(x,error(logic(time_limit,"stopped"),_))))])';
  rejected('time_limit', { body });
  rejected('bad_signature', { body, stamp: { signature: 'A'.repeat(86) } });
});
