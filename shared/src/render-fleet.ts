/**
 * A fleet's answer and plan for a terminal. What holds for part of the fleet is worded as that: "at least 12; 7 sites
 * unknown", "none at 12 sites; 7 unknown".
 */
import type { Answer, FleetGroup, FleetResult, JoinPart } from './api/ask.ts';
import type { FleetPlan } from './api/plan.ts';
import { QUERY_TEXT_BYTES, TERM_DEPTH } from './limits.ts';
import {
  formatTerm,
  type RenderOptions,
  renderAnswers,
  renderCoverage,
  table,
  timeText,
  valueText,
  withAge,
} from './render.ts';
import { readTerm } from './term.ts';

/** Names in full as far as they fit a line. */
const NAMES = 8;

export interface FleetRenderOptions extends RenderOptions {
  /** The reader's clock, milliseconds since 1970 UTC, for the ages of last known answers; left out, they are dated. */
  readonly readAt?: number;
}

export function renderFleetResult(result: FleetResult, options: FleetRenderOptions = {}): string {
  const blocks = [
    ...renderGroups(result),
    ...renderRows(result, options),
    ...renderApart(result),
    ...renderLastKnown(result, options),
    renderCoverage(result.coverage),
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

// ---- values over the fleet ----

function renderGroups({ kind, groups, variables }: FleetResult): string[] {
  if (groups.length === 0) return [];
  if (groups.length === 1 && groups[0]?.group === null && kind === 'fold') {
    const [group] = groups;
    return [
      `${variables[0]} = ${groupText(group)}  [${group.standing ?? 'no answer'}, ${siteCount(group.sites)}]`,
    ];
  }
  const heading = kind === 'fold' ? (variables[0] ?? '') : 'RANKS';
  return [
    table([
      ['GROUP', heading, 'SITES', 'STANDING', 'UNKNOWN'],
      ...groups.map((group) => [
        group.group ?? (groups.length === 1 ? 'fleet' : '(without the label)'),
        kind === 'fold' ? valueWithBound(group) : group.bound,
        String(group.sites.length),
        group.standing ?? '-',
        namesText(group.unknownSites) || '-',
      ]),
    ]).join('\n'),
  ];
}

const BOUNDS = { exact: '', at_least: 'at least ', at_most: 'at most ' } as const;

function valueWithBound({ value, bound }: FleetGroup): string {
  if (bound === 'unknown') return 'unknown';
  return value === null ? 'none' : `${BOUNDS[bound]}${valueText(value)}`;
}

/** The value of a group, as far as it is known. */
export function groupText(group: FleetGroup): string {
  const { unknownSites } = group;
  const unknown = unknownSites.length > 0 ? `; ${siteCount(unknownSites)} unknown` : '';
  return `${valueWithBound(group)}${unknown}`;
}

const siteCount = ({ length }: readonly string[]): string => `${length} ${length === 1 ? 'site' : 'sites'}`;

export function namesText(names: readonly string[]): string {
  const more = names.length - NAMES;
  return more > 0 ? `${names.slice(0, NAMES).join(', ')} and ${more} more` : names.join(', ');
}

// ---- rows ----

function renderRows(result: FleetResult, options: RenderOptions): string[] {
  const { kind, answers, join } = result;
  if (join !== null) return [foundText(result), joinTable(result)];
  if (kind === 'fold')
    return answers.length === 0 ? [foundText(result)] : [answerTable(answers, result.variables)];
  // Rows that are ranked stand in that order and not site by site; their proofs are in --json.
  if (kind === 'top' || isOrdered(answers))
    return [foundText(result), answerTable(answers, result.variables)];
  return answers.length === 0
    ? [foundText(result)]
    : [renderAnswers(answers, result.variables, options), foundText(result)];
}

/** How many answers there are, as far as that is known: of none, only where there are none. */
export function foundText({ found, answers, join, coverage, variables }: FleetResult): string {
  const { value, bound, unknownSites } = found;
  const shown = join === null ? answers.length : join.rows.length;
  const asked = coverage.answered + coverage.empty;
  const unknown = unknownSites.length === 0 ? '' : `; ${unknownSites.length} unknown`;
  if (value === 0) {
    if (unknown === '') return join === null ? 'No answers.' : 'No rows.';
    return `none at ${asked} ${asked === 1 ? 'site' : 'sites'}${unknown}`;
  }
  if (variables.length === 0 && join === null)
    return `holds at ${value} of ${coverage.targets} sites${unknown}`;
  const of = shown < value ? `${shown} of ` : '';
  const answersFound = `${value} ${value === 1 ? 'answer' : 'answers'}`;
  if (unknown === '') return of === '' ? '' : `${of}${bound === 'exact' ? '' : 'at least '}${answersFound}`;
  return `${of}at least ${answersFound}; ${siteCount(unknownSites)} unknown`;
}

/** Whether the answers of a site do not stand together. */
function isOrdered(answers: readonly Answer[]): boolean {
  return answers.some(({ site }, i) => i > 0 && site < (answers[i - 1]?.site ?? ''));
}

function answerTable(answers: readonly Answer[], variables: readonly string[]): string {
  if (answers.length === 0) return '';
  return table([
    ['SITE', ...variables, 'STANDING'],
    ...answers.map(({ site, bindings, standing }) => [
      site,
      ...variables.map((name) => valueText(bindings[name] ?? '')),
      standing,
    ]),
  ]).join('\n');
}

function joinTable({ join, variables }: FleetResult): string {
  if (join === null || join.rows.length === 0) return '';
  return table([
    [...variables, 'STANDING', 'RESTS ON'],
    ...join.rows.map(({ bindings, standing, rests }) => [
      ...variables.map((name) => valueText(bindings[name] ?? '')),
      standing,
      rests.map(({ part, answer }) => join.parts[part]?.answers[answer]?.site ?? '').join(', '),
    ]),
  ]).join('\n');
}

// ---- apart from the answer ----

function renderApart({ bundles, stale, variables }: FleetResult): string[] {
  const others = bundles
    .filter(({ own }) => !own)
    .map(({ bundle, known, sites, answers }) =>
      [
        `Other rules (bundle ${bundle.slice(0, 12)}), not merged: ${namesText(sites)}${known ? '' : '; its manifest is not here, so nothing of it is checked'}`,
        answerTable(answers, variables),
      ]
        .filter((part) => part !== '')
        .join('\n'),
    );
  const old = stale.length === 0 ? [] : [`Stale, not merged:\n${answerTable(stale, variables)}`];
  return [...others, ...old];
}

function renderLastKnown({ lastKnown, variables }: FleetResult, { readAt }: FleetRenderOptions): string[] {
  if (lastKnown.length === 0) return [];
  const said = lastKnown.map(({ site, at, answers }) => {
    const when = readAt === undefined ? timeText(at) : withAge(readAt - at);
    return answers.length === 0
      ? `  ${site}, ${when}: nothing`
      : `  ${site}, ${when}:\n${answerTable(answers, variables)}`;
  });
  return [['Last known, not part of the answer:', ...said].join('\n')];
}

// ---- plans ----

export function renderPlan(plan: FleetPlan): string {
  const { targets, parts, pushed, here, budget, join, share, maxAgeMs } = plan;
  const { deadlineMs, sendingMs, siteMs, questionMs, restMs } = budget;
  const all = targets.asked.length + targets.skipped.length;
  return [
    `Targets: ${all}, of which ${targets.asked.length} are asked: ${namesText(targets.asked)}`,
    ...targets.skipped.map(({ site, reason }) => `  skipped: ${site}, ${reason}`),
    '',
    `Asked of the sites${parts.length > 1 ? ', each goal by itself' : ''}:`,
    ...table([
      ['GOAL', 'AT', 'SITES', 'EXPECTED', 'AT MOST'],
      ...parts.map((part) => [
        formatTerm(readTerm(part.query, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term),
        `${part.negated ? 'not ' : ''}${placeText(part.at)}`,
        String(part.sites),
        part.expectedRows === null ? 'not known yet' : `${part.expectedRows} rows`,
        `${part.mostRows} rows`,
      ]),
    ]),
    ...section('Pushed down', pushed),
    ...section('Computed here', here),
    ...(join === null
      ? []
      : section('Join', [
          `takes in ${join.expectedRows ?? 'an unknown number of'} rows, at most ${join.mostRows}; gives at most ${join.mostGiven}`,
          ...(join.refused ? ['it would be refused: too many rows are expected'] : []),
        ])),
    '',
    `Budget: ${deadlineMs} ms; the last site is asked by ${sendingMs} ms, a site has ${siteMs} ms (${questionMs} to answer and prove), ${
      restMs > 0
        ? `${restMs} ms are left for the way and for checking`
        : 'and a site that takes all of it is a timeout'
    }`,
    ...(share > 0
      ? [`Needs: ${share === 1 ? 'every target' : `${Math.round(share * 100)} % of the targets`}`]
      : []),
    ...(maxAgeMs === null ? [] : [`Stale: what cites an observation older than ${maxAgeMs} ms`]),
    '',
  ].join('\n');
}

function placeText(at: JoinPart['at'] | null): string {
  if (at === null) return 'each target';
  if ('site' in at) return at.site;
  return at.variable.startsWith('_') ? 'some target' : `some target ${at.variable}`;
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${heading}:`, ...lines.map((line) => `  ${line}`)];
}
