/**
 * What every load test reports: figures, each beside its baseline from the same run, and the goal that it is held
 * to. Printed as a table, written as JSON, and written into docs/benchmarks.md between two markers, so that the
 * page never says what no program measured.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The same quantity of what it is compared with; null where the goal is a plain number. */
  readonly baseline: number | null;
  /** value / baseline, or value itself. What the goal speaks of. */
  readonly ratio: number;
  readonly goal: Goal | null;
  /** The value of each round. */
  readonly samples: readonly number[];
}

export interface Goal {
  readonly sense: 'at least' | 'at most';
  /** Of the ratio. */
  readonly bound: number;
}

export const atLeast = (bound: number): Goal => ({ sense: 'at least', bound });
export const atMost = (bound: number): Goal => ({ sense: 'at most', bound });

export function met({ ratio, goal }: Figure): boolean | null {
  if (goal === null) return null;
  return goal.sense === 'at least' ? ratio >= goal.bound : ratio <= goal.bound;
}

/** Paired samples of a measurement and its baseline, taken in turns; the figure is their medians. */
export function compared(
  name: string,
  unit: string,
  samples: readonly number[],
  baselines: readonly number[],
  goal: Goal | null = null,
): Figure {
  const [value, baseline] = [median(samples), median(baselines)];
  return { name, value, unit, baseline, ratio: value / baseline, goal, samples };
}

/** A figure whose goal is an absolute number. */
export function plain(
  name: string,
  unit: string,
  samples: readonly number[],
  goal: Goal | null = null,
): Figure {
  const value = median(samples);
  return { name, value, unit, baseline: null, ratio: value, goal, samples };
}

/** A figure that is as bad as its worst sample: what must hold every time. */
export function worst(
  name: string,
  unit: string,
  samples: readonly number[],
  goal: Goal | null = null,
): Figure {
  const value = goal?.sense === 'at least' ? Math.min(...samples) : Math.max(...samples);
  return { name, value, unit, baseline: null, ratio: value, goal, samples };
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 0 ? (low + high) / 2 : high;
}

/** The value below which the share `q` of `sorted` lies. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

export interface Report {
  readonly scenario: string;
  /** ISO date of the run. */
  readonly at: string;
  readonly machine: string;
  readonly figures: readonly Figure[];
  /** What a reader must know to read the numbers. */
  readonly notes: readonly string[];
}

export function machineName(): string {
  const [first] = cpus();
  const gib = (totalmem() / 2 ** 30).toFixed(0);
  return `${cpus().length} x ${first?.model.trim() ?? 'unknown CPU'}, ${gib} GiB, Node ${process.versions.node}`;
}

export function printTable(figures: readonly Figure[]): void {
  console.table(
    figures.map((figure) => ({
      figure: figure.name,
      value: rounded(figure.value),
      unit: figure.unit,
      baseline: figure.baseline === null ? '' : rounded(figure.baseline),
      ratio: figure.baseline === null ? '' : rounded(figure.ratio),
      goal: goalText(figure),
      met: verdict(figure),
    })),
  );
}

const PAGE = new URL('../docs/benchmarks.md', import.meta.url);
const HEAD = `# Benchmarks

Written by the load tests, each section by \`npm run loadtest -- <scenario> --write\`. A figure stands beside its
baseline from the same run on the same machine: the ratios travel, the absolute numbers do not.
`;

/** Replaces the section of this scenario in docs/benchmarks.md. */
export function writePage(report: Report): void {
  const page = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : HEAD;
  const [from, to] = [`<!-- ${report.scenario} -->`, `<!-- end of ${report.scenario} -->`];
  const section = `${from}\n${markdown(report)}${to}\n`;
  const start = page.indexOf(from);
  const end = page.indexOf(`${to}\n`);
  writeFileSync(
    PAGE,
    start < 0 ? `${page}\n${section}` : page.slice(0, start) + section + page.slice(end + to.length + 1),
  );
}

function markdown({ scenario, at, machine, figures, notes }: Report): string {
  const rows = figures.map((figure) =>
    [
      figure.name,
      `${rounded(figure.value)} ${figure.unit}`,
      figure.baseline === null ? '' : `${rounded(figure.baseline)}`,
      figure.baseline === null ? '' : rounded(figure.ratio),
      goalText(figure),
      verdict(figure),
      figure.samples.length,
    ].join(' | '),
  );
  return [
    `## ${scenario}`,
    '',
    `${at.slice(0, 10)}, ${machine}.`,
    '',
    '| figure | value | baseline | ratio | goal | met | samples |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
    '',
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n');
}

export function goalText({ goal, baseline, unit }: Figure): string {
  if (goal === null) return '';
  return `${goal.sense} ${rounded(goal.bound)}${baseline === null ? ` ${unit}` : ' x'}`;
}

export function verdict(figure: Figure): string {
  const yes = met(figure);
  return yes === null ? '' : yes ? 'yes' : 'NO';
}

/** Three significant digits. */
export function rounded(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toString() : Number(value.toPrecision(3)).toString();
}
