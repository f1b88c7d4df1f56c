/** A live view in a terminal: one line for each row that comes or goes, and for each site whose outcome changes. */
import type { Answer, SiteOutcome } from './api/ask.ts';
import type { WatchEvent } from './api/watch.ts';
import { holds } from './live.ts';
import { valueText } from './render.ts';

/** Lines of one event. `known` is the outcome that the site had before; `variables` those of the state. */
export function renderEvent(
  event: WatchEvent,
  variables: readonly string[],
  known: (site: string) => SiteOutcome | undefined = () => undefined,
): string[] {
  if (event.kind === 'state') return renderState(event, variables);
  const time = new Date(event.at).toISOString().slice(11, 23);
  if (event.kind === 'gone') return [`${time}  x ${event.site}  is no site of this fleet any more`];
  const { site, outcome, added, removed } = event;
  const before = known(site);
  const same = before !== undefined && holds(before) && holds(outcome);
  return [
    ...(same ? [] : [`${time}  ! ${site}  ${outcomeText(outcome)}`]),
    ...removed.map((row) => `${time}  - ${site}  ${rowText(row, variables)}`),
    ...added.map((row) => `${time}  + ${site}  ${rowText(row, variables)}`),
  ];
}

function renderState(
  { answers, lastKnown, coverage }: WatchEvent & { kind: 'state' },
  variables: readonly string[],
): string[] {
  const missing = coverage.sites.filter((outcome) => !holds(outcome));
  const there = coverage.targets - missing.length;
  return [
    ...answers.map((row) => `= ${row.site}  ${rowText(row, variables)}`),
    ...missing.map((outcome) => `! ${outcome.site}  ${outcomeText(outcome)}`),
    ...lastKnown.flatMap(({ site, at, answers: rows }) =>
      rows.map((row) => `? ${site}  ${rowText(row, variables)}  last known at ${new Date(at).toISOString()}`),
    ),
    `${answers.length} ${answers.length === 1 ? 'answer' : 'answers'} from ${there} of ${coverage.targets} sites; changes follow`,
  ];
}

function outcomeText({ outcome, code, message }: SiteOutcome): string {
  return [
    outcome,
    code === null || code === outcome ? '' : ` ${code}`,
    message === null ? '' : `: ${message}`,
  ].join('');
}

function rowText(
  { bindings, standing }: Pick<Answer, 'bindings' | 'standing'>,
  variables: readonly string[],
): string {
  const columns = variables.map((name) => `${name} = ${valueText(bindings[name] ?? '')}`);
  return `${columns.length === 0 ? 'true' : columns.join(', ')}  [${standing}]`;
}
