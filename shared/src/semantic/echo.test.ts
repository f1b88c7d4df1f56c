/** What an echo promises: it reads as a user would say it, names all that the query names, and tells two queries apart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { term } from '../../test/fixture.ts';
import { questions } from '../../test/questions.ts';
import { type CatalogueEntry, loadManifest } from '../catalogue.ts';
import { checkAsk } from '../language.ts';
import { argumentsOf, atom, compound, type Term, variable } from '../term.ts';
import { echo } from './echo.ts';

const manifest = await loadManifest(new URL('../../../kb/', import.meta.url).pathname);
const say = (query: string): string => echo(term(query), manifest);

/** Read by a person, one by one. */
const READ: readonly (readonly [query: string, says: string])[] = [
  ['node_temp(pve1, Temp)', 'What is the temperature of pve1?'],
  ['node_temp(Node, Temp)', 'Which Node and Temp: the temperature of Node is Temp.'],
  [
    'node_temp(Node, Temp), Temp > 80',
    'Which Node and Temp: the temperature of Node is Temp, and Temp is more than 80 °C.',
  ],
  ['node_status(pve1, up)', 'Is it so that the status of pve1 is up?'],
  ['node_status(N, down) ; node_status(N, unknown)', 'Which N: the status of N is down or unknown.'],
  [
    'node_status(N, S), (S == down ; S == unknown)',
    'Which N and S: the status of N is S, and S is down or unknown.',
  ],
  ['node_up(pve1, false)', 'Is it so that pve1 was seen down?'],
  ['node_up(pve1, Up)', 'Which Up: pve1 was seen up (Up: true) or down (Up: false).'],
  ['ups_on_battery(closet, true)', 'Is it so that closet runs on its battery?'],
  ['ups_on_battery(closet, false)', 'Is it so that closet runs on mains?'],
  ['node_maintenance(N, true)', 'Which N: N is in maintenance.'],
  ['active_alert(A, pve1, critical)', 'Which A: the alert A is raised for pve1 with severity critical.'],
  ['active_alert(disk_full, X, _)', 'Which X: the alert disk_full is raised for X with some severity.'],
  ['\\+ active_alert(_, _, _)', 'Is it false that any alert is raised for any subject with any severity?'],
  ['node_zone(pve1, Zone)', 'Which Zone: pve1 belongs in Zone.'],
  ['may_reach(pve1, nas, ssh)', 'Is it so that node pve1 may use service ssh of node nas?'],
  ['cannot_host(pve2, web, R)', 'Which R: web can not be moved to pve2, because of R.'],
  [
    'cannot_host(pve2, web, pinned_elsewhere)',
    'Is it so that web can not be moved to pve2, because of pinned elsewhere?',
  ],
  ['throttles_at(Class, _)', 'Which Class: machines of Class lower their clock at some limit.'],
  ['now(T)', "What is the time of the question by the site's clock?"],
  // numbers with their units
  ['vm_memory(V, M), M >= 4096', 'Which V and M: V is given M, and M is at least 4 GiB (4096 MiB).'],
  ['vm_memory(V, 512)', 'Which V: V is given 512 MiB.'],
  [
    'node_load(N, L), L > 0.8',
    'Which N and L: the load of N, for each of its cores, is L; and L is more than 0.8 (80 %).',
  ],
  [
    'ups_runtime(U, R), R < 600',
    'Which U and R: U expects to carry its load for R on battery, and R is less than 10 minutes (600 s).',
  ],
  ['ups_charge(U, C), C =< 50', 'Which U and C: the battery of U is charged to C, and C is at most 50 %.'],
  [
    'node_temp_trend(N, T), T > 2',
    'Which N and T: the temperature of N changes by T, and T is more than 2 °C a minute.',
  ],
  [
    'latest_shutdown(closet, 1732400000000)',
    'Is it so that the shutdown for closet must begin at 2024-11-23T22:13:20.000Z (1732400000000 ms), at the latest, to end before its runtime does?',
  ],
  [
    'node_temp(pve1, A), node_temp(pve2, B), D is A - B',
    'What A, B, and D: the temperature of pve1 is A, the temperature of pve2 is B, and D is A minus B.',
  ],
  [
    'node_memory(N, M), memory_free(N, F), F * 4 < M',
    "Which N, M, and F: N has M for virtual machines, F of N's memory is not given to a virtual machine, and F times 4 is less than M.",
  ],
  // several goals
  [
    'vm_host(A, N), vm_host(B, N), A \\== B',
    'Which A, N, and B: A is placed on N, B is placed on N, and A is not B.',
  ],
  [
    'node(N), \\+ node_temp(N, _)',
    'Which N: N is a machine of this site, and it is not so that the temperature of N is known.',
  ],
  [
    'node(N), \\+ (vm_host(_Vm, N), vm_state(_Vm, running))',
    'Which N: N is a machine of this site; and there is no Vm such that (Vm is placed on N, and the state of Vm is running).',
  ],
  [
    '(node_status(N, up), node_load(N, L) ; node_load(N, L), vm_host(_, N))',
    'Which N and L: either (the status of N is up; and the load of N, for each of its cores, is L), or (the load of N, for each of its cores, is L; and some VM is placed on N).',
  ],
  [
    'forall(vm_host(Vm, pve1), vm_state(Vm, running))',
    'Is it so that for every Vm such that Vm is placed on pve1, it is also so that the state of Vm is running?',
  ],
  [
    'cluster(C), forall(cluster_member(C, N), node_status(N, up))',
    'Which C: C has at least one member; and for every N such that N is a member of C, with one vote, it is also so that the status of N is up.',
  ],
  // aggregates
  ['aggregate_all(count, vm_host(_, pve1), C)', 'How many Vm are there such that Vm is placed on pve1?'],
  [
    'aggregate_all(count, active_alert(_, _, _), C)',
    'How many combinations of Alert, Subject, and Severity are there such that the Alert is raised for Subject with Severity?',
  ],
  [
    'aggregate_all(count, vm_host(web, pve1), C)',
    'What is the number of times, 0 or 1, that web is placed on pve1?',
  ],
  [
    'aggregate_all(sum(M), vm_on(pve1, _, M), S)',
    'What is the sum of M, over every Vm and M such that Vm is placed on pve1 and takes M there?',
  ],
  [
    'aggregate_all(max(T), node_temp(_, T), X)',
    'What is the highest T such that the temperature of some node is T?',
  ],
  [
    'node(N), aggregate_all(count, vm_host(_, N), C), C > 5',
    'Which N and C: N is a machine of this site, C is the number of Vm such that Vm is placed on N, and C is more than 5.',
  ],
  [
    'aggregate_all(set(N), throttling(N), L)',
    'What is the set of every N such that N is up and at or above the temperature where its class throttles?',
  ],
  [
    'top(3, Temp, node_temp(Node, Temp))',
    'Which Temp and Node, the 3 with the largest Temp: the temperature of Node is Temp.',
  ],
  [
    'top(1, M, (memory_free(Node, Free), M is -Free))',
    "Which Node and Free, the one with the smallest Free: Free of Node's memory is not given to a virtual machine.",
  ],
  [
    'top(2, T, node_temp(N, T)), node_status(N, up)',
    'Which T and N: N and T are among the 2 with the largest T such that the temperature of N is T, and the status of N is up.',
  ],
  // what is around a goal
  ['prove(has_quorum(C), P)', 'Which C: C has quorum.'],
  ['why_not(can_host(pve1, web), W)', 'Why is it not so that web could be moved to pve1?'],
  [
    'assuming([node_up(pve1, false)], has_quorum(home))',
    'If it were so that pve1 was seen down: Is it so that home has quorum?',
  ],
  [
    'at(Site, throttling(N))',
    'Which Site and N: at Site, N is up and at or above the temperature where its class throttles.',
  ],
];

