/**
 * Runs every `*.test.ts` with node:test, each file in a process of its own, and counts what it did.
 *
 * A test that was skipped has failed. A file whose process does not end after its tests has left
 * something open; it is ended and named, since the run would otherwise wait for it for ever.
 */
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { ROOT } from '../../shared/launch.mjs';
import { passed, type Report } from './report.ts';
import { sourceFiles } from './sources.ts';

/** Two files at once: each starts engines of its own, and the smallest machine has two cores. */
const FILES_AT_ONCE = 2;
/** One test; the slowest starts a whole fleet on a busy machine. */
const TEST_MS = 120_000;
/** No test may be under way for this long, so whoever is still running has nothing left to do. */
const QUIET_MS = TEST_MS + 15_000;

export async function runNodeTests(wanted: (path: string) => boolean): Promise<Report> {
  const paths = sourceFiles().filter((path) => path.endsWith('.test.ts') && wanted(path));
  if (paths.length === 0) return passed(0);
  const quiet = new AbortController();
  const stream = run({
    files: paths.map((path) => join(ROOT, path)),
    cwd: ROOT,
    concurrency: FILES_AT_ONCE,
    timeout: TEST_MS,
    signal: quiet.signal,
  });
  const failures: string[] = [];
  const unfinished = new Set(paths);
  let good = 0;
  const watch = setTimeout(() => {
    failures.push(
      ...[...unfinished].map((path) => `${path}: did not end, or was not begun behind one that did not`),
    );
    quiet.abort();
  }, QUIET_MS);
  stream.on('test:fail', ({ name, file, details }) => {
    watch.refresh();
    if (details.type !== 'suite') failures.push(`${short(file)}: ${name}`);
  });
  stream.on('test:pass', ({ name, file, skip, todo, details }) => {
    watch.refresh();
    if (details.type === 'suite') return;
    if (skip === undefined && todo === undefined) good += 1;
    else failures.push(`${short(file)}: ${name} (skipped: a test is never skipped)`);
  });
  stream.on('test:summary', ({ file }) => {
    watch.refresh();
    unfinished.delete(short(file));
  });
  for await (const text of stream.compose(new spec())) process.stdout.write(text);
  clearTimeout(watch);
  return { passed: good, failures };
}

function short(file: string | undefined): string {
  return file?.replace(`${ROOT}/`, '') ?? '';
}
