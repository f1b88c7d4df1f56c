import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { CLOCK_SKEW_MS } from '@fleet/shared/limits.ts';
import { questionBody } from '@fleet/shared/pengine.ts';
import { openClones } from '../sites/clones.ts';
import {
  answering,
  loadBody,
  NO_ANSWER,
  QUERY,
  type ReplyHeaders,
  SPREAD_MS,
  success,
  type Tampering,
} from '../testing/signed-reply.ts';
import { type Handler, openTestFleet, type TestSite } from '../testing/site-server.ts';
import { realWorld } from '../world.ts';
import { fanout } from './fanout.ts';
import { askFleet, openFleet } from './pipeline.ts';
import { verify } from './verify.ts';

const manifest = await loadManifest(join(import.meta.dirname, '../../../kb'));
const parts = await openTestFleet();
after(() => parts.close());
const fleet = openFleet({ ...parts, manifest, world: realWorld });

const made = new Map<string, TestSite>();
async function addSite(name: string, tampering?: Tampering): Promise<TestSite> {
  const site = await parts.site(
    name,
    answering(() => made.get(name) as TestSite, manifest.bundle, tampering),
  );
  made.set(name, site);
  return site;
}
const addRaw = (name: string, handler: Handler) => parts.site(name, handler);

await addSite('barn');
await addSite('attic');

/** Asks the two honest sites and this one; gives this one's row after seeing that the honest ones are whole. */
async function rowOf(name: string, deadlineMs = 3_000) {
  const result = await askFleet(fleet, { query: QUERY, sites: ['barn', name, 'attic'], deadlineMs });
  assert.deepEqual(
    result.answers.map(({ site, standing }) => [site, standing]),
    [
      ['attic', 'verified'],
      ['barn', 'verified'],
    ],
  );
  assert.equal(result.complete, false);
  const row = result.coverage.sites.find(({ site }) => site === name);
  assert.ok(row);
  return row;
}

test('a whole question: verified answers by site name, and a complete coverage', async () => {
  const result = await askFleet(fleet, { query: ` ${QUERY} . ` });
  assert.equal(result.query, ` ${QUERY} . `, 'the caller sees their own words');
  assert.deepEqual(result.variables, ['N', 'L']);
  assert.deepEqual(
    result.answers.map(({ site, bindings, standing }) => ({ site, bindings, standing })),
    [
      { site: 'attic', bindings: { N: 'pve1', L: 0.75 }, standing: 'verified' },
      { site: 'barn', bindings: { N: 'pve1', L: 0.75 }, standing: 'verified' },
    ],
  );
  assert.match(result.answers[0]?.proof ?? '', /^\[step\(1,fact\(node_load\(pve1,0\.75\),evidence\(host,/);
  assert.equal(result.complete, true);
  assert.equal(result.coverage.answered, 2);
  const [row] = result.coverage.sites;
  assert.deepEqual(
    { ...row, ms: 0 },
    {
      site: 'attic',
      outcome: 'answered',
      code: null,
      message: null,
      ms: 0,
      revision: 7,
      bundle: manifest.bundle,
      answers: 1,
    },
  );
});

let caught: { headers: ReplyHeaders; body: string } | null = null;
const resign = (change: (body: string) => string): Tampering => ({
  before: (said) => ({ ...said, body: change(said.body) }),
});
const rejections: ReadonlyArray<readonly [string, string, Tampering]> = [
  [
    'a number altered on the way',
    'bad_signature',
    { after: ({ headers, body }) => ({ headers, body: body.replaceAll('0.75', '0.76') }) },
  ],
  [
    'a number in a fact altered by the site itself',
    'bad_proof',
    resign((body) => body.replace('node_load(pve1,0.75)', 'node_load(pve1,0.95)')),
  ],
  [
    'another value than the one proved',
    'bad_proof',
    resign((body) => body.replace('[[pve1,0.75', '[[pve1,0.95')),
  ],
  [
    'a clause that is none',
    'bad_proof',
    resign((body) =>
      body.replace(
        /fact\(node_load\(pve1,0.75\),evidence[^)]*\)\)/,
        'rule(clause(node_status,2,1),node_load(pve1,0.75),[])',
      ),
    ),
  ],
  ['a false comparison', 'bad_proof', resign((body) => body.replaceAll('0.75', '0.25'))],
  [
    'a proof of another question',
    'bad_proof',
    resign((body) => body.replace(',step(2,eval(>(0.75,0.5))),step(3,query([1,2]))', ',step(2,query([1]))')),
  ],
  ['no proof at all', 'bad_reply', resign((body) => body.replace(/,\[step.*\]\]\]/, ']]'))],
  [
    'a fact past its validity',
    'stale_evidence',
    { before: (said) => ({ ...said, body: loadBody('0.75', said.now - SPREAD_MS - 1) }) },
  ],
  ['other core rules', 'bundle_mismatch', { before: (said) => ({ ...said, bundle: 'f'.repeat(64) }) }],
  [
    'a clock that is far off',
    'clock_skew',
    { before: (said) => ({ ...said, now: said.now + CLOCK_SKEW_MS + 10_000 }) },
  ],
  [
    'a revision altered on the way',
    'bad_signature',
    { after: ({ headers, body }) => ({ headers: { ...headers, 'logic-revision': '8' }, body }) },
  ],
  ["another asker's nonce", 'bad_signature', { before: (said) => ({ ...said, nonce: '0'.repeat(32) }) }],
  ['the name of another site', 'bad_signature', { before: (said) => ({ ...said, site: 'barn' }) }],
  [
    'the signature left out',
    'bad_signature',
    { after: ({ headers: { 'logic-signature': _, ...headers }, body }) => ({ headers, body }) },
  ],
  [
    'a signature that is none',
    'bad_reply',
    { after: ({ headers, body }) => ({ headers: { ...headers, 'logic-signature': '%%%' }, body }) },
  ],
  [
    'an old reply again',
    'bad_signature',
    {
      after: (reply) => {
        caught ??= reply;
        return caught;
      },
    },
  ],
  ['rubbish, signed', 'bad_reply', resign(() => 'no(term')],
  ['an unknown event, signed', 'bad_reply', resign(() => 'hello(world).')],
  ['the same answer twice', 'bad_reply', resign((body) => body.replace(/\[(\[pve1.*\]\])\]/, '[$1,$1]'))],
  ['an unbound answer', 'bad_reply', resign(() => success('[[N,L,[]]]'))],
];

