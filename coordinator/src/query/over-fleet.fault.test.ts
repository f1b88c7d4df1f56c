/** What is said over the fleet when not all of it is there, is old, lies, or runs other rules. Sites are real HTTP/2 servers that sign. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Answer, FleetAskInput, FleetResult } from '@fleet/shared/api/ask.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { answering, loadBody, NO_ANSWER, QUERY, success, type Tampering } from '../testing/signed-reply.ts';
import { openTestFleet, type TestSite } from '../testing/site-server.ts';
import { realWorld } from '../world.ts';
import { explainFleet } from './explain.ts';
import { openManifests } from './manifests.ts';
import { askFleet, type LastKnown, openFleet } from './pipeline.ts';

const KB = join(import.meta.dirname, '../../../kb');
const manifest = await loadManifest(KB);
const parts = await openTestFleet();
after(() => parts.close());
const OTHER = 'e'.repeat(64);
await mkdir(join(parts.dir, 'manifests'));
const own = JSON.parse(await readFile(join(KB, 'manifest.json'), 'utf8')) as object;
await writeFile(join(parts.dir, 'manifests', `${OTHER}.json`), JSON.stringify({ ...own, bundle: OTHER }));
const fleet = openFleet({
  ...parts,
  manifest,
  world: realWorld,
  manifests: openManifests(join(parts.dir, 'manifests')),
});

const made = new Map<string, TestSite>();
/** The questions that each site has got, as they came. */
const got = new Map<string, string[]>();
async function addSite(name: string, tampering?: Tampering): Promise<void> {
  const answer = answering(() => made.get(name) as TestSite, manifest.bundle, tampering);
  const site = await parts.site(name, (stream, asked) => {
    got.set(name, [...(got.get(name) ?? []), (JSON.parse(asked.body) as { ask: string }).ask]);
    answer(stream, asked);
  });
  made.set(name, site);
}
const says = (rows: string): Tampering => ({ before: (said) => ({ ...said, body: success(rows) }) });
const nothing: Tampering = { before: (said) => ({ ...said, body: NO_ANSWER }) };
/** Says one thing to a question that has `word` in it, and another to the rest. */
const depends = (word: string, yes: string, no: string): Tampering => ({
  before: (said) => {
    const rows = said.ask.includes(word) ? yes : no;
    return { ...said, body: rows === '' ? NO_ANSWER : success(rows) };
  },
});

const COUNT = 'aggregate_all(count, vm(V), C)';
const ask = (
  query: string,
  sites: readonly string[],
  more: Omit<FleetAskInput, 'query'> = {},
): Promise<FleetResult> =>
  askFleet(fleet, { query, sites: [...sites], prove: false, deadlineMs: 400, ...more });
const outcome = (result: FleetResult, name: string) =>
  result.coverage.sites.find(({ site }) => site === name)?.outcome;

await addSite('three', says('[[3]]'));
await addSite('four', says('[[4]]'));
await addSite('liar', says('[[three]]'));
await parts.site('hung', () => {});

test('a count over all targets is a number; over some it is a bound that names the unknown, liars among them', async () => {
  const whole = await ask(COUNT, ['three', 'four']);
  assert.deepEqual(whole.groups, [
    {
      group: null,
      value: 7,
      bound: 'exact',
      unknownSites: [],
      standing: 'unproved',
      sites: ['four', 'three'],
    },
  ]);
  assert.equal(whole.complete, true);
  assert.deepEqual(
    whole.answers.map(({ site }) => site),
    ['four', 'three'],
    'what it rests on is there',
  );
  const part = await ask(COUNT, ['three', 'four', 'liar', 'hung']);
  assert.deepEqual(part.groups, [
    {
      group: null,
      value: 7,
      bound: 'at_least',
      unknownSites: ['hung', 'liar'],
      standing: 'unproved',
      sites: ['four', 'three'],
    },
  ]);
  assert.equal(part.complete, false);
});

test('a value of another type rejects its site by name, with or without proofs asked for, and the others are folded', async () => {
  const { coverage, groups } = await ask(COUNT, ['three', 'liar']);
  const row = coverage.sites.find(({ site }) => site === 'liar');
  assert.deepEqual([row?.outcome, row?.code, row?.answers], ['rejected', 'bad_reply', 0]);
  assert.deepEqual([groups[0]?.value, groups[0]?.bound], [3, 'at_least']);
  const load = await ask('node_load(N, L)', ['three', 'liar']);
  assert.equal(load.coverage.rejected, 2);
});

