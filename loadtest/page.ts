/**
 * A load test's result as one HTML file that needs nothing else: the figures as a table, and plots as inline SVG. For a
 * person who wants to see the shape of what docs/benchmarks.md says in medians.
 */
import { writeFileSync } from 'node:fs';
import type { Coverage } from '@fleet/shared/api/ask.ts';
import { goalText, quantile, type Report, rounded, verdict } from './figures.ts';

export type Point = readonly [x: number, y: number];

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export type Plot =
  | {
      readonly kind: 'lines';
      readonly title: string;
      /** What the axes are, with their units. */
      readonly x: string;
      readonly y: string;
      readonly series: readonly Series[];
    }
  | {
      readonly kind: 'bars';
      readonly title: string;
      readonly y: string;
      readonly bars: readonly { readonly name: string; readonly value: number }[];
    };

/** How values are spread: for each value, the share that is at most that. */
export function distribution(
  title: string,
  x: string,
  groups: Readonly<Record<string, readonly number[]>>,
): Plot {
  const series = Object.entries(groups).map(([name, values]) => {
    const sorted = values.toSorted((a, b) => a - b);
    const shares = Array.from({ length: 101 }, (_, at) => at / 100);
    return { name, points: shares.map((share): Point => [quantile(sorted, share), share * 100]) };
  });
  return { kind: 'lines', title, x, y: '% at most', series };
}

/** Sites with each outcome, by time since they were asked. */
export function outcomesOverTime(title: string, { sites }: Coverage): Plot {
  const series = [...Map.groupBy(sites, ({ outcome }) => outcome)].map(([name, rows]) => ({
    name,
    points: rows
      .map(({ ms }) => ms)
      .sort((a, b) => a - b)
      .map((ms, at): Point => [ms, at + 1]),
  }));
  return { kind: 'lines', title, x: 'ms', y: 'sites', series };
}

const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 64;
const BOTTOM = 44;
const TOP = 12;
const NUMBER_WIDTH = 40;
/** Half of the last number under the axis. */
const RIGHT = 24;
const COLOURS = [
  '#1b6ca8',
  '#c4572b',
  '#3a8f5c',
  '#7a4fa3',
  '#8a7a1f',
  '#444444',
  '#b03a6b',
  '#2aa2a2',
] as const;
const colour = (at: number) => COLOURS[at % COLOURS.length] ?? '#000';

export function writeReportPage(file: string, report: Report, plots: readonly Plot[]): void {
  writeFileSync(file, htmlOf(report, plots));
}

function htmlOf({ scenario, at, machine, figures, notes }: Report, plots: readonly Plot[]): string {
  const rows = figures.map((figure) => {
    const cells = [
      figure.name,
      `${rounded(figure.value)} ${figure.unit}`,
      figure.baseline === null ? '' : rounded(figure.baseline),
      figure.baseline === null ? '' : rounded(figure.ratio),
      goalText(figure),
      verdict(figure),
    ];
    return `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`;
  });
  const head = ['figure', 'value', 'baseline', 'ratio', 'goal', 'met'].map((name) => `<th>${name}</th>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Load test: ${escaped(scenario)}</title><style>
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1000px;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{border-bottom:1px solid #ddd;padding:.25rem .7rem;text-align:left}
svg{max-width:100%;height:auto}text{font:11px system-ui,sans-serif;fill:#333}figure{margin:2rem 0}figcaption{font-weight:600}
</style></head><body>
<h1>Load test: ${escaped(scenario)}</h1>
<p>${escaped(at)}, ${escaped(machine)}.</p>
<table><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table>
<ul>${notes.map((note) => `<li>${escaped(note)}</li>`).join('')}</ul>
${plots.map(figureOf).join('\n')}
</body></html>
`;
}

function figureOf(plot: Plot): string {
  const drawn = plot.kind === 'lines' ? lines(plot) : bars(plot);
  return `<figure><figcaption>${escaped(plot.title)}</figcaption>${drawn}</figure>`;
}

function lines({ x, y, series }: Extract<Plot, { kind: 'lines' }>): string {
  const all = series.flatMap(({ points }) => points).filter(([px, py]) => Number.isFinite(px + py));
  const [mostX, mostY] = [
    ceiling(Math.max(0, ...all.map(([px]) => px))),
    ceiling(Math.max(0, ...all.map(([, py]) => py))),
  ];
  const place = ([px, py]: Point) => `${across(px / mostX)},${up(py / mostY)}`;
  const drawn = series.map(
    ({ points }, at) =>
      `<polyline fill="none" stroke="${colour(at)}" stroke-width="1.6" points="${points
        .filter(([px, py]) => Number.isFinite(px + py))
        .map(place)
        .join(' ')}"/>`,
  );
  const legend = series.map(
    ({ name }, at) =>
      `<text x="${WIDTH - RIGHT - 6}" y="${TOP + 16 + at * 15}" text-anchor="end" style="fill:${colour(at)}">${escaped(name)}</text>`,
  );
  return svg([axes({ x, y, mostX, mostY }), ...drawn, ...legend]);
}

function bars({ y, bars: all }: Extract<Plot, { kind: 'bars' }>): string {
  const mostY = ceiling(Math.max(0, ...all.map(({ value }) => value)));
  const each = (WIDTH - LEFT - RIGHT) / Math.max(1, all.length);
  const highest = Math.max(...all.map(({ value }) => value));
  /** Where bars are thinner than numbers, the highest bar has one. */
  const numbered = (value: number) => each >= NUMBER_WIDTH || value === highest;
  const drawn = all.map(({ name, value }, at) => {
    const [left, top] = [LEFT + each * (at + 0.15), up(value / mostY)];
    const middle = left + each * 0.35;
    return (
      `<rect x="${left}" y="${top}" width="${each * 0.7}" height="${up(0) - top}" fill="${colour(0)}"/>` +
      (numbered(value)
        ? `<text x="${middle}" y="${top - 3}" text-anchor="middle">${rounded(value)}</text>`
        : '') +
      `<text x="${middle}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${escaped(name)}</text>`
    );
  });
  return svg([axes({ x: null, y, mostX: 1, mostY }), ...drawn]);
}

interface Axes {
  readonly x: string | null;
  readonly y: string;
  readonly mostX: number;
  readonly mostY: number;
}

function axes({ x, y, mostX, mostY }: Axes): string {
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const rows = ticks.map(
    (share) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${up(share)}" y2="${up(share)}" stroke="#e4e4e4"/>` +
      `<text x="${LEFT - 6}" y="${up(share) + 4}" text-anchor="end">${rounded(share * mostY)}</text>`,
  );
  const columns =
    x === null
      ? []
      : ticks.map(
          (share) =>
            `<text x="${across(share)}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${rounded(share * mostX)}</text>`,
        );
  const names = [
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(x ?? '')}</text>`,
    `<text transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
  ];
  return [...rows, ...columns, ...names].join('');
}

function svg(parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">${parts.join('')}</svg>`;
}

const across = (share: number) => Number((LEFT + share * (WIDTH - LEFT - RIGHT)).toFixed(1));
const up = (share: number) => Number((HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)).toFixed(1));

/** A round number that is at least `value`. */
function ceiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
