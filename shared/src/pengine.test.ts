/** What is sent to a site and what is taken as its reply (docs/protocol.md section 4). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifest, withCode } from '../test/fixture.ts';
import { checkAsk } from './language.ts';
import { ANSWERS } from './limits.ts';
import { questionBody, readReply } from './pengine.ts';
import { writeTerm } from './term.ts';

const asked = checkAsk('node_status(N, S)', manifest);
const whole = (outcome: string): string =>
  `create('5d1e-a',[slave_limit(3),answer(destroy('5d1e-a',${outcome}))]).\n`;
const success = (rows: string, more = 'false'): string =>
  whole(`success('5d1e-a',${rows},['N','S','P__'],0.002,${more})`);

test('a question is one create that asks for every answer and destroys', () => {
  const { ask, template, body } = questionBody(asked, true);
  assert.equal(ask, 'prove((node_status(N,S)),P__)');
  assert.equal(template, '[N,S,P__]');
  assert.deepEqual(JSON.parse(body), {
    application: 'logic',
    ask,
    template,
    chunk: 1000,
    destroy: true,
    format: 'prolog',
  });
  assert.deepEqual(questionBody(asked, false).template, '[N,S]');
  assert.equal(questionBody(checkAsk('node(pve1)', manifest), false).template, '[]');
});

test("the proof's variable is none of the question's", () => {
  const { ask, template } = questionBody(checkAsk('node(P__), node(P___)', manifest), true);
  assert.equal(template, '[P__,P___,P____]');
  assert.match(ask, /,P____\)$/);
});

test("what is sent reads back as the question, on the site's side too", () => {
  const { ask, template } = questionBody(asked, true);
  const again = checkAsk(ask, manifest, { template });
  assert.deepEqual([again.text, again.variables, again.prove], [asked.text, asked.variables, true]);
});

test('answers come as rows of values, with the proof last where it was asked for', () => {
  const reply = readReply(success('[[pve1,up,[step(1,query([]))]]]'), asked, true);
  assert.ok(reply.kind === 'answers');
  assert.deepEqual(
    reply.rows.map((row) => row.values.map(writeTerm)),
    [['pve1', 'up']],
  );
  assert.equal(reply.rows[0]?.proof && writeTerm(reply.rows[0].proof), '[step(1,query([]))]');
  const plain = readReply(success('[[pve1,up],[pve2,down]]'), asked, false);
  assert.ok(plain.kind === 'answers' && plain.rows.length === 2 && plain.rows[0]?.proof === null);
});

test('failure is no answers', () => {
  assert.deepEqual(readReply(whole("failure('5d1e-a',0.001)"), asked, true), { kind: 'answers', rows: [] });
});

test('other features beside the answer do not matter', () => {
  const text =
    "create('a b',[slave_limit(3),src_limit(9),answer(destroy('a b',failure('a b',0.1))),debug(x)])";
  assert.equal(readReply(text, asked, true).kind, 'answers');
});

test("a site's error keeps its code and message, wherever it stands", () => {
  const error = 'error(\'5d1e-a\',error(logic(time_limit,"stopped after 2 s"),_12))';
  for (const text of [whole(error), error, `destroy(x,${error})`, `create(x,[answer(${error})])`]) {
    assert.deepEqual(
      readReply(text, asked, true),
      { kind: 'error', code: 'time_limit', message: 'stopped after 2 s' },
      text,
    );
  }
});

test("a code that is not in the table, or not a site's to give, is internal", () => {
  for (const code of [
    'made_up',
    'constructor',
    'bad_proof',
    'bad_signature',
    'unreachable',
    'deadline',
    '7',
    'f(x)',
  ]) {
    const reply = readReply(`error(x,error(logic(${code},m),_))`, asked, true);
    assert.ok(reply.kind === 'error' && reply.code === 'internal', code);
  }
  const foreign = readReply('error(x,error(existence_error(procedure,/(foo,1)),foo/1))', asked, true);
  assert.ok(foreign.kind === 'error' && foreign.code === 'internal');
});

test('anything else is a bad reply', () => {
  for (const text of [
    '',
    'ok',
    '{"event":"success"}',
    'create(x,[])',
    'create(x,[answer(a),answer(b)])',
    "create(x,[answer(output(x,'hello'))])",
    success('[[pve1,up,[]]]', 'true'),
    success('[[pve1,up]]'),
    success('[[pve1,up,[],x]]'),
    success('[pve1]'),
    success('pve1'),
    success('[[f(x),up,[]]]'),
    success('[[_,up,[]]]'),
    success("[['$any'(0),up,[]]]"),
    success('[[pve1,-0.0,[]]]'),
    success(`[${'[a,up,[]],'.repeat(ANSWERS)}[a,up,[]]]`),
    `${success('[]')} extra`,
    success('[').slice(0, 40),
    'stop(x)',
    whole("prompt('5d1e-a',x)"),
    success(`[[a,up,${'f('.repeat(2000)}a${')'.repeat(2000)}]]`),
  ])
    assert.throws(() => readReply(text, asked, true), withCode('bad_reply'), text.slice(0, 80));
});
