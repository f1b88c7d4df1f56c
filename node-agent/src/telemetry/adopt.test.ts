/** What a start makes of a text that somebody edited, lost or half restored. Real SQLite, real disk, the real catalogue. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { OPERATOR_VALID_MS } from '@fleet/shared/limits.ts';
import fc from 'fast-check';
import { pino } from 'pino';
import { atEnd, type Ending, temporaryFolder } from '../testing/folder.ts';
import { failingFiles, worldWithClock } from '../testing/restarts.ts';
import { type AdoptParts, adoptText, changes } from './adopt.ts';
import { diskFiles, FILE_LABELS } from './files.ts';
import { Journal, type JournalRow } from './journal.ts';
import { type Evidence, type ReadState, readState } from './read-state.ts';
import { keptText, replaceFile } from './state-text.ts';

const manifest = await loadManifest(fileURLToPath(new URL('../../../kb/', import.meta.url)));
const NOW = 1_000_000;
const world = { ...worldWithClock(), now: () => NOW };

/** What prolog writes for facts of one source. */
function textOf(revision: number, facts: readonly string[]): string {
  const lines = facts.map((fact) => `${fact}.\nevidence(${fact},test,500,2000000).\n`);
  return `% The state of this site.\nrevision(${revision}).\n${lines.join('')}`;
}

const WRITTEN = ['node_load(pve1,0.5)', 'node_up(pve1,true)', 'vm_state(git,running)'];

/** A folder as a stopped agent leaves it: text at revision 3, journal with its batches and that text. */
async function stoppedSite(t: Ending): Promise<AdoptParts> {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'state.pl');
  const journal = Journal.open(join(folder, 'journal.sqlite'));
  atEnd(t, () => journal.close());
  for (const fact of WRITTEN) journal.append([{ fact, source: 'test', observedAt: 500, validUntil: 2e6 }], 1);
  const text = textOf(3, WRITTEN);
  journal.keepText(await keptText(3, text));
  await writeFile(file, text);
  return { file, files: diskFiles, journal, manifest, world, log: pino({ level: 'silent' }) };
}

function rowState(row: JournalRow): { place: string; fact: string; evidence: Evidence } {
  const { source, observedAt, validUntil } = row;
  const [[place] = ['']] = [...readState(`${row.fact}.\n`, 'row', manifest).facts];
  return { place, fact: row.fact, evidence: { source, observedAt, validUntil } };
}

function applied(before: ReadState['facts'], rows: readonly JournalRow[]): Map<string, unknown> {
  const facts = new Map<string, unknown>(before);
  for (const row of rows) {
    const { place, fact, evidence } = rowState(row);
    if (row.removed) facts.delete(place);
    else facts.set(place, { fact, evidence });
  }
  return facts;
}

/** What the engine will hold: the text on the disk and the journal's later revisions. */
async function engineState({ file, journal }: AdoptParts): Promise<{ revision: number; facts: string[] }> {
  const text = existsSync(file) ? await readFile(file, 'utf8') : '';
  const read = readState(text, file, manifest);
  const rows: JournalRow[] = [];
  for (let at = (read.revision ?? 0) + 1; at <= journal.lastRevision; at += 1)
    rows.push(...(journal.batch(at) ?? []));
  const facts = [...applied(read.facts, rows).values()] as { fact: string; evidence: Evidence }[];
  return {
    revision: Math.max(read.revision ?? 0, journal.lastRevision),
    facts: facts.map(({ fact, evidence }) => `${fact} ${evidence?.source} ${evidence?.validUntil}`).sort(),
  };
}

const byOperator = (fact: string) => `${fact} operator ${NOW + OPERATOR_VALID_MS}`;
const asBefore = (fact: string) => `${fact} test 2000000`;

async function edit({ file }: AdoptParts, change: (text: string) => string): Promise<void> {
  await writeFile(file, change(await readFile(file, 'utf8')));
}

test('a text as it was written is left alone', async (t) => {
  const site = await stoppedSite(t);
  const before = await readFile(site.file);
  await adoptText(site);
  assert.deepEqual([await readFile(site.file), site.journal.lastRevision], [before, 3]);
});

test('a changed value, a removed fact and an added one become one revision of the operator, once', async (t) => {
  const site = await stoppedSite(t);
  await edit(
    site,
    (text) =>
      `${text.replaceAll('node_load(pve1,0.5)', 'node_load(pve1,0.75)').replaceAll(/^.*node_up.*\n/gm, '')}
node_maintenance(pve2, true).  % Kim, 3 AM`,
  );
  const expected = {
    revision: 4,
    facts: [
      byOperator('node_load(pve1,0.75)'),
      byOperator('node_maintenance(pve2,true)'),
      asBefore('vm_state(git,running)'),
    ],
  };
  for (let starts = 0; starts < 3; starts += 1) {
    await adoptText(site);
    assert.deepEqual(await engineState(site), expected);
  }
});

