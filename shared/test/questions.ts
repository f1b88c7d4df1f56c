/** Arbitrary questions over the real catalogue: mostly well formed, often wrong in one place. */
import fc from 'fast-check';

const variable = fc.constantFrom('N', 'M', 'V', 'L', 'S', 'X', '_Y');
const name = fc.constantFrom('pve1', 'nas', 'up', 'home', 'web', 'nuc');
const number = fc.constantFrom('0', '1', '2', '0.5', '10.0', '16384', '-1');
const argument = fc.oneof(
  { weight: 8, arbitrary: variable },
  { weight: 3, arbitrary: name },
  { weight: 1, arbitrary: number },
  { weight: 1, arbitrary: fc.constantFrom('true', '[]', 'f(a)', "'A b'") },
);

const PREDICATES: readonly (readonly [string, number])[] = [
  ['node', 1],
  ['vm', 1],
  ['node_up', 2],
  ['node_temp', 2],
  ['node_load', 2],
  ['vm_host', 2],
  ['vm_memory', 2],
  ['node_memory', 2],
  ['node_status', 2],
  ['at_risk_of_throttling', 1],
  ['cluster_votes', 3],
  ['memory_free', 2],
  ['now', 1],
  ['node_class', 2],
  ['throttles_at', 2],
];
const predicate = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...PREDICATES) },
  { weight: 1, arbitrary: fc.constantFrom(['shell', 1] as const, ['node', 2] as const) },
);
const call = predicate.chain(([functor, arity]) =>
  fc.array(argument, { minLength: arity, maxLength: arity }).map((args) => `${functor}(${args.join(',')})`),
);
/** A call whose arguments are variables of fitting names: mostly well typed. */
const fitting = fc.constantFrom(
  'node(N)',
  'vm(V)',
  'node_load(N,L)',
  'node_temp(N,L)',
  'node_memory(N,M)',
  'vm_memory(V,M)',
  'vm_host(V,N)',
  'node_status(N,S)',
  'node_up(N,_)',
  'at_risk_of_throttling(N)',
  'memory_free(N,M)',
  'node_class(N,_)',
  'node_load(N,_Y)',
);

const expression = fc.letrec<{ e: string }>((tie) => ({
  e: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    fc.constantFrom('L', 'M', 'L', 'M', 'X'),
    number,
    fc.constantFrom('a', 'N'),
    fc
      .tuple(tie('e'), fc.constantFrom('+', '-', '*', '/', '//', ' mod '), tie('e'))
      .map(([a, op, b]) => `(${a})${op}(${b})`),
    fc.tuple(fc.constantFrom('abs', 'float', '-', 'sqrt'), tie('e')).map(([f, a]) => `${f}(${a})`),
    fc.tuple(fc.constantFrom('min', 'max'), tie('e'), tie('e')).map(([f, a, b]) => `${f}(${a},${b})`),
  ),
})).e;

const comparison = fc.oneof(
  fc
    .tuple(expression, fc.constantFrom('<', '>', '=<', '>=', '=:=', '=\\='), expression)
    .map(([a, op, b]) => `${a} ${op} ${b}`),
  fc.tuple(argument, fc.constantFrom('==', '\\=='), argument).map(([a, op, b]) => `${a} ${op} ${b}`),
  fc.tuple(fc.constantFrom('X', 'X', 'M', '1'), expression).map(([v, e]) => `${v} is ${e}`),
);

const specification = fc.oneof(
  { weight: 3, arbitrary: fc.constant('count') },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('sum', 'min', 'max', 'set', 'list'), fc.constantFrom('M', 'L', 'N', 'V'))
      .map(([f, v]) => `${f}(${v})`),
  },
  { weight: 1, arbitrary: fc.constantFrom('bag(N)', 'sum(1)', 'X', 'sum') },
);

const goal = fc.letrec<{ g: string }>((tie) => ({
  g: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    { weight: 5, arbitrary: fitting },
    { weight: 3, arbitrary: call },
    { weight: 3, arbitrary: comparison },
    { weight: 6, arbitrary: fc.tuple(tie('g'), tie('g')).map(([a, b]) => `(${a}, ${b})`) },
    { weight: 1, arbitrary: fc.tuple(tie('g'), tie('g')).map(([a, b]) => `(${a} ; ${b})`) },
    { weight: 2, arbitrary: tie('g').map((g) => `\\+ (${g})`) },
    { weight: 1, arbitrary: fc.tuple(tie('g'), tie('g')).map(([a, b]) => `forall(${a}, ${b})`) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom('1', '2', '2', '0', 'X'), fc.constantFrom('L', 'M', 'M', 'N'), tie('g'))
        .map(([k, v, g]) => `top(${k}, ${v}, ${g})`),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(specification, tie('g'), fc.constantFrom('C', 'C', 'C', '2', 'M', '1.0'))
        .map(([s, g, r]) => `aggregate_all(${s}, ${g}, ${r})`),
    },
    { weight: 1, arbitrary: fc.constantFrom('true', 'X', '1', 'foo', 'all(count,[],node(_),C)', '[a]') },
  ),
})).g;

const assumption = fc.constantFrom(
  'node_up(pve1,false)',
  'node_up(pve1,true)',
  'node_up(nas,true)',
  '\\+ node_up(pve1,true)',
  '\\+ vm_host(web,pve1)',
  'node_load(pve1,3)',
  'vm_memory(web,1)',
  'node(N)',
  'node_status(pve1,up)',
  'shell(ls)',
  'node_up(pve1,1)',
);

/** A few calls that bind, then anything: so that most variables have a value. */
export const questions: fc.Arbitrary<string> = fc
  .tuple(fc.array(fitting, { maxLength: 3 }), goal, fc.array(assumption, { maxLength: 2 }), fc.boolean())
  .map(([first, rest, assumed, plain]) => {
    const text = [...first, rest].join(', ');
    return plain ? text : `assuming([${assumed.join(', ')}], (${text}))`;
  });