test('whatever is wrong with one reply rejects that site by name and merges nothing of it', async (t) => {
  for (const [i, [what, code, tampering]] of rejections.entries()) {
    await t.test(what, async () => {
      const name = `liar-${i}`;
      await addSite(name, tampering);
      if (what === 'an old reply again') await askFleet(fleet, { query: QUERY, sites: [name] }); // this one is caught and is true
      const row = await rowOf(name);
      assert.deepEqual([row.outcome, row.code, row.answers], ['rejected', code, 0], row.message ?? '');
      const signed = ['bad_proof', 'stale_evidence', 'bundle_mismatch', 'clock_skew'].includes(code);
      assert.equal(row.revision, signed ? 7 : null, 'a revision is shown only where the signature holds');
    });
  }
});

test("another site's true reply to the same question is rejected", async () => {
  const barn = made.get('barn') as TestSite;
  await addRaw('thief', (stream, asked) => answering(() => barn, manifest.bundle)(stream, asked));
  assert.deepEqual([(await rowOf('thief')).code], ['bad_signature']);
});

test('no answer is an outcome of its own, and is complete', async () => {
  await addSite(
    'quiet',
    resign(() => NO_ANSWER),
  );
  const result = await askFleet(fleet, { query: QUERY, sites: ['quiet'] });
  assert.equal(result.complete, true);
  assert.deepEqual(
    result.coverage.sites.map(({ outcome, revision }) => [outcome, revision]),
    [['empty', 7]],
  );
});

test('a question that a site would not run is refused in its own words, signed or not', async () => {
  const said = `create('1-2',[slave_limit(3),answer(destroy('1-2',error('1-2',error(logic(time_limit,'too long'),_))))]).`;
  await addRaw('weary', (stream) => {
    stream.respond({ ':status': 200 });
    stream.end(said);
  });
  await addSite(
    'weary-signed',
    resign(() => said),
  );
  for (const name of ['weary', 'weary-signed']) {
    const row = await rowOf(name);
    assert.deepEqual([row.outcome, row.code, row.message], ['refused', 'time_limit', 'too long']);
  }
});

test('a site cannot call itself rejected, unreachable or timed out, nor make codes up', async () => {
  for (const code of ['bad_proof', 'deadline', 'unreachable', 'made_up']) {
    const name = `sly-${code.replace('_', '-')}`;
    await addRaw(name, (stream) => {
      stream.respond({ ':status': 200 });
      stream.end(`error('1-2',error(logic(${code},x),_)).`);
    });
    const row = await rowOf(name);
    assert.deepEqual([row.outcome, row.code], ['error', 'internal']);
  }
});

test('without proofs answers stand as unproved, and prove/2 in the query asks for them all the same', async () => {
  const bare = resign((body) => body.replace(/,\[step.*\]\]\]/, ']]'));
  await addSite('bare', bare);
  const result = await askFleet(fleet, { query: QUERY, sites: ['bare'], prove: false });
  assert.deepEqual(
    result.answers.map(({ standing, proof }) => [standing, proof]),
    [['unproved', null]],
  );
  const proved = await askFleet(fleet, { query: `prove((${QUERY}), P)`, sites: ['barn'], prove: false });
  assert.deepEqual(
    proved.answers.map(({ standing }) => standing),
    ['verified'],
  );
  assert.deepEqual(proved.variables, ['N', 'L']);
});

