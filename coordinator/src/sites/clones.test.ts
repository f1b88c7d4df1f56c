/** Which revisions and which announcements mean that a site is there twice. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { realWorld } from '../world.ts';
import { openClones, type Probe } from './clones.ts';
import { openRegistry, type Registry, type Site } from './registry.ts';

const HERE = '127.0.0.1:1';
const THERE = '127.0.0.1:2';

interface Opened {
  readonly registry: Registry;
  readonly site: Site;
  readonly file: string;
  /** The elapsed clock. */
  at: number;
}

function opened(t: TestContext): Opened {
  const dir = mkdtempSync(join(tmpdir(), 'clones-'));
  const file = join(dir, 'fleet.sqlite');
  const registry = openRegistry(file);
  t.after(() => {
    registry.close();
    rmSync(dir, { recursive: true });
  });
  const row = { kind: 'node', address: HERE, fingerprint: 'ab', serial: '1', publicKey: 'k' } as const;
  const site = registry.enrol({ ...row, name: 'garage', enrolledAt: 0, validUntil: 9, labels: {} });
  return { registry, site, file, at: 100 };
}

function clonesOf(parts: Opened, probe: Probe = async () => null) {
  const notKept: unknown[] = [];
  const quarantined: string[] = [];
  const world = { ...realWorld, elapsed: () => parts.at };
  const clones = openClones({
    registry: parts.registry,
    world,
    probe,
    quarantined: (_, reason) => quarantined.push(reason),
    notKept: (cause) => notKept.push(cause),
  });
  return { clones, quarantined, notKept };
}

test('a revision below one that was known before the question was asked quarantines the site by name', (t) => {
  const parts = opened(t);
  const { clones, quarantined } = clonesOf(parts);
  assert.equal(clones.revision(parts.site, 42, 90), null);
  parts.at = 110;
  assert.equal(clones.revision(parts.site, 42, 105), null);
  parts.at = 120;
  const error = clones.revision(parts.site, 17, 115);
  assert.equal(error?.code, 'cloned');
  assert.match(error?.message ?? '', /^garage: its revision went from 42 back to 17/);
  assert.equal(parts.registry.get('garage')?.status, 'quarantined');
  assert.equal(quarantined.length, 1);
  clones.close();
});

test('an older revision in a reply to a question that was on its way already is no clone', (t) => {
  const parts = opened(t);
  const { clones } = clonesOf(parts);
  clones.revision(parts.site, 42, 90);
  assert.equal(clones.revision(parts.site, 41, 95), null, 'asked before 42 was known');
  parts.at = 200;
  assert.equal(clones.revision(parts.site, 41, 150)?.code, 'cloned');
  clones.close();
});

test('what was seen outlives the coordinator, and a new key begins anew', (t) => {
  const parts = opened(t);
  const first = clonesOf(parts).clones;
  first.revision(parts.site, 42, 90);
  first.close();
  const { clones } = clonesOf(parts);
  const { site: _, ...row } = parts;
  const again = row.registry.enrol({ ...parts.site, publicKey: 'another', fingerprint: 'cd' });
  assert.equal(clones.revision(again, 43, 90), null);
  clones.close();
  const second = clonesOf(parts).clones;
  assert.equal(second.revision(again, 7, 95)?.code, 'cloned');
  second.close();
});

test('what the disk does not take is kept, told, and written when it does again: the coordinator goes on', (t) => {
  const parts = opened(t);
  const { clones, notKept } = clonesOf(parts);
  const beside = new Database(parts.file);
  t.after(() => beside.close());
  beside.exec(`create trigger full before insert on revisions begin select raise(abort, 'disk full'); end`);
  clones.revision(parts.site, 42, 90);
  clones.close();
  assert.match(String(notKept), /disk full/);
  assert.deepEqual(parts.registry.revisions(), new Map());
  beside.exec(`create trigger none before update on sites begin select raise(abort, 'disk full'); end`);
  parts.at = 120;
  assert.equal(clones.revision(parts.site, 41, 110)?.code, 'cloned', 'and is not believed all the same');
  beside.exec('drop trigger none');
  beside.exec('drop trigger full');
  clones.close();
  assert.deepEqual([...parts.registry.revisions().values()], [42]);
  assert.equal(notKept.length, 2);
});

const one = crypto.randomUUID();
const two = crypto.randomUUID();
const gone = new AbortController().signal;
const at = (places: Record<string, string | null>): Probe => {
  return async (_, address) => places[address] ?? null;
};

test('a site that starts again where it was, or somewhere else, is no clone', async (t) => {
  const parts = opened(t);
  const { clones } = clonesOf(parts, at({ [HERE]: one }));
  assert.deepEqual(await clones.announced(parts.site, { address: HERE, instance: one, gone }), {
    reached: true,
  });
  const elsewhere = clonesOf(parts, at({ [HERE]: null, [THERE]: two }));
  const moved = { address: THERE, instance: two, gone };
  assert.deepEqual(await elsewhere.clones.announced(parts.site, moved), { reached: true });
  const both = clonesOf(parts, at({ [HERE]: two, [THERE]: two }));
  assert.deepEqual(
    await both.clones.announced(parts.site, moved),
    { reached: true },
    'one process, two addresses',
  );
  const nowhere = clonesOf(parts);
  assert.deepEqual(await nowhere.clones.announced(parts.site, moved), { reached: false });
  assert.equal(parts.registry.get('garage')?.status, 'active');
  for (const each of [clones, elsewhere.clones, both.clones, nowhere.clones]) each.close();
});

test('two processes that answer with one key, at two addresses or in turn at one, are a clone', async (t) => {
  for (const places of [{ [HERE]: one, [THERE]: two }, { [THERE]: one }]) {
    const parts = opened(t);
    const { clones, quarantined } = clonesOf(parts, at(places));
    await assert.rejects(clones.announced(parts.site, { address: THERE, instance: two, gone }), {
      code: 'cloned',
    });
    assert.equal(parts.registry.get('garage')?.status, 'quarantined');
    assert.match(quarantined[0] ?? '', /two processes answer with its key/);
    clones.close();
  }
});

test('an agent that is just ending, and one that no longer waits, are no clones', async (t) => {
  const parts = opened(t);
  let looks = 0;
  const ending: Probe = async (_, address) => {
    looks += 1;
    return address === THERE ? two : looks <= 2 ? one : null;
  };
  const { clones } = clonesOf(parts, ending);
  const announcement = { address: THERE, instance: two, gone };
  assert.deepEqual(await clones.announced(parts.site, announcement), { reached: true });
  const left = clonesOf(parts, at({ [HERE]: one, [THERE]: two })).clones;
  await left.announced(parts.site, { ...announcement, gone: AbortSignal.abort() });
  assert.equal(parts.registry.get('garage')?.status, 'active');
  clones.close();
  left.close();
});
