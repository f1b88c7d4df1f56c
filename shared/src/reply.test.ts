/** What a reply's stamp and signature promise. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { BUNDLE, NOW, withCode } from '../test/fixture.ts';
import { SIGNED_AT_ONCE } from './limits.ts';
import {
  type ReplyStatement,
  readStamp,
  replyStatement,
  type Signed,
  signReplies,
  signReply,
  verifyReply,
} from './reply.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const statement: ReplyStatement = {
  site: 'garage',
  ask: 'node(N)',
  nonce: 'c0'.repeat(16),
  now: NOW,
  revision: 42,
  bundle: BUNDLE,
  body: 'create(x,[])',
};
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('the statement is the lines of docs/protocol.md section 4', () => {
  assert.equal(
    replyStatement(statement).toString(),
    `logic-reply 1\ngarage\n${sha256('node(N)')}\n${'c0'.repeat(16)}\n${NOW}\n42\n${BUNDLE}\n${sha256('create(x,[])')}\n`,
  );
});

test('a signature is what node:crypto makes and checks as IEEE P1363, whatever zeros its numbers begin with', () => {
  const p1363 = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
  for (let now = 0; now < 600; now += 1) {
    const one = { ...statement, now };
    const ours = Buffer.from(signReply(one, privateKey), 'base64url');
    assert.ok(verify('sha256', replyStatement(one), p1363, ours));
    const theirs = sign('sha256', replyStatement(one), { ...p1363, key: privateKey });
    verifyReply(one, { signature: theirs.toString('base64url'), path: '' }, publicKey);
  }
  for (const length of [0, 1, 63, 65, 200])
    assert.throws(
      () =>
        verifyReply(
          statement,
          { signature: Buffer.alloc(length, 1).toString('base64url'), path: '' },
          publicKey,
        ),
      withCode('bad_signature'),
    );
});

test('a signature holds for its own statement and for no other', () => {
  const text = signReply(statement, privateKey);
  const signature = { signature: text, path: '' };
  assert.match(text, /^[A-Za-z0-9_-]{86}$/);
  verifyReply(statement, signature, publicKey);
  verifyReply({ ...statement, body: Buffer.from('create(x,[])') }, signature, publicKey);
  const changes: Partial<ReplyStatement>[] = [
    { site: 'attic' },
    { ask: 'node(M)' },
    { nonce: '' },
    { now: NOW + 1 },
    { revision: 41 },
    { bundle: 'cd'.repeat(32) },
    { body: 'create(y,[])' },
  ];
  for (const change of changes)
    assert.throws(
      () => verifyReply({ ...statement, ...change }, signature, publicKey),
      withCode('bad_signature'),
      JSON.stringify(change),
    );
  const another = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  assert.throws(() => verifyReply(statement, signature, another), withCode('bad_signature'));
  for (const forged of ['', 'A'.repeat(86), text.slice(1)])
    assert.throws(
      () => verifyReply(statement, { signature: forged, path: '' }, publicKey),
      withCode('bad_signature'),
    );
});

test('of replies that are signed together each holds for its own statement, with its own path, and for no other', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: SIGNED_AT_ONCE }), fc.nat(), fc.nat(), (count, one, other) => {
      const statements = Array.from({ length: count }, (_, at) => ({ ...statement, revision: at }));
      const signed = signReplies(statements, privateKey);
      const [at, instead] = [one % count, other % count];
      const [mine, theirs] = [signed[at], signed[instead]];
      const own = statements[at];
      assert.ok(mine && theirs && own);
      verifyReply(own, mine, publicKey);
      const wrong: [ReplyStatement, Signed][] = [
        [{ ...own, revision: count }, mine],
        [own, { ...mine, path: '' }],
        [own, { ...mine, path: mine.path.slice(44) }],
        [own, { ...mine, path: mine.path + mine.path.slice(0, 44) }],
        [own, { ...mine, path: (mine.path.startsWith('l') ? 'r' : 'l') + mine.path.slice(1) }],
      ];
      if (at !== instead) wrong.push([own, theirs]);
      for (const [said, by] of wrong)
        assert.throws(() => verifyReply(said, by, publicKey), withCode('bad_signature'));
    }),
    { numRuns: 60 },
  );
});

const headers = {
  'logic-site': 'garage',
  'logic-now': String(NOW),
  'logic-revision': '42',
  'logic-bundle': BUNDLE,
  'logic-nonce': '',
  'logic-signature': 'A'.repeat(86),
  'content-type': 'text/x-prolog',
};

test('a stamp is read from its header lines', () => {
  assert.deepEqual(readStamp(headers), {
    site: 'garage',
    now: NOW,
    revision: 42,
    bundle: BUNDLE,
    nonce: '',
    signature: 'A'.repeat(86),
    path: '',
  });
  const step = `l${'A'.repeat(43)}`;
  assert.equal(readStamp({ ...headers, 'logic-path': step.repeat(6) }).path, step.repeat(6));
});

test('a missing or malformed header line is a bad reply', () => {
  const changes: Record<string, string | string[] | undefined>[] = [
    { 'logic-site': undefined },
    { 'logic-site': 'Garage' },
    { 'logic-site': 'a\nb' },
    { 'logic-now': '-1' },
    { 'logic-now': '1e9' },
    { 'logic-now': '9999999999999999' },
    { 'logic-now': '01' },
    { 'logic-revision': '' },
    { 'logic-bundle': 'AB'.repeat(32) },
    { 'logic-nonce': 'x' },
    { 'logic-nonce': undefined },
    { 'logic-signature': 'A'.repeat(85) },
    { 'logic-path': 'x' },
    { 'logic-path': `l${'A'.repeat(43)}`.repeat(7) },
    { 'logic-signature': ['A'.repeat(86), 'A'.repeat(86)] },
  ];
  for (const change of changes)
    assert.throws(() => readStamp({ ...headers, ...change }), withCode('bad_reply'), JSON.stringify(change));
});