test('only layout, order and comments changed: no revision', async (t) => {
  const site = await stoppedSite(t);
  await edit(site, (text) => `% mine\n\n${text.split('\n').reverse().join('\n')}`);
  await adoptText(site);
  assert.deepEqual(
    [site.journal.lastRevision, (await engineState(site)).facts],
    [3, WRITTEN.map(asBefore).sort()],
  );
});

test('evidence that the operator wrote himself holds for as long as he says', async (t) => {
  const site = await stoppedSite(t);
  await edit(site, (text) =>
    text.replace(
      'evidence(node_up(pve1,true),test,500,2000000)',
      'evidence(node_up(pve1,true),kim,600,7000000)',
    ),
  );
  await adoptText(site);
  assert.ok((await engineState(site)).facts.includes('node_up(pve1,true) operator 7000000'));
});

test('edited twice with a start in between, each edit counts once and both hold', async (t) => {
  const site = await stoppedSite(t);
  await edit(site, (text) => text.replace('vm_state(git,running).', 'vm_state(git,paused).'));
  await adoptText(site);
  // The agent ended before it wrote its next text: the operator sees the old one.
  await edit(site, (text) => `${text}node_maintenance(pve1,true).\n`);
  await adoptText(site);
  await adoptText(site);
  const { revision, facts } = await engineState(site);
  assert.equal(revision, 5);
  assert.deepEqual(
    facts.filter((fact) => fact.includes('operator')),
    [byOperator('node_maintenance(pve1,true)'), byOperator('vm_state(git,paused)')],
  );
});

test('the same edit made again after the agent wrote its text counts again', async (t) => {
  const site = await stoppedSite(t);
  const edited = (await readFile(site.file, 'utf8')).replace(
    'vm_state(git,running).',
    'vm_state(git,paused).',
  );
  await writeFile(site.file, edited);
  await adoptText(site);
  // Telemetry took over, and the text was written.
  const text = textOf(5, WRITTEN);
  site.journal.append(
    [{ fact: 'vm_state(git,running)', source: 'test', observedAt: 500, validUntil: 2e6 }],
    1,
  );
  site.journal.keepText(await keptText(5, text));
  await replaceFile(diskFiles, site.file, text);
  site.journal.textWritten(5);
  await writeFile(site.file, edited);
  await adoptText(site);
  assert.deepEqual([(await engineState(site)).revision, site.journal.batch(6)?.length], [6, 1]);
});

test('a line that cannot be read stops the start with file and line; text and journal are as they were', async (t) => {
  const site = await stoppedSite(t);
  for (const [broken, said] of [
    ['node_up(pve1,maybe).', /state\.pl:9: .*node_up\/2/],
    ['node_up(pve1', /state\.pl:9: /],
    ['node_up(pve1,false).', /state\.pl:9: .*line 5/],
    [':- shell(ls).', /state\.pl:9: /],
    ['node(pve9).', /state\.pl:9: .*inventory/],
    ['evidence(node_up(pve1,true),test,now,later).', /state\.pl:9: .*times/],
  ] as const) {
    const text = `${textOf(3, WRITTEN)}${broken}\n`;
    await writeFile(site.file, text);
    await assert.rejects(adoptText(site), { code: 'bad_fact', message: said }, broken);
    assert.deepEqual([await readFile(site.file, 'utf8'), site.journal.lastRevision], [text, 3]);
  }
});

