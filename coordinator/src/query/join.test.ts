import assert from 'node:assert/strict';
import { join as path } from 'node:path';
import { test } from 'node:test';
import type { Answer, SiteOutcome } from '@fleet/shared/api/ask.ts';
import { evaluate, holds } from '@fleet/shared/arithmetic.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { coverageOf } from '@fleet/shared/coverage.ts';
import { toJson } from '@fleet/shared/json.ts';
import {
  atom,
  compareTuples,
  compound,
  conjuncts,
  float,
  isCompound,
  readTerm,
  sameTerm,
  type Term,
} from '@fleet/shared/term.ts';
import fc from 'fast-check';
import { registryRow } from '../testing/registry-row.ts';
import { type Gathered, join } from './join.ts';
import type { Part } from './part.ts';
import { type Plan, planQuestion } from './plan.ts';

const manifest = await loadManifest(path(import.meta.dirname, '../../../kb'));

type Facts = readonly Term[];
type World = ReadonlyMap<string, Facts>;
type Env = ReadonlyMap<string, Term>;

const read = (text: string) => readTerm(text, { bytes: 4_096, depth: 50 }).term;
const put = (term: Term, env: Env): Term =>
  term.kind === 'var'
    ? (env.get(term.name) ?? term)
    : term.kind === 'compound'
      ? compound(
          term.name,
          term.args.map((arg) => put(arg, env)),
        )
      : term;

function unify(pattern: Term, fact: Term, env: Env): Env | null {
  const own = put(pattern, env);
  if (own.kind === 'var') return new Map(env).set(own.name, fact);
  if (own.kind !== 'compound' || fact.kind !== 'compound') return sameTerm(own, fact) ? env : null;
  if (own.name !== fact.name || own.args.length !== fact.args.length) return null;
  return own.args.reduce<Env | null>(
    (so, arg, i) => (so === null ? null : unify(arg, fact.args[i] as Term, so)),
    env,
  );
}

/** Every way to meet the goals, one after another: what a query means, by nested loops. */
function* solve(goals: readonly Term[], env: Env, world: World, here: Facts | null): Iterable<Env> {
  const [goal, ...rest] = goals;
  if (goal === undefined) {
    yield env;
    return;
  }
  for (const next of ways(goal, env, world, here)) yield* solve(rest, next, world, here);
}

function* ways(goal: Term, env: Env, world: World, here: Facts | null): Iterable<Env> {
  if (isCompound(goal, ',', 2)) yield* solve(conjuncts(goal), env, world, here);
  else if (isCompound(goal, '\\+', 1)) {
    const [inner] = goal.args as [Term];
    for (const _ of ways(inner, env, world, here)) return;
    yield env;
  } else if (isCompound(goal, 'at', 2)) {
    const [place, inner] = goal.args as [Term, Term];
    for (const [site, facts] of world) {
      const placed = unify(place, atom(site), env);
      if (placed !== null) yield* solve([inner], placed, world, facts);
    }
  } else if (isCompound(goal, 'is', 2)) {
    const [target, expr] = goal.args as [Term, Term];
    const bound = unify(target, evaluate(put(expr, env)), env);
    if (bound !== null) yield bound;
  } else if (isCompound(goal, '>', 2) || isCompound(goal, '\\==', 2)) {
    const [a, b] = goal.args.map((arg) => put(arg, env)) as [Term, Term];
    if (holds(goal.name, a, b)) yield env;
  } else
    for (const fact of here ?? []) {
      const next = unify(goal, fact, env);
      if (next !== null) yield next;
    }
}

function tuples(envs: Iterable<Env>, names: readonly string[]): Term[][] {
  const all = [...envs].map((env) => names.map((name) => env.get(name) as Term));
  return all
    .sort(compareTuples)
    .filter((row, i) => i === 0 || compareTuples(row, all[i - 1] as Term[]) !== 0);
}

const row = (site: string, outcome: SiteOutcome['outcome'], answers = 0): SiteOutcome => ({
  site,
  outcome,
  code: null,
  message: null,
  ms: 1,
  revision: 1,
  bundle: manifest.bundle,
  answers,
});

/** What honest sites answer to a part. */
function gatherOf(part: Part, world: World): Gathered {
  const { text, variables } = part.admitted.asked;
  const said = part.targets.all.map(({ name }): [string, Answer[]] => {
    const rows = tuples(solve([read(text)], new Map(), world, world.get(name) ?? []), variables);
    const answers = rows.map(
      (values): Answer => ({
        site: name,
        bindings: Object.fromEntries(variables.map((one, i) => [one, toJson(values[i] as Term)])),
        standing: 'verified',
        proof: null,
      }),
    );
    return [name, answers];
  });
  const coverage = coverageOf(
    said.map(([site, { length }]) => row(site, length > 0 ? 'answered' : 'empty', length)),
  );
  return { part, answers: said.flatMap(([, answers]) => answers), coverage, whole: true };
}

function planOf(query: string, world: World): Plan {
  const sites = [...world.keys()].sort().map((name) => registryRow(name));
  return planQuestion({ query }, { manifest, registry: { list: () => sites } });
}

