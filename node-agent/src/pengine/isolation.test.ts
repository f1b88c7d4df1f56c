/**
 * One question, one snapshot: whatever is committed or assumed elsewhere while it runs, its answers belong to one revision, and
 * what one caller assumes no other sees (SHARP-EDGES 1 and 2). Through both doors of a running site.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ANSWERS } from '@fleet/shared/limits.ts';
import { observe } from '../telemetry/pipeline.ts';
import { endOfFile } from '../testing/folder.ts';
import { createPengine, type PengineEvent, sendPengine } from '../testing/pengines.ts';
import { seen, startSite } from '../testing/site.ts';

const ending = endOfFile(after);
let site: Awaited<ReturnType<typeof startSite>>;
before(async () => {
  site = await startSite(ending);
  // Only what the tests commit moves the revision.
  await site.alerts.pass.stop();
  await commit(0);
});

/** One revision in which two nodes have the same load. */
async function commit(load: number): Promise<void> {
  await observe(
    seen(['node_load', 'pve1', load], ['node_load', 'pve2', load], ['node_up', 'pve1', true]),
    site.telemetry,
  );
  await site.telemetry.sync.settled();
}

const create = (keys: Readonly<Record<string, unknown>>) => createPengine(site.url, keys);

type Door = 'lane' | 'pengine';

/** Rows of a question, through the door that its chunk leads to. */
async function rows(door: Door, ask: string, template: string): Promise<unknown[][]> {
  const event = await create({
    ask,
    template,
    chunk: door === 'lane' ? ANSWERS : ANSWERS - 1,
    destroy: true,
  });
  const ended = event.answer?.data as PengineEvent | undefined;
  assert.ok(Array.isArray(ended?.data), JSON.stringify(event));
  return ended.data as unknown[][];
}

// The two readings lie a few milliseconds apart.
const APART =
  'node_load(pve1,A), aggregate_all(count,(node(W),node(X),node(Y),node(Z)),C), C > 0, node_load(pve2,B)';

for (const door of ['lane', 'pengine'] as const) {
  test(`a question in ${door} sees one revision, whatever is committed meanwhile`, async () => {
    const loads = new Set<unknown>();
    let over = false;
    const committing = (async () => {
      for (let load = 1; !over; load += 1) await commit(load);
    })();
    for (let at = 0; at < 60; at += 1) {
      const [[a, b] = []] = await rows(door, APART, '[A,B]');
      assert.equal(a, b);
      loads.add(a);
    }
    over = true;
    await committing;
    assert.ok(loads.size > 10, `only ${loads.size} revisions were seen`);
  });

  test(`what one question in ${door} assumes, no other sees, and nothing is left of it`, async () => {
    const assumed = () =>
      rows(
        door,
        'assuming([node_up(pve1,false),node_load(pve1,9.5)], (node_status(pve1,S),node_load(pve1,L)))',
        '[S,L]',
      );
    const plain = () => rows(door, 'node_status(pve1,S),node_load(pve1,L)', '[S,L]');
    await commit(0.5);
    const revision = site.telemetry.sync.revision;
    for (let at = 0; at < 40; at += 1) {
      const asked = door === 'lane' ? [assumed(), plain(), assumed(), plain()] : [assumed(), plain()];
      for (const [index, found] of (await Promise.all(asked)).entries())
        assert.deepEqual(found, index % 2 === 0 ? [['down', 9.5]] : [['up', 0.5]]);
    }
    assert.equal(site.telemetry.sync.revision, revision);
    assert.doesNotMatch((await site.engine.bridge().state()).text, /9\.5|false|assumed/);
  });
}

test('next walks the answers of the revision at which the question was asked', async () => {
  await commit(0.25);
  const { id, answer } = await create({ ask: 'node_load(N,L)', template: '[N,L]', chunk: 1, destroy: false });
  assert.deepEqual(answer?.data, [['pve1', 0.25]]);
  await commit(0.75);
  assert.deepEqual((await sendPengine(site.url, id, 'next.')).data, [['pve2', 0.25]]);
  await fetch(`${site.url}/pengine/destroy_all?ids=${id}`);
});
