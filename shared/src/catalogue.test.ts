/** What the manifest's reader, the fact check and the bundle digest promise. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MANIFEST_JSON, manifest, term, withCode } from '../test/fixture.ts';
import { bundleDigest, checkFact, loadManifest, readManifest } from './catalogue.ts';
import { atom, compound, float } from './term.ts';

test('a manifest gives its catalogue by name and arity and its clauses by id', () => {
  assert.equal(manifest.entries.get('node_up/2')?.kind, 'state');
  assert.equal(manifest.clauses.get('busy/1#1')?.at, 'core/fixture.pl:1');
  assert.equal(manifest.clauses.get('busy/1#2'), undefined);
});

test('example questions come with a predicate; a manifest of an older bundle has none', () => {
  assert.deepEqual(manifest.entries.get('node_up/2')?.say, []);
  const [entry] = MANIFEST_JSON.catalogue;
  const said = readManifest({
    ...MANIFEST_JSON,
    catalogue: [{ ...entry, say: ['what time is it?'] }],
    clauses: [],
  });
  assert.deepEqual(said.entries.get('now/1')?.say, ['what time is it?']);
});

test('a manifest that is none, or contradicts itself, is refused', () => {
  const [entry] = MANIFEST_JSON.catalogue;
  const [clause] = MANIFEST_JSON.clauses;
  const reserved = { ...MANIFEST_JSON.catalogue[1], name: '\\+' };
  const broken: unknown[] = [
    null,
    {},
    { ...MANIFEST_JSON, format: 2 },
    { ...MANIFEST_JSON, bundle: 'x' },
    { ...MANIFEST_JSON, catalogue: [entry, entry] },
    { ...MANIFEST_JSON, catalogue: [reserved] },
    { ...MANIFEST_JSON, catalogue: [{ ...entry, arity: 2 }] },
    { ...MANIFEST_JSON, clauses: [clause, clause] },
    { ...MANIFEST_JSON, clauses: [{ ...clause, head: 'other(A)' }] },
    { ...MANIFEST_JSON, clauses: [{ ...clause, id: 'node_status/2#7' }] },
    { ...MANIFEST_JSON, clauses: [{ ...clause, body: 'shell(' }] },
    { ...MANIFEST_JSON, clauses: [{ ...clause, body: "p('$any'(0))" }] },
  ];
  for (const json of broken)
    assert.throws(() => readManifest(json), withCode('bundle_mismatch'), JSON.stringify(json)?.slice(0, 80));
});

test('a fact is ground, declared and well typed', () => {
  for (const text of [
    'node_up(pve1,true)',
    'node_load(pve1,0.5)',
    'node(pve1)',
    "node('a name')",
    'node_memory(nas,16384)',
  ]) {
    assert.ok(checkFact(term(text), manifest), text);
  }
  const bad = [
    'node_up(pve1,maybe)',
    'node_load(pve1,1)',
    'node_load(pve1,-0.0)',
    'node_memory(nas,1.0)',
    'node(X)',
    'node(1)',
    'node([])',
    'node([a])',
    "node('$x')",
    'node(f(x))',
    'node(a,b)',
    'node',
    'node_status(pve1,up)',
    'now(1)',
    'shell(ls)',
    '[node]',
    '7',
    "node('$any'(0))",
    'node_up(_,true)',
  ];
  for (const text of bad) assert.throws(() => checkFact(term(text), manifest), withCode('bad_fact'), text);
  assert.throws(
    () => checkFact(compound('node', [atom('e\u0301')]), manifest),
    withCode('bad_fact'),
    'atoms are NFC',
  );
  assert.throws(
    () => checkFact(compound('node_load', [atom('a'), float(Number.POSITIVE_INFINITY)]), manifest),
    withCode('bad_fact'),
  );
});

test('names of predicates cannot reach into objects', () => {
  for (const text of ['constructor(a)', '__proto__', "'__proto__'(a)", 'toString']) {
    assert.throws(
      () => checkFact(term(text.startsWith('_') ? `'${text}'` : text), manifest),
      withCode('bad_fact'),
      text,
    );
  }
});

test('the bundle digest covers main, core and proof in byte order, and nothing else', async () => {
  const kb = await mkdtemp(join(tmpdir(), 'kb-'));
  try {
    const files: [string, string][] = [
      ['main.pl', 'm\n'],
      ['core/b.pl', 'b\n'],
      ['core/a/z.pl', 'é\n'],
      ['core/a.pl', ''],
      ['proof/p.pl', 'p'],
    ];
    for (const part of ['core/a', 'proof', 'site']) await mkdir(join(kb, part), { recursive: true });
    for (const [path, content] of [
      ...files,
      ['core/a.plt', 'test'],
      ['site/s.pl', 's'],
      ['core/readme.md', 'r'],
    ] as [string, string][]) {
      await writeFile(join(kb, path), content);
    }
    const hash = createHash('sha256');
    for (const path of ['core/a.pl', 'core/a/z.pl', 'core/b.pl', 'main.pl', 'proof/p.pl']) {
      const content = new Map(files).get(path) ?? '';
      hash.update(`${path}\n${Buffer.byteLength(content)}\n${content}\n`);
    }
    const bundle = hash.digest('hex');
    assert.equal(await bundleDigest(kb), bundle);
    await assert.rejects(loadManifest(kb), withCode('bundle_mismatch'), 'no manifest');
    await writeFile(join(kb, 'manifest.json'), JSON.stringify({ ...MANIFEST_JSON, bundle }));
    assert.equal((await loadManifest(kb)).bundle, bundle);
    await writeFile(join(kb, 'core/b.pl'), 'changed\n');
    await assert.rejects(loadManifest(kb), withCode('bundle_mismatch'), 'a changed rule');
  } finally {
    await rm(kb, { recursive: true });
  }
});
