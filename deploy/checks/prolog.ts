/**
 * The Prolog side of `npm test`, with warnings as errors: each module loads by itself and calls
 * nothing undefined; each `.plt` file runs under plunit in a process of its own.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../shared/launch.mjs';
import { failed, passed, type Report, sum } from './report.ts';
import { sourceFiles } from './sources.ts';

const STRICT = ['--on-error=status', '--on-warning=status'];
const PROCESSES_AT_ONCE = 2;
const PROCESS_MS = 120_000;

interface Ran {
  readonly ok: boolean;
  readonly output: string;
}

/** Loads every module alone: one that only works after another was loaded fails here. */
export async function loadModules(): Promise<Report> {
  const files = sourceFiles().filter((path) => path.endsWith('.pl') && isModule(path));
  const goal = (path: string) => `load_files('${path}',[]),list_undefined,halt`;
  return each(files, async (path) => {
    const { ok, output } = await swipl([...STRICT, '-g', goal(path)]);
    return ok
      ? { passed: 1, failures: [] }
      : { passed: 0, failures: [`${path} does not load alone\n${output}`] };
  });
}

/** Core rules, inventory and state are no modules: main.pl reads them, and is tested by what it answers. */
function isModule(path: string): boolean {
  return /^:- module\(/m.test(readFileSync(join(ROOT, path), 'utf8'));
}

export async function runPlunit(wanted: (path: string) => boolean): Promise<Report> {
  return each(
    sourceFiles().filter((path) => path.endsWith('.plt') && wanted(path)),
    runTestFile,
  );
}

async function runTestFile(path: string): Promise<Report> {
  const skips = /\b(?:blocked|condition|fixme)\(/.exec(readFileSync(join(ROOT, path), 'utf8'));
  if (skips) return failed(`${path} can skip a test: ${skips[0]}...)`);
  const { ok, output } = await swipl([...STRICT, '-g', 'run_tests', '-t', 'halt', path]);
  const good = count(output, /^% (?:All )?(\d+|one)(?: \(.*\))? tests? passed/m);
  if (ok && good > 0) return passed(good);
  const bad = Math.max(1, count(output, /^% (\d+|one) tests? failed/m));
  const named = `${path}: ${ok ? 'no test was found' : `${bad} failed`}\n${output}`;
  return { passed: good, failures: [named, ...Array.from({ length: bad - 1 }, () => path)] };
}

function count(output: string, line: RegExp): number {
  const number = line.exec(output)?.[1];
  return number === 'one' ? 1 : Number(number ?? 0);
}

async function each(paths: readonly string[], run: (path: string) => Promise<Report>): Promise<Report> {
  const reports: Report[] = [];
  const waiting = [...paths];
  const worker = async () => {
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const report = await run(path);
      process.stdout.write(
        `  ${report.failures.length === 0 ? 'ok' : 'FAILED'} ${path} (${report.passed})\n`,
      );
      reports.push(report);
    }
  };
  await Promise.all(Array.from({ length: PROCESSES_AT_ONCE }, worker));
  return sum(reports);
}

function swipl(args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn('swipl', args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      // As a service or CI would have it: a source that needs a UTF-8 locale fails here, on every machine.
      env: { ...process.env, LC_ALL: 'C' },
      timeout: PROCESS_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    child.on('error', (cause) => resolve({ ok: false, output: `swipl does not run: ${cause.message}` }));
    child.on('close', (code) => resolve({ ok: code === 0, output: output.trim() }));
  });
}