const QUERIES = [
  'at(S1, vm_host(V, N)), at(S2, vm_host(V, M)), S1 \\== S2',
  'at(S1, node_load(N, L1)), at(S2, node_load(N, L2)), L1 > L2',
  'at(S1, node_load(N, L1)), at(S2, node_load(N, L2)), L1 > 0.5, D is L1 - L2, D > 0.25',
  'at(S, vm_host(V, N)), \\+ at(_, vm_state(V, running))',
  'at(S, vm_host(V, N)), \\+ at(S, vm_state(V, running))',
  'at(S, vm_host(V, N)), \\+ at(a, vm_host(V, N))',
  'at(a, vm_host(V, N)), at(S, vm_host(V, N)), S \\== a',
  'at(_, vm_host(V, _)), at(_, vm_state(V, X))',
  'at(S1, vm_host(V, N)), at(S2, vm_state(V, X)), at(S3, node_load(N, L)), L > 0.25',
  'at(S, (vm_host(V, N), node_load(N, L))), at(T, (vm_host(V, M), \\+ vm_state(V, stopped)))',
  'at(S1, vm_host(V, N)), at(S2, vm_host(W, N)), V \\== W, \\+ at(S1, vm_state(V, running)), \\+ at(_, vm_state(W, stopped))',
  'at(S, vm_host(S, N)), at(T, vm_host(T, N))',
];

const names = fc.constantFrom('a', 'b', 'c').map(atom);
const fact = fc.oneof(
  fc.tuple(names, names).map(([v, n]) => compound('vm_host', [v, n])),
  fc
    .tuple(names, fc.constantFrom('running', 'stopped').map(atom))
    .map(([v, s]) => compound('vm_state', [v, s])),
  fc.tuple(names, fc.constantFrom(0, 0.25, 0.5, 1).map(float)).map(([n, l]) => compound('node_load', [n, l])),
);
const worlds = fc
  .tuple(fc.array(fact, { maxLength: 6 }), fc.array(fact, { maxLength: 6 }), fc.array(fact, { maxLength: 6 }))
  .map(
    ([a, b, c]): World =>
      new Map([
        ['a', a],
        ['b', b],
        ['c', c],
      ]),
  );

test('a join gives what nested loops over all sites give, and each row rests on answers that say so', () => {
  fc.assert(
    fc.property(fc.constantFrom(...QUERIES), worlds, (query, world) => {
      const plan = planOf(query, world);
      assert.ok(plan.join);
      const gathered = plan.parts.map((part) => gatherOf(part, world));
      const { rows, parts } = join(plan.join, gathered);
      const naive = tuples(solve(conjuncts(read(query)), new Map(), world, null), plan.variables);
      assert.deepEqual(
        rows.map(({ bindings }) => plan.variables.map((name) => bindings[name])),
        naive.map((values) => values.map(toJson)),
        query,
      );
      const negates = parts.some(({ negated }) => negated);
      for (const { bindings, rests, standing } of rows) {
        assert.equal(rests.length, parts.filter(({ negated }) => !negated).length);
        assert.equal(standing, negates ? 'attested' : 'verified');
        for (const { part, answer } of rests) {
          const { at, answers } = parts[part] as (typeof parts)[number];
          const own = answers[answer] as Answer;
          for (const [name, value] of Object.entries(own.bindings))
            if (name in bindings) assert.deepEqual(bindings[name], value);
          if ('variable' in at && at.variable in bindings) assert.equal(bindings[at.variable], own.site);
        }
      }
    }),
    { numRuns: 3_000 },
  );
});

const WORLD: World = new Map([
  ['a', [read('vm_host(v,n)')]],
  ['b', [read('vm_host(v,m)')]],
]);

test('a negated goal that not all of its targets answered is refused, with who is missing', () => {
  const plan = planOf('at(S, vm_host(V, N)), \\+ at(_, vm_state(V, running))', WORLD);
  const gathered = plan.parts.map((part) => gatherOf(part, WORLD));
  const coverage = coverageOf([row('a', 'empty'), row('b', 'timeout')]);
  const missing = gathered.with(1, { ...(gathered[1] as Gathered), coverage, whole: false });
  assert.ok(plan.join);
  assert.throws(
    () => join(plan.join as NonNullable<Plan['join']>, missing),
    (cause: { code: string; data: object }) => {
      assert.equal(cause.code, 'partial_coverage');
      assert.deepEqual(cause.data, { coverage });
      return true;
    },
  );
  const positive = gathered.with(0, { ...(gathered[0] as Gathered), coverage, whole: false });
  assert.equal(join(plan.join, positive).rows.length, 2, 'what is there is there, whoever is missing');
});

test('a join that is too large is refused before its rows are made', () => {
  const plan = planOf('at(_, vm_host(V, N)), at(_, vm_host(V, M))', WORLD);
  const gathered = plan.parts.map((part): Gathered => {
    const [name] = part.admitted.asked.variables.filter((one) => one !== 'V');
    const answers = Array.from(
      { length: 400 },
      (_, i): Answer => ({
        site: 'a',
        bindings: { V: 'v', [name as string]: `n${i}` },
        standing: 'verified',
        proof: null,
      }),
    );
    return { part, answers, coverage: coverageOf([row('a', 'answered', 400)]), whole: true };
  });
  assert.throws(() => join(plan.join as NonNullable<Plan['join']>, gathered), {
    code: 'join_too_large',
    message: /a step of it has 160000 rows/,
  });
});
