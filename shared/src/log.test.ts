/** A log is for whoever reads it; that it cannot be written is no reason to stop. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { logTo } from './log.ts';

test('lines are written as they come', () => {
  const file = join(tmpdir(), `log-${process.pid}`);
  const fd = openSync(file, 'w');
  const log = logTo(fd);
  log.write('one\n');
  log.write('zwölf\n');
  assert.equal(readFileSync(file, 'utf8'), 'one\nzwölf\n');
  closeSync(fd);
  rmSync(file);
});

test('a line that a full disk does not take is lost, and the next is tried again', () => {
  const fd = openSync('/dev/full', 'w');
  const log = logTo(fd);
  for (let at = 0; at < 3; at += 1) log.write('there is no room for this\n');
  closeSync(fd);
  log.write('nor is there anybody to read this\n');
});