test('a sum that could lose by what is missing is unknown, and by its goal it is bounded', async () => {
  const sum = (goal: string) => ask(`aggregate_all(sum(M), (${goal}), S)`, ['three', 'hung']);
  assert.deepEqual((await sum('node_temp(N, T), M is T - 50.0')).groups[0]?.bound, 'unknown');
  const bounded = (await sum('vm_memory(V, M), M >= 0')).groups[0];
  assert.deepEqual([bounded?.value, bounded?.bound], [3, 'at_least']);
});

test('of no answer nothing more is known than at how many sites', async () => {
  await addSite('quiet', nothing);
  const { found, complete } = await ask('node_load(N, L), L > 0.5', ['quiet', 'hung']);
  assert.deepEqual(found, { value: 0, bound: 'at_least', unknownSites: ['hung'] });
  assert.equal(complete, false);
  assert.deepEqual((await ask('node_load(N, L)', ['quiet'])).found, {
    value: 0,
    bound: 'exact',
    unknownSites: [],
  });
});

test('below the share that the mode needs the question fails, and the error has every target', async () => {
  const sites = ['three', 'four', 'hung'];
  assert.equal((await ask(COUNT, sites, { mode: { share: 0.6 } })).coverage.answered, 2);
  for (const mode of ['strict', { share: 0.7 }] as const) {
    await assert.rejects(ask(COUNT, sites, { mode }), (cause) => {
      assert.ok(cause instanceof LogicError);
      assert.equal(cause.code, 'partial_coverage');
      const { sites: rows } = cause.data.coverage as FleetResult['coverage'];
      assert.deepEqual(
        rows.map(({ site, outcome: one }) => [site, one]),
        [
          ['four', 'answered'],
          ['hung', 'timeout'],
          ['three', 'answered'],
        ],
      );
      return true;
    });
  }
  assert.equal((await ask(COUNT, ['three', 'four'], { mode: 'strict' })).complete, true);
});

test('a site that is not active is skipped with the reason, is not asked, and is unknown', async () => {
  await addSite('revoked', says('[[100]]'));
  const list = () =>
    parts.registry
      .list()
      .map((row) => (row.name === 'revoked' ? { ...row, status: 'quarantined' as const } : row));
  const guarded = openFleet({ ...parts, registry: { ...parts.registry, list }, manifest, world: realWorld });
  const result = await askFleet(guarded, { query: COUNT, sites: ['three', 'revoked'], prove: false });
  const row = result.coverage.sites.find(({ site }) => site === 'revoked');
  assert.deepEqual([row?.outcome, row?.message], ['skipped', 'the site is quarantined']);
  assert.deepEqual(result.groups[0]?.unknownSites, ['revoked']);
  assert.equal(got.get('revoked'), undefined);
});

test('an answer that cites too old an observation is stale: shown apart, not merged, and counted as unknown', async () => {
  await addSite('fresh');
  await addSite('old', {
    before: (said) => ({
      ...said,
      body: loadBody('0.75', said.now).replace(/host,\d+/, `host,${said.now - 9_000}`),
    }),
  });
  const result = await ask(QUERY, ['fresh', 'old'], { prove: true, maxAgeMs: 5_000 });
  assert.equal(outcome(result, 'old'), 'stale');
  assert.match(result.coverage.sites[1]?.message ?? '', /9000 ms old, 5000 were allowed/);
  assert.deepEqual(
    result.answers.map(({ site }) => site),
    ['fresh'],
  );
  assert.deepEqual(
    result.stale.map(({ site, standing }) => [site, standing]),
    [['old', 'verified']],
  );
  assert.deepEqual(result.found, { value: 1, bound: 'at_least', unknownSites: ['old'] });
  assert.equal(result.complete, false);
  assert.equal((await ask(QUERY, ['old'], { prove: true, maxAgeMs: 10_000 })).complete, true);
});

test('a site with other rules is a group by name: checked where their manifest is here, rejected where it is not, never merged', async () => {
  const under = (bundle: string, change = (body: string) => body): Tampering => ({
    before: (said) => ({ ...said, bundle, body: change(said.body) }),
  });
  await addSite('other', under(OTHER));
  await addSite(
    'other-liar',
    under(OTHER, (body) => body.replace('node_load(pve1,0.75)', 'node_load(pve1,0.95)')),
  );
  await addSite('stranger', under('d'.repeat(64)));
  const result = await ask(QUERY, ['fresh', 'other', 'other-liar', 'stranger'], { prove: true });
  assert.deepEqual(
    result.answers.map(({ site }) => site),
    ['fresh'],
  );
  assert.deepEqual(
    result.coverage.sites.map(({ site, outcome: one, code }) => [site, one, code]),
    [
      ['fresh', 'answered', null],
      ['other', 'answered', null],
      ['other-liar', 'rejected', 'bad_proof'],
      ['stranger', 'rejected', 'bundle_mismatch'],
    ],
  );
  assert.deepEqual(
    result.bundles.map(({ bundle, answers, ...rest }) => ({
      ...rest,
      bundle: bundle.slice(0, 4),
      answers: answers.map(({ site, standing }) => [site, standing]),
    })),
    [
      { own: true, known: true, sites: ['fresh'], bundle: manifest.bundle.slice(0, 4), answers: [] },
      { own: false, known: false, sites: ['stranger'], bundle: 'dddd', answers: [] },
      {
        own: false,
        known: true,
        sites: ['other', 'other-liar'],
        bundle: 'eeee',
        answers: [['other', 'verified']],
      },
    ],
  );
  assert.deepEqual(result.found.unknownSites, ['other', 'other-liar', 'stranger']);
  assert.equal(result.complete, false);
  const alone = await ask(QUERY, ['fresh', 'other'], { prove: true });
  assert.deepEqual(
    [alone.coverage.complete, alone.complete],
    [true, false],
    'all answered, and not over all',
  );
});

