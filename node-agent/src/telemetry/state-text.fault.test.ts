/** The state writer with each of its file operations failing, one at a time, on a real disk. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { temporaryFolder } from '../testing/folder.ts';
import { failingFiles } from '../testing/restarts.ts';
import { realWorld } from '../world.ts';
import { FILE_LABELS } from './files.ts';
import { StateText } from './state-text.ts';

for (const label of FILE_LABELS) {
  test(`when ${label} fails, the old or the new text is whole, nothing is pruned, and the next write succeeds`, async (t) => {
    const file = join(await temporaryFolder(t), 'state.pl');
    await writeFile(file, 'revision(1).\n');
    const written: number[] = [];
    const keptBefore: number[] = [];
    const text = new StateText({
      file,
      files: failingFiles(label, 1),
      world: realWorld,
      log: pino({ level: 'silent' }),
      render: async () => ({ revision: 2, text: 'revision(2).\nnode_up(a,true).\n' }),
      keep: async (kept) => void keptBefore.push(kept.revision),
      onWritten: (revision) => written.push(revision),
    });
    await assert.rejects(text.write(), new RegExp(`injected: ${label}`));
    assert.ok(['revision(1).\n', 'revision(2).\nnode_up(a,true).\n'].includes(await readFile(file, 'utf8')));
    assert.deepEqual([written, keptBefore], [[], [2]]);
    await text.write();
    assert.equal(await readFile(file, 'utf8'), 'revision(2).\nnode_up(a,true).\n');
    assert.deepEqual(written, [2]);
  });
}

test('a text that could not be written is written again by itself', async (t) => {
  const file = join(await temporaryFolder(t), 'state.pl');
  const { promise, resolve } = Promise.withResolvers<number>();
  const text = new StateText({
    file,
    files: failingFiles('state.rename', 2),
    log: pino({ level: 'silent' }),
    keep: async () => {},
    onWritten: resolve,
    world: {
      ...realWorld,
      after: (_ms, run) => {
        setImmediate(run);
        return () => {};
      },
    },
    render: async () => ({ revision: 3, text: 'revision(3).\n' }),
  });
  text.follow(3);
  assert.equal(await promise, 3);
});
