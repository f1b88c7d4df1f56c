/** What the model writes, to a query and back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadManifest } from '../catalogue.ts';
import { LogicError } from '../errors.ts';
import { readTerm } from '../term.ts';
import { covers } from './cover.ts';
import { readForm, readSpelled, spell } from './form.ts';
import { asTyped } from './operators.ts';
import { canonical } from './same.ts';
import { Lexicon } from './spelling.ts';
import { NameTable, type Reading, tag } from './tag.ts';

const manifest = await loadManifest(new URL('../../../kb', import.meta.url).pathname);
const term = (text: string) => readTerm(text, { bytes: 4096, depth: 40 }).term;
const names = new NameTable({
  node: ['pve1', 'attic-pi'],
  vm: ['mail'],
  cluster: ['rack'],
  ups: ['apc1'],
  zone: ['guest'],
  mount: ['/var'],
  service: ['ssh'],
});
const reading = (sentence: string): Reading =>
  tag(
    sentence,
    names,
    new Lexicon('which nodes are above who else is on the host of'.split(' '), []),
  )[0] as Reading;
const query = (form: string, sentence: string) => asTyped(readForm(form, reading(sentence), manifest));

const QUERIES = [
  'node_temp(Node, Temp), Temp > 80.0',
  'vm(Vm), \\+ vm_host(Vm, _)',
  'vm(Vm), \\+ (vm_host(Vm, _N), \\+ node_up(_N, true))',
  'aggregate_all(count, (vm(Vm), \\+ vm_state(Vm, running)), Count)',
  'aggregate_all(sum(Memory), vm_on(pve1, _, Memory), Sum)',
  'top(1, Neg, (node_temp(Node, Temp), Neg is -Temp))',
  'forall(cluster_member(rack, Node), node_up(Node, true))',
  'throttling(Node), (node_class(Node, rpi4) ; node_class(Node, rpi5))',
  'boot_level(mail, L), L2 is L + 1, boot_level(Unit, L2)',
  'vm_host(mail, Node), vm_host(Vm, Node), Vm \\== mail',
];

test('a query that is spelled and read again asks the same', () => {
  for (const text of QUERIES) {
    const again = readSpelled(spell(term(text)));
    assert.equal(canonical(asTyped(again), manifest), canonical(text, manifest), text);
  }
});

test('a query in the way people type it reads back as the same term', () => {
  for (const text of QUERIES) assert.deepEqual(term(asTyped(term(text))), term(text), text);
  assert.equal(asTyped(term(QUERIES[7] ?? '')), QUERIES[7]);
});

test('placeholders become the names and numbers of the sentence, in the unit of the argument they stand for', () => {
  const cases = [
    ['node_temp( A , B ) , B > @q1', 'above 80 c', 'node_temp(Node, Temp), Temp > 80.0'],
    ['memory_free( A , B ) , B > @q1', 'above 4 gb', 'memory_free(Node, Free), Free > 4096'],
    ['node_load( A , B ) , B > @q1', 'above 80 percent', 'node_load(Node, Load), Load > 0.8'],
    ['node_load( A , B ) , B > @q1', 'above 0.5', 'node_load(Node, Load), Load > 0.5'],
    ['ups_runtime( A , B ) , B < @q1', '10 minutes', 'ups_runtime(Ups, Runtime), Runtime < 600'],
    [
      'minutes_to_throttling( A , B ) , B =< @q1',
      '600 seconds',
      'minutes_to_throttling(Node, Minutes), Minutes =< 10.0',
    ],
    ['node_vlan( A , @q1 )', 'above 20', 'node_vlan(Node, 20)'],
    [
      'node_disk_available( @n1 , @m1 , A )',
      'attic-pi on /var',
      "node_disk_available('attic-pi', '/var', Space)",
    ],
    ['top( @q1 , A , node_temp( B , A ) )', '3 nodes', 'top(3, Temp, node_temp(Node, Temp))'],
    ['A is @q1 + 1 , boot_level( B , A )', '1', 'boot_level(Unit, 2)'],
    [
      'aggregate_all( count , vm_host( _ , @n1 ) , A ) , A > @q1',
      'pve1 above 2',
      'aggregate_all(count, vm_host(_Vm, pve1), Count), Count > 2',
    ],
  ] as const;
  for (const [form, sentence, wanted] of cases) assert.equal(query(form, sentence), wanted);
});

test('a number that cannot be what it stands for is refused', () => {
  assert.throws(
    () => query('memory_free( A , B ) , B > @q1', 'above 80 degrees'),
    (error: unknown) => error instanceof LogicError && error.code === 'type_error',
  );
});

test('queries ask the same whatever their variables, order and direction; others do not', () => {
  const same = (a: string, b: string) => canonical(a, manifest) === canonical(b, manifest);
  assert.ok(same('node_temp(N, T), T > 80', 'node_temp(A, B), 80.0 < B'));
  assert.ok(same('vm_host(mail, N), throttling(N)', 'throttling(X), vm_host(mail, X)'));
  assert.ok(!same('needs(mail, X)', 'needs(X, mail)'));
  assert.ok(!same('node_temp(N, T), T > 80', 'node_temp(N, T), T >= 80'));
});

test('what was named must be covered, and "who else" asks for another', () => {
  const one = reading('pve1 above 80');
  assert.ok(covers('node_temp( @n1 , A ) , A > @q1', one));
  assert.ok(!covers('node_temp( A , B ) , B > @q1', one));
  assert.ok(!covers('node_temp( @n1 , A )', one));
  const else_ = reading('who else is on the host of mail');
  assert.ok(!covers('vm_host( @v1 , A ) , vm_host( B , A )', else_));
  assert.ok(covers('vm_host( @v1 , A ) , vm_host( B , A ) , B \\== @v1', else_));
});