for (const [query, says] of READ) {
  test(`${query} is said clearly`, () => {
    assert.equal(say(query), says);
  });
}

/** The constants that stand in a query, but for booleans (they are said in words) and the number of top(1, ...). */
function constantsIn(goal: Term): Term[] {
  if (goal.kind === 'var' || goal.kind === 'list')
    return goal.kind === 'list' ? goal.items.flatMap(constantsIn) : [];
  if (goal.kind !== 'compound') return [goal];
  const args = goal.name === 'aggregate_all' || goal.name === 'top' ? goal.args.slice(1) : goal.args;
  return args.flatMap(constantsIn);
}

function nameOf(constant: Term): string {
  if (constant.kind === 'int') return String(constant.value);
  return constant.kind === 'float' ? String(constant.value) : constant.kind === 'atom' ? constant.name : '';
}

test('every question that is well formed has an echo that names every constant in it', () => {
  let wellFormed = 0;
  const property = fc.property(questions, (text) => {
    try {
      checkAsk(text, manifest);
    } catch {
      return;
    }
    wellFormed += 1;
    const said = say(text);
    assert.ok(said.length > 10, text);
    for (const constant of constantsIn(term(text)).map(nameOf)) {
      const isInWords = constant === 'true' || constant === 'false';
      assert.ok(
        isInWords || said.includes(constant) || said.includes(constant.replaceAll('_', ' ')),
        `${constant} in ${said}`,
      );
    }
    assert.equal(say(text), said);
  });
  fc.assert(property, { numRuns: 3000, seed: 20_261_126 });
  assert.ok(wellFormed > 200, `${wellFormed} were well formed`);
});