test('what a missing site said before stands beside the answer, with its time, and is not merged', async () => {
  const before: Answer = { site: 'hung', bindings: { C: 50 }, standing: 'verified', proof: null };
  const asked: unknown[] = [];
  const lastKnown: LastKnown = {
    of: (...about) => {
      asked.push(about);
      return { at: 1_700_000_000_000, answers: [before] };
    },
  };
  const remembering = openFleet({ ...parts, manifest, world: realWorld, lastKnown });
  const result = await askFleet(remembering, {
    query: COUNT,
    sites: ['three', 'hung'],
    prove: false,
    deadlineMs: 300,
  });
  assert.deepEqual(result.lastKnown, [{ site: 'hung', at: 1_700_000_000_000, answers: [before] }]);
  assert.deepEqual(asked, [[COUNT, [], 'hung']]);
  assert.equal(result.groups[0]?.value, 3);
  assert.deepEqual(
    result.answers.map(({ site }) => site),
    ['three'],
  );
});

test('rows are ordered and cut over the fleet, and the limit is asked of the sites', async () => {
  await addSite('north', says('[[a,0.5],[b,0.25]]'));
  await addSite('south', says('[[c,0.75],[d,0.5]]'));
  const order = { orderBy: [{ variable: 'L', descending: true }], limit: 3 };
  const { answers, found } = await ask('node_load(N, L)', ['north', 'south'], order);
  assert.deepEqual(
    answers.map(({ site, bindings }) => [site, bindings.N]),
    [
      ['south', 'c'],
      ['north', 'a'],
      ['south', 'd'],
    ],
  );
  assert.equal(found.bound, 'at_least', 'there may be more at a site than its first');
  assert.deepEqual(got.get('north'), ['top(3,L,node_load(N,L))']);
});

test('a join over part of the fleet gives the rows that are there; what it would take away it does not say', async () => {
  await addSite('east', depends('vm_state', '', '[[db,n2],[web,n1]]'));
  await addSite('west', depends('vm_state', '[[web]]', '[[web,n9]]'));
  const twice = 'at(S1, vm_host(V, N)), at(S2, vm_host(V, M)), S1 \\== S2';
  const result = await ask(twice, ['east', 'west', 'hung']);
  assert.deepEqual(
    result.join?.rows.map(({ bindings }) => bindings),
    [
      { S1: 'east', V: 'web', N: 'n1', S2: 'west', M: 'n9' },
      { S1: 'west', V: 'web', N: 'n9', S2: 'east', M: 'n1' },
    ],
  );
  assert.deepEqual(result.found, { value: 2, bound: 'at_least', unknownSites: ['hung'] });
  assert.equal(outcome(result, 'hung'), 'timeout');
  assert.equal(result.coverage.targets, 3);
  const idle = 'at(S, vm_host(V, N)), \\+ at(_, vm_state(V, running))';
  await assert.rejects(ask(idle, ['east', 'west', 'hung']), { code: 'partial_coverage' });
  const whole = await ask(idle, ['east', 'west']);
  assert.deepEqual(
    whole.join?.rows.map(({ bindings }) => bindings),
    [{ S: 'east', V: 'db', N: 'n2' }],
  );
});

test('explain asks nobody, and knows the size of a question that was asked before', async () => {
  const counted = () => [...got.values()].flat().length;
  const input = { query: 'vm_host(Vm, Node)', sites: ['east', 'west'], prove: false };
  const before = counted();
  assert.equal(explainFleet(fleet, input).parts[0]?.expectedRows, null);
  assert.equal(counted(), before);
  await askFleet(fleet, input);
  assert.equal(explainFleet(fleet, input).parts[0]?.expectedRows, 3);
  const { budget } = explainFleet(fleet, { ...input, deadlineMs: 2_000 });
  assert.deepEqual([budget.deadlineMs, budget.restMs], [2_000, 0]);
});