for (const label of FILE_LABELS) {
  test(`a start that ends half-way at ${label} takes an edit once, and the next start ends the same`, async (t) => {
    const site = await stoppedSite(t);
    await edit(site, (text) => `${text.replaceAll(/^.*node_up.*\n/gm, '')}node_maintenance(pve1,true).\n`);
    const files = failingFiles(label, 2);
    for (let starts = 0; starts < 2 && files.failures === starts; starts += 1)
      await adoptText({ ...site, files }).catch((cause) => assert.match(String(cause), /injected/));
    assert.ok(files.failures > 0);
    await adoptText(site);
    assert.deepEqual(await engineState(site), {
      revision: 4,
      facts: [
        asBefore('node_load(pve1,0.5)'),
        byOperator('node_maintenance(pve1,true)'),
        asBefore('vm_state(git,running)'),
      ],
    });
  });

  test(`with the text alone, a start that ends half-way at ${label} restores it all the same`, async (t) => {
    const site = await stoppedSite(t);
    await edit(site, (text) => `${text}node_maintenance(pve1,true).\n`);
    const journal = Journal.open(join(await temporaryFolder(t), 'journal.sqlite'));
    atEnd(t, () => journal.close());
    const files = failingFiles(label, 1);
    await assert.rejects(adoptText({ ...site, journal, files }), /injected/);
    await adoptText({ ...site, journal });
    await adoptText({ ...site, journal });
    assert.deepEqual(await engineState({ ...site, journal }), {
      revision: 4,
      facts: [
        asBefore('node_load(pve1,0.5)'),
        byOperator('node_maintenance(pve1,true)'),
        asBefore('node_up(pve1,true)'),
        asBefore('vm_state(git,running)'),
      ],
    });
  });
}

test('an edit of a text that a killed start did not put back yet counts as what it is: an edit of the edit', async (t) => {
  const site = await stoppedSite(t);
  await edit(site, (text) => `${text}node_maintenance(pve1,true).\n`);
  await assert.rejects(adoptText({ ...site, files: failingFiles('state.temp.open', 1) }), /injected/);
  await edit(site, (text) => text.replace('node_maintenance(pve1,true).', 'node_maintenance(pve2,true).'));
  await adoptText(site);
  assert.deepEqual(
    (await engineState(site)).facts.filter((fact) => fact.includes('operator')),
    [byOperator('node_maintenance(pve2,true)')],
  );
});

test('a text from an older backup than the journal, or a newer one, never takes the revision back', async (t) => {
  const older = await stoppedSite(t);
  await writeFile(older.file, textOf(1, WRITTEN.slice(0, 1)));
  await adoptText(older);
  assert.deepEqual(await engineState(older), { revision: 4, facts: [asBefore('node_load(pve1,0.5)')] });

  const newer = await stoppedSite(t);
  await copyFile(newer.file, `${newer.file}.backup`);
  await writeFile(newer.file, textOf(70, [...WRITTEN, 'node_up(pve2,true)']));
  await adoptText(newer);
  await adoptText(newer);
  const { revision, facts } = await engineState(newer);
  assert.ok(revision >= 70, `${revision}`);
  assert.deepEqual(facts, [...WRITTEN, 'node_up(pve2,true)'].map(asBefore).sort());
  assert.ok(newer.journal.append([], 1) > revision);
});

test('the journal alone restores the text that it kept', async (t) => {
  const site = await stoppedSite(t);
  await rm(site.file);
  await adoptText(site);
  assert.equal(await readFile(site.file, 'utf8'), textOf(3, WRITTEN));
});

const evidence = fc.record({
  source: fc.constantFrom('host', 'test'),
  observedAt: fc.constantFrom(500, 600),
  validUntil: fc.constantFrom(2_000, 3_000),
});
const stated = fc.record({
  fact: fc.constantFrom(
    'node_up(pve1,true)',
    'node_up(pve1,false)',
    'node_up(pve2,true)',
    'node_load(pve1,0.5)',
    "node_disk_available(pve1,'/',5)",
    "node_disk_available(pve1,'/',6)",
    "node_disk_available(pve1,'/var',5)",
  ),
  evidence,
});
const state = fc.array(stated, { maxLength: 8 }).map((all): ReadState => {
  const facts = all.map(({ fact, evidence }) => [placeOf(fact), { fact, evidence }] as const);
  return { revision: 1, facts: new Map(facts) };
});

function placeOf(fact: string): string {
  return [...readState(`${fact}.\n`, 'fact', manifest).facts.keys()][0] ?? '';
}

test('the changes between two texts, applied to the first, give the facts of the second, and none where nothing changed', () => {
  fc.assert(
    fc.property(state, state, (before, after) => {
      const rows = changes(before, after, NOW);
      const result = applied(before.facts, rows) as Map<string, { fact: string; evidence: Evidence }>;
      const facts = (all: ReadonlyMap<string, { fact: string }>) =>
        [...all.values()].map(({ fact }) => fact).sort();
      assert.deepEqual(facts(result), facts(after.facts));
      for (const [place, { fact, evidence }] of result) {
        const was = before.facts.get(place);
        const is = after.facts.get(place);
        const kept = was?.fact === fact && JSON.stringify(was.evidence) === JSON.stringify(is?.evidence);
        assert.equal(evidence.source === 'operator', !kept);
      }
      assert.deepEqual(changes(before, before, NOW), []);
    }),
    { numRuns: 300 },
  );
});
