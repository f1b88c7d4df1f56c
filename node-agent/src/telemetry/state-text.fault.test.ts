/** The state writer with each of its file operations failing, one at a time, on a real disk. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { temporaryFolder } from '../testing/folder.ts';
import { realWorld } from '../world.ts';
import { diskFiles, type FileLabel, type FileOperations } from './files.ts';
import { StateText } from './state-text.ts';

const LABELS: readonly FileLabel[] = [
  'state.temp.open',
  'state.temp.write',
  'state.temp.sync',
  'state.temp.close',
  'state.rename',
  'state.dir.open',
  'state.dir.sync',
  'state.dir.close',
];

/** File operations of which the one with that label fails, `times` times. */
function failing(label: FileLabel, times: number): FileOperations {
  let left = times;
  const maybe = (given: FileLabel) => {
    if (given !== label || left === 0) return;
    left -= 1;
    throw new Error(`injected: ${label}`);
  };
  return {
    async open(given, ...rest) {
      maybe(given);
      return diskFiles.open(given, ...rest);
    },
    async write(given, file, text) {
      // A write that fails has written half of it.
      if (given === label && left > 0) await file.write(text.slice(0, text.length / 2));
      maybe(given);
      await diskFiles.write(given, file, text);
    },
    async sync(given, file) {
      maybe(given);
      await diskFiles.sync(given, file);
    },
    async close(given, file) {
      await diskFiles.close(given, file);
      maybe(given);
    },
    async rename(given, from, to) {
      maybe(given);
      await diskFiles.rename(given, from, to);
    },
  };
}

for (const label of LABELS) {
  test(`when ${label} fails, the old or the new text is whole, nothing is pruned, and the next write succeeds`, async (t) => {
    const file = join(await temporaryFolder(t), 'state.pl');
    await writeFile(file, 'revision(1).\n');
    const written: number[] = [];
    const keptBefore: number[] = [];
    const text = new StateText({
      file,
      files: failing(label, 1),
      world: realWorld,
      log: pino({ level: 'silent' }),
      render: async () => ({ revision: 2, text: 'revision(2).\nnode_up(a,true).\n' }),
      keep: (kept) => keptBefore.push(kept.revision),
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
    files: failing('state.rename', 2),
    log: pino({ level: 'silent' }),
    keep: () => {},
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
