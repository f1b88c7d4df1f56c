/** What a person reads of the history in a terminal of 80 columns: a list, one answer, a check, what changed. */
import type {
  DiffAnswer,
  HistoryAgain,
  HistoryCheck,
  HistoryDiff,
  HistoryListing,
  HistoryPage,
  HistoryRow,
} from './api/history.ts';
import { bindingsText, table, valueText } from './render.ts';
import { renderFleetResult } from './render-fleet.ts';

const WIDTH = 80;

export function renderHistory({ rows, more }: HistoryPage): string {
  if (rows.length === 0) return 'No answer is kept that matches.';
  const lines = table([
    ['ID', 'WHEN', 'ASKED BY', 'SITES', 'ANSWERS', 'QUERY'],
    ...rows.map((row) => [
      String(row.id),
      timeOf(row.at),
      row.askedBy,
      sitesOf(row),
      row.of === null ? String(row.answers) : `as ${row.of}`,
      row.times > 1 ? `(${row.times} times) ${row.query}` : row.query,
    ]),
  ]).map((line) => cut(line.slice(2)));
  const last = rows.at(-1)?.id;
  return [...lines, ...(more ? [`... older ones: --before ${last}`] : [])].join('\n');
}

/** `2026-11-26 03:04:05`, UTC: a line has no room for more. */
function timeOf(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

/** `4` of a complete answer, `3/4` of one where a site is missing. */
function sitesOf({ targets, outcomes }: HistoryListing): string {
  const known = (outcomes.answered ?? 0) + (outcomes.empty ?? 0);
  return known === targets ? String(targets) : `${known}/${targets}`;
}

function cut(line: string): string {
  return line.length <= WIDTH ? line : `${line.slice(0, WIDTH - 1)}…`;
}

export function renderHistoryRow(row: HistoryRow): string {
  if (row.kind === 'again') return renderAgain(row);
  const { id, at, ms, askedBy, asked, lost, digests, result } = row;
  const head = [
    `Row ${id}: ${asked.query}`,
    ...(asked.assume?.length ? [`  assuming ${asked.assume.join(', ')}`] : []),
    `  asked by ${askedBy} at ${new Date(at).toISOString()}, answered in ${ms} ms`,
    `  answers sha256:${digests.answers}`,
    ...digests.bundles.map((bundle) => `  bundle sha256:${bundle}`),
    ...(lost > 0 ? [`  ${lost} answers before this one found no room on the disk`] : []),
  ];
  return `${head.join('\n')}\n\n${renderFleetResult(result, { now: at })}`;
}

function renderAgain({ id, of, times, askedBy, at, last }: HistoryAgain): string {
  const span = at === last ? `at ${timeOf(at)}` : `from ${timeOf(at)} to ${timeOf(last)}`;
  return `Row ${id}: the answer of row ${of} again, ${times} ${times === 1 ? 'time' : 'times'}, to ${askedBy}, ${span} UTC`;
}

export function renderHistoryCheck({ ok, rows, first, last, hash, faults }: HistoryCheck): string {
  const what = rows === 0 ? 'no rows' : `${rows} rows, ${first} to ${last}`;
  if (ok) return `The history holds: ${what}.\n  last hash ${hash}`;
  const lines = faults.map(
    ({ fault, id, what }) => `  ${fault}${id === null ? '' : ` at row ${id}`}: ${what}`,
  );
  return [`The history does NOT hold (${what}):`, ...lines].join('\n');
}

export function renderDiff({ a, b, sites, answers, groups, joined, unknown }: HistoryDiff): string {
  const head = [
    a.query,
    `  from row ${a.id}, ${timeOf(a.at)}, ${a.complete ? 'complete' : 'partial'}`,
    `  to row ${b.id}, ${timeOf(b.at)}, ${b.complete ? 'complete' : 'partial'}`,
  ];
  const bySite = Map.groupBy(
    [
      ...answers.added.map((answer) => ({ site: answer.site, line: `+ ${shown(answer)}` })),
      ...answers.removed.map((answer) => ({ site: answer.site, line: `- ${shown(answer)}` })),
      ...answers.changed.map(({ from, to }) => ({
        site: to.site,
        line: `~ ${shown(from)} -> ${changed(from, to)}`,
      })),
    ],
    ({ site }) => site,
  );
  const blocks = [...bySite]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([site, lines]) => [site, ...lines.map(({ line }) => `  ${line}`)].join('\n'));
  const outcomes = sites.changed.map(({ site, from, to }) => [
    site,
    outcomeText(from),
    '->',
    outcomeText(to),
  ]);
  const fleet = [
    ...groups.map(({ group, from, to }) => `  ${group ?? 'all'}: ${boundText(from)} -> ${boundText(to)}`),
    ...(joined?.added ?? []).map((row) => `  + ${shown(row)}`),
    ...(joined?.removed ?? []).map((row) => `  - ${shown(row)}`),
  ];
  const notes = [
    ...sites.added.map((site) => `  ${site} was not asked before`),
    ...sites.removed.map((site) => `  ${site} was asked before and not now`),
    ...table(outcomes),
    ...unknown.map((site) => `  ${site} answered in one run only: what changed there is not known`),
  ];
  const { added, removed, changed: other, same } = answers;
  const sum = `Answers: ${added.length} added, ${removed.length} removed, ${other.length} changed, ${same} the same`;
  return [
    head.join('\n'),
    ...(fleet.length > 0 ? [['Over the fleet:', ...fleet].join('\n')] : []),
    ...blocks,
    [sum, ...(notes.length > 0 ? ['Sites:', ...notes] : [])].join('\n'),
  ].join('\n\n');
}

const outcomeText = ({ outcome, code }: HistoryDiff['sites']['changed'][number]['from']): string =>
  code === null ? outcome : `${outcome} (${code})`;

/** `12`, `at least 12`, `none`. */
function boundText(of: HistoryDiff['groups'][number]['to']): string {
  if (of === null || of.value === null) return of?.bound === 'unknown' ? 'unknown' : 'none';
  return of.bound === 'exact' ? valueText(of.value) : `${of.bound.replace('_', ' ')} ${valueText(of.value)}`;
}

function shown({ bindings, standing }: Pick<DiffAnswer, 'bindings' | 'standing'>): string {
  return `${bindingsText(bindings)}  [${standing}]`;
}

/** Of an answer that changed, only what is another now. */
function changed(from: DiffAnswer, to: DiffAnswer): string {
  const other = Object.fromEntries(
    Object.entries(to.bindings).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(from.bindings[name]),
    ),
  );
  const bindings = Object.keys(other).length === 0 ? '' : bindingsText(other);
  return [bindings, to.standing === from.standing ? '' : `[${to.standing}]`].filter(Boolean).join('  ');
}