/** A goal for an entry: each argument a variable, or the constant at that place. */
function goalOf(entry: CatalogueEntry, bound: readonly boolean[]): Term {
  const args = entry.args.map(({ type }, at) => {
    if (bound[at] !== true) return variable(`V${at}`);
    if (type === 'float') return { kind: 'float', value: 7.5 } as const;
    if (type === 'integer' || type === 'time') return { kind: 'int', value: 7n } as const;
    return atom(Array.isArray(type) ? (type[0] ?? '') : type === 'boolean' ? 'true' : `name${at}`);
  });
  return compound(entry.name, args);
}

test('no two predicates of the catalogue read alike, whichever of their arguments are given', () => {
  const said = new Map<string, string>();
  for (const entry of manifest.entries.values()) {
    for (let given = 0; given < 2 ** entry.arity; given++) {
      const bound = entry.args.map((_, at) => (given >> at) % 2 === 1);
      const goal = goalOf(entry, bound);
      const key = echo(goal, manifest);
      assert.equal(said.get(key) ?? entry.name, entry.name, key);
      said.set(key, entry.name);
      for (const [at, arg] of argumentsOf(goal).entries()) {
        const isShown =
          arg.kind === 'var' ||
          entry.args[at]?.type === 'boolean' ||
          key.includes(nameOf(arg).replaceAll('_', ' '));
        assert.ok(isShown || key.includes(nameOf(arg)), `${nameOf(arg)} in ${key}`);
      }
    }
  }
});

test('a predicate whose doc names no argument still says them all', () => {
  const entry = { ...(manifest.entries.get('node_temp/2') as CatalogueEntry), doc: 'How warm it is' };
  const other = { ...manifest, entries: new Map([['node_temp/2', entry]]) };
  assert.equal(
    echo(term('node_temp(pve1, 70)'), other),
    'Is it so that how warm it is (node: pve1, temp: 70 °C)?',
  );
  assert.equal(echo(term('node_temp(N, T)'), other), 'Which N and T: how warm it is (node: N, temp: T).');
});

test('names that look like words of a doc, or like marks, stay what they are', () => {
  assert.equal(
    say("may_reach('To', 'Service', ssh)"),
    'Is it so that node To may use service ssh of node Service?',
  );
  assert.equal(
    say("may_reach('\ue001', '$&', '\ue000')"),
    'Is it so that node \ue001 may use service \ue000 of node $&?',
  );
});