test('a query that may not be asked is thrown with its code, before any site is asked', async () => {
  let asked = 0;
  await addRaw('counting', () => {
    asked += 1;
  });
  const refusals = [
    ['node_status(N, S', 'syntax_error'],
    ['shell(ls)', 'unknown_predicate'],
    ['node_load(5, L)', 'type_error'],
    ['N > 1', 'unbound_argument'],
    ['\\+ node_up(N, true), node(N)', 'free_variable'],
    ['x'.repeat(70_000), 'too_large'],
  ] as const;
  for (const [query, code] of refusals)
    await assert.rejects(askFleet(fleet, { query }), { name: 'LogicError', code }, query.slice(0, 40));
  await assert.rejects(askFleet(fleet, { query: QUERY, sites: ['counting', 'nobody'] }), {
    code: 'unknown_site',
    message: /nobody/,
  });
  assert.equal(asked, 0);
});

test('more questions at once than allowed are refused as busy, and places are given back', async () => {
  await addRaw('slow', () => {});
  const waiting = Array.from({ length: 16 }, () =>
    askFleet(fleet, { query: QUERY, sites: ['slow'], deadlineMs: 300 }),
  );
  await assert.rejects(askFleet(fleet, { query: QUERY }), { code: 'busy' });
  const results = await Promise.all(waiting);
  assert.ok(results.every(({ coverage }) => coverage.timeout === 1));
  assert.equal((await askFleet(fleet, { query: QUERY, sites: ['barn'] })).complete, true);
});

test('without proofs a reply is taken on the word of the session; a relayed one needs the signature all the same', async () => {
  await addSite('forged', {
    before: (said) => ({ ...said, body: NO_ANSWER }),
    after: ({ headers, body }) => ({ headers: { ...headers, 'logic-signature': 'A'.repeat(86) }, body }),
  });
  const plain = await askFleet(fleet, { query: QUERY, sites: ['forged'], prove: false });
  assert.equal(plain.coverage.empty, 1);
  const proved = await askFleet(fleet, { query: QUERY, sites: ['forged'] });
  assert.deepEqual(
    proved.coverage.sites.map(({ code }) => code),
    ['bad_signature'],
  );

  const [targets, asked] = [
    parts.registry.list().filter(({ name }) => name === 'forged'),
    checkAsk(QUERY, manifest),
  ];
  const question = questionBody(asked, false);
  const [reply] = await Promise.all(fanout(fleet, targets, question, { deadlineMs: 3_000 }));
  assert.ok(reply?.kind === 'body' && reply.ownSession);
  const check = { asked, prove: false, question, manifest, turn: fleet.turn };
  assert.equal((await verify(check, reply)).outcome.outcome, 'empty');
  assert.equal((await verify(check, { ...reply, ownSession: false })).outcome.code, 'bad_signature');
});

test('a reply for whose check there is no time left is late, and the answer is not', async () => {
  const [tasks, spin] = [200, 4];
  let ran = 0;
  const others = Array.from({ length: tasks }, () =>
    fleet.turn(() => {
      const end = performance.now() + spin;
      while (performance.now() < end);
      ran += 1;
    }),
  );
  const { coverage } = await askFleet(fleet, { query: QUERY, sites: ['barn'], deadlineMs: 300 });
  assert.deepEqual(
    coverage.sites.map(({ outcome, code }) => [outcome, code]),
    [['timeout', 'deadline']],
  );
  assert.ok(ran < tasks, `${ran} of ${tasks} checks of other questions were waited for`);
  await Promise.all(others);
  assert.equal((await askFleet(fleet, { query: QUERY, sites: ['barn'] })).complete, true);
});

test('a site that itself signs at an earlier revision than before is rejected and quarantined, and the others stand', async () => {
  let revision = 9;
  await addSite('rewound', { before: (said) => ({ ...said, revision }) });
  const left: string[] = [];
  const clones = openClones({
    registry: parts.registry,
    world: realWorld,
    probe: async () => null,
    quarantined: (site) => void left.push(site.name),
  });
  after(() => clones.close());
  const watched = openFleet({ ...parts, clones, manifest, world: realWorld });
  const ask = async () => {
    const sites = ['barn', 'rewound'];
    const { answers, coverage } = await askFleet(watched, { query: QUERY, sites, deadlineMs: 3_000 });
    const row = coverage.sites.find(({ site }) => site === 'rewound');
    return [answers.map(({ site }) => site), row?.outcome, row?.code, row?.revision];
  };
  assert.deepEqual(await ask(), [['barn', 'rewound'], 'answered', null, 9]);
  revision = 8;
  assert.deepEqual(await ask(), [['barn'], 'rejected', 'cloned', 8]);
  assert.deepEqual(left, ['rewound']);
  revision = 10;
  assert.deepEqual(
    await ask(),
    [['barn'], 'skipped', null, null],
    'it is not asked before it is invited again',
  );
});
