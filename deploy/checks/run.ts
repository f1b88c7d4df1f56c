/**
 * `npm test` and `npm run check`: everything that must hold before a change lands, in one run.
 *
 * Types, format and lint, each Prolog module loaded alone, plunit, then node:test. One failing step
 * does not hide the next: all run, the summary names each, and the last line is `N passed, N failed`.
 * A step that finds nothing to run has failed; so has a test that was skipped. With arguments, only
 * test files whose path has one of them in it are run, and nothing else.
 */
import { spawnSync } from 'node:child_process';
import { ROOT } from '../../shared/launch.mjs';
import { runNodeTests } from './node-tests.ts';
import { loadModules, runPlunit } from './prolog.ts';
import { failed, passed, type Report, sum } from './report.ts';

interface Step {
  readonly name: string;
  run(): Promise<Report> | Report;
}

const patterns = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const wanted = (path: string) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern));

const tests: Step[] = [
  { name: 'plunit', run: () => runPlunit(wanted) },
  { name: 'node:test', run: () => runNodeTests(wanted) },
];
const steps: Step[] = [
  { name: 'types (tsc)', run: () => tool('tsc', ['--noEmit']) },
  { name: 'format and lint (biome)', run: () => tool('biome', ['ci', '--error-on-warnings']) },
  { name: 'Prolog modules, each loaded alone', run: loadModules },
  ...tests,
];

process.exitCode = await main(patterns.length === 0 ? steps : tests);

async function main(chosen: readonly Step[]): Promise<number> {
  const reports: { name: string; report: Report; seconds: number }[] = [];
  for (const [index, { name, run }] of chosen.entries()) {
    process.stdout.write(`\n[${index + 1}/${chosen.length}] ${name}\n`);
    const began = performance.now();
    const report = await attempt(run);
    reports.push({ name, report, seconds: (performance.now() - began) / 1000 });
  }
  return summarize(reports);
}

async function attempt(run: Step['run']): Promise<Report> {
  try {
    const report = await run();
    const none = report.passed === 0 && report.failures.length === 0 && patterns.length === 0;
    return none ? failed('nothing was found to run') : report;
  } catch (cause) {
    return failed(cause instanceof Error ? cause.message : String(cause));
  }
}

function tool(name: string, args: readonly string[]): Report {
  const { status, error } = spawnSync(`node_modules/.bin/${name}`, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status === 0 ? passed(1) : failed(error?.message ?? `${name} ended with status ${status}`);
}

function summarize(reports: readonly { name: string; report: Report; seconds: number }[]): number {
  const out = (text: string) => process.stdout.write(`${text}\n`);
  out('\nSummary');
  for (const { name, report, seconds } of reports) {
    out(`  ${name}: ${report.passed} passed, ${report.failures.length} failed, ${seconds.toFixed(1)} s`);
    for (const failure of report.failures) out(`    FAILED ${failure.replaceAll('\n', '\n      ')}`);
  }
  const total = sum(reports.map(({ report }) => report));
  if (total.passed + total.failures.length === 0) out('  no test was found');
  out(`${total.passed} passed, ${total.failures.length} failed`);
  return total.failures.length === 0 && total.passed > 0 ? 0 : 1;
}
