/** What the door accepts and in which words it passes it on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadManifest } from '../catalogue.ts';
import { ANSWERS } from '../limits.ts';
import { readCreate, readEvent, readKeys } from './request.ts';
import { Vocabulary } from './vocabulary.ts';

const manifest = await loadManifest(fileURLToPath(new URL('../../../kb', import.meta.url)));
const vocabulary = () => new Vocabulary(manifest);

function create(keys: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return JSON.parse(readCreate(new Map(Object.entries(keys)), vocabulary()).emitted);
}

function refusal(keys: Readonly<Record<string, unknown>>): string {
  try {
    create(keys);
    return 'accepted';
  } catch (cause) {
    return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  }
}

test('an ask is written anew in canonical text, with the names of its variables', () => {
  const { ask, application, chunk, destroy } = create({ ask: 'node_load(Node,Load) , Load>0.5. % hot' });
  assert.equal(ask, "','(node_load(Node,Load),>(Load,0.5))");
  assert.deepEqual([application, chunk, destroy], ['logic', 1, true]);
});

test('variables that start with _ keep out of answers that name variables', () => {
  assert.equal(create({ ask: 'vm_host(_,N), vm_host(_Vm,N)' }).ask, "','(vm_host(_V_1,N),vm_host(_V_Vm,N))");
});

test('what stock clients send is accepted', () => {
  const rpc = {
    ask: "','(node_up(A,true),node_load(A,B))",
    template: 'v(A,B)',
    application: 'pengine_sandbox',
    src_text: '',
    alias: 'x',
  };
  assert.deepEqual(create(rpc), {
    application: 'logic',
    format: 'prolog',
    destroy: true,
    src_text: '',
    chunk: 1,
    ask: "','(node_up(A,true),node_load(A,B))",
    template: 'v(A,B)',
  });
  assert.equal(
    create({ ask: 'now(T)', format: 'json', src_text: ' \n', chunk: 10, destroy: false }).chunk,
    10,
  );
  assert.equal(create({ template: '[]', ask: 'node_up(pve1,true)' }).template, '[]');
});

test('source is refused whatever it says', () => {
  assert.equal(refusal({ src_text: 'p :- shell(ls).', ask: 'p' }), 'forbidden_source');
  assert.equal(refusal({ src_url: '', ask: 'now(T)' }), 'forbidden_source');
  assert.equal(refusal({ src_text: 5 }), 'forbidden_source');
});

test('keys, applications, formats and chunks outside of the protocol are refused', () => {
  for (const key of ['solutions', 'id', 'user', 'bindings', 'disposition', '__proto__x'])
    assert.equal(refusal({ [key]: 'x' }), 'bad_request', key);
  for (const application of ['swish', '', 5, ['logic']])
    assert.equal(refusal({ application }), 'bad_request');
  for (const format of ['json-s', 'foo', '', 1]) assert.equal(refusal({ format }), 'bad_request');
  for (const chunk of [0, -1, 1.5, ANSWERS + 1, '2**9', 'x', null, 1e300])
    assert.equal(refusal({ chunk }), 'bad_request', String(chunk));
  for (const destroy of ['yes', 1, null]) assert.equal(refusal({ destroy }), 'bad_request');
});

test('a functor that no question may use never reaches Prolog', () => {
  for (const ask of [
    'shell(ls)',
    'node_up(A,f(B))',
    'node_up(A)',
    'call(node_up(A,B))',
    'assertz(x(1))',
    'all(count,[],node(X),C)',
  ]) {
    assert.equal(refusal({ ask }), 'unknown_predicate', ask);
  }
});

test('text that our reader does not take never reaches Prolog', () => {
  for (const ask of [
    'node_up(A',
    '{a}',
    '"text"',
    'p:q(X)',
    '_{a:1}',
    '`x`',
    "0'c",
    '{|html||x|}',
    'node(X) --> y',
    '',
    '0x1f',
    '$a(X)',
  ]) {
    assert.equal(refusal({ ask }), 'syntax_error', ask);
  }
  assert.equal(refusal({ ask: `node(X),${'node(X),'.repeat(10_000)}node(X)` }), 'too_large');
});

test('a template that is more than variables is refused', () => {
  for (const template of ['f(g(X))', 'X+Y', 'f(1)', '[[X]]', '_X', '[_]', "'A b'(X)", '1'])
    assert.equal(refusal({ ask: 'node(X)', template }), 'bad_request', template);
  assert.equal(refusal({ ask: 'node(X)', template: 'X),(shell(ls)' }), 'syntax_error');
});

test('template names are bounded, since Prolog keeps each for ever', () => {
  const words = vocabulary();
  const ask = (template: string) => readCreate(new Map(Object.entries({ ask: 'node(X)', template })), words);
  for (let at = 0; at < 64; at += 1) ask(`t${at}(X)`);
  ask('t5(X)');
  ask('v(X)');
  assert.throws(() => ask('t64(X)'), { code: 'bad_request' });
});

test('events are ask, next, next(Count), stop and destroy, and nothing else', () => {
  const event = (text: string) => readEvent(text, vocabulary()).emitted;
  assert.deepEqual(['next', 'stop .\n', 'destroy.', 'next(5)'].map(event), [
    'next',
    'stop',
    'destroy',
    'next(5)',
  ]);
  assert.equal(
    event('ask((node(X), node_up(X,_)), [template(v(X)),chunk(3)])'),
    "ask(','(node(X),node_up(X,_V_1)),[template(v(X)),chunk(3)])",
  );
  for (const text of [
    'next(0)',
    'next(foo)',
    'next(2+8)',
    'input(x)',
    'ask(node(X))',
    'ask(node(X),[bindings([])])',
    'X',
    'pull',
    '1',
  ]) {
    assert.throws(() => event(text), { code: 'bad_request' }, text);
  }
  assert.throws(() => event('ask(shell(ls),[])'), { code: 'unknown_predicate' });
});

test('bodies are JSON objects or forms', () => {
  assert.equal(
    readKeys('application/x-www-form-urlencoded', Buffer.from('ask=node(X)&chunk=2')).get('chunk'),
    '2',
  );
  for (const body of ['', 'null', '[]', '{', '"x"']) {
    assert.throws(() => readKeys('application/json', Buffer.from(body)), { code: 'bad_request' }, body);
  }
  assert.throws(() => readKeys('text/plain', Buffer.from('{}')), { code: 'bad_request' });
});
