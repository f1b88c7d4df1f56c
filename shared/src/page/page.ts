/**
 * The one page that a coordinator and a site serve, made on the server: a box to ask, answers by site with their standing
 * and proofs, the coverage, which names every site with its outcome and why, and on a site's own page its alerts. It
 * needs no script; a question is an ordinary link (`/?q=...`), so it can be kept and passed on.
 */
import { createHash } from 'node:crypto';
import type { AlertsResult } from '../api/alerts.ts';
import type { Answer, AskResult, Coverage, FleetResult, JsonValue, SiteOutcome } from '../api/ask.ts';
import { asLogicError, ERRORS, type LogicError } from '../errors.ts';
import { PAGE_ANSWERS } from '../limits.ts';
import { timeText } from '../render.ts';
import { writeAtom } from '../term.ts';
import { Html, html } from './html.ts';
import { renderApart, renderOverFleet, renderProofs } from './over-fleet.ts';
import { PAGE_STYLE } from './style.ts';

/** Questions that the page offers; a test asks each of the catalogue. */
export const EXAMPLES = [
  ['node_status(Node, Status)', 'Which nodes are up, down or unknown?'],
  ['at_risk_of_throttling(Node)', 'Which nodes are close to slowing down from heat?'],
  ['node_load(Node, Load), Load > 0.5', 'Which nodes are more than half busy?'],
  ['node(Node), \\+ at_risk_of_throttling(Node)', 'Which nodes are not at risk?'],
  ['aggregate_all(count, vm(V), Count)', 'How many virtual machines has each site?'],
] as const;

/** Whose page it is. */
export interface PageFace {
  readonly title: string;
  /** Above the box. */
  readonly label: string;
  /** The command that prints what the page leaves out. */
  readonly command: string;
}

/** What was asked, and what came of it. */
export interface PageState {
  readonly face: PageFace;
  /** Of the site whose page it is. */
  readonly alerts?: AlertsResult;
  readonly query: string;
  readonly result: AskResult | FleetResult | null;
  readonly error: LogicError | null;
}

const styleHash = createHash('sha256').update(PAGE_STYLE).digest('base64');

/** Headers of the page: nothing is loaded, run, framed or sent elsewhere. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const;

export interface PageReply {
  readonly status: number;
  readonly body: string;
}

/** The page with what `tell` gives, or with why it gave nothing; `fault` is told of what is nobody's mistake but ours. */
export async function pageOf(
  asked: Pick<PageState, 'face' | 'query'>,
  tell: () => Promise<Pick<PageState, 'result' | 'alerts'>>,
  fault: (cause: unknown) => void,
): Promise<PageReply> {
  try {
    return { status: 200, body: renderPage({ ...asked, error: null, ...(await tell()) }) };
  } catch (cause) {
    const error = asLogicError(cause);
    if (error.code === 'internal') fault(cause);
    return { status: ERRORS[error.code].http, body: renderPage({ ...asked, result: null, error }) };
  }
}

function renderPage({ face, query, result, error, alerts }: PageState): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${query ? `${query} · ` : ''}${face.title}</title>
<style>${new Html(PAGE_STYLE)}</style>
</head>
<body>
<header>
<h1><a href="/">${face.title}</a></h1>
<form method="get" action="/" role="search">
<label for="q">${face.label}</label>
<input id="q" name="q" value="${query}" placeholder="node_status(Node, Status)" required autocapitalize="none" autocomplete="off" spellcheck="false">
<button type="submit">Ask</button>
</form>
</header>
<main>
${error && renderError(error)}
${result && renderResult(result, face)}
${result || alerts === undefined ? null : renderAlerts(alerts)}
${result ? null : renderExamples()}
</main>
</body>
</html>
`.text;
}

function renderExamples(): Html {
  const items = EXAMPLES.map(
    ([query, says]) =>
      html`<li><a href="/?q=${encodeURIComponent(query)}"><code>${query}</code></a><br>${says}</li>\n`,
  );
  return html`<section aria-labelledby="examples"><h2 id="examples">Questions to try</h2><ul class="examples">${items}</ul></section>`;
}

const alertLink = (alert: string): string =>
  `/?q=${encodeURIComponent(`active_alert(${writeAtom(alert)}, Subject, Severity)`)}`;

function renderAlerts({ active, history, undelivered }: AlertsResult): Html {
  const rows = active.map(
    ({ severity, alert, subject, since, unknown }) =>
      html`<tr><td class="${severity}">${severity}</td><th scope="row"><a href="${alertLink(alert)}">${alert}</a></th><td>${subject}</td>
<td>${timeText(since).replace(/^at /, '')}</td><td>${unknown ? 'unknown: its evidence is missing' : ''}</td></tr>\n`,
  );
  const changes = history.map(
    ({ change, severity, alert, subject, at, revision }) =>
      html`<tr><td>${change}</td><td class="${severity}">${severity}</td><td>${alert}</td><td>${subject}</td><td>${timeText(at).replace(/^at /, '')}</td>
<td class="number">${revision}</td></tr>\n`,
  );
  return html`<section aria-labelledby="alerts"><h2 id="alerts">Alerts</h2>
${
  active.length === 0
    ? html`<p>None is active.</p>`
    : html`<div class="scroll"><table><thead><tr><th scope="col">Severity</th><th scope="col">Alert</th><th scope="col">Subject</th>
<th scope="col">Since</th><th scope="col">State</th></tr></thead><tbody>
${rows}</tbody></table></div>`
}
${undelivered > 0 ? html`<p>${count(undelivered, 'delivery', 'deliveries')} that no webhook has taken yet.</p>` : null}
${
  history.length === 0
    ? null
    : html`<details><summary>Last changes</summary><div class="scroll"><table><thead><tr><th scope="col">Change</th><th scope="col">Severity</th>
<th scope="col">Alert</th><th scope="col">Subject</th><th scope="col">When</th><th scope="col">Revision</th></tr></thead><tbody>
${changes}</tbody></table></div></details>`
}
</section>`;
}

function renderError({ code, message, data }: LogicError): Html {
  const heading = code === 'partial_coverage' ? 'Not answered' : 'Not asked';
  return html`<section class="error" role="alert"><h2>${heading}: <code>${code}</code></h2><p>${message}</p><p>${ERRORS[code].advice}</p></section>
${data.coverage === undefined ? null : renderCoverage({ coverage: data.coverage as Coverage })}`;
}

function renderResult(result: AskResult | FleetResult, { command }: PageFace): Html {
  const shown = result.answers.slice(0, PAGE_ANSWERS);
  const bySite = Map.groupBy(shown, (answer) => answer.site);
  const hidden = result.answers.length - shown.length;
  return html`<section aria-labelledby="answers">
<h2 id="answers">Answers</h2>
<p role="status">${summary(result)}</p>
${'groups' in result ? renderOverFleet(result) : null}
${[...bySite].map(([site, answers]) => renderAnswers(site, answers, result.variables))}
${'groups' in result ? renderApart(result) : null}
${hidden > 0 ? html`<p>${hidden} more answers are not shown here: <code>${command}</code> prints all.</p>` : null}
</section>
${renderCoverage(result)}`;
}

function summary(result: AskResult | FleetResult): string {
  const { answers, coverage, complete } = result;
  const heard = coverage.answered + coverage.empty;
  const rows = 'join' in result && result.join !== null ? result.join.rows : answers;
  const from = `${count(rows.length, 'answer')} from ${heard} of ${count(coverage.targets, 'site')}`;
  return complete
    ? `Complete: ${from}.`
    : `Partial: ${from}. The coverage below says why the others are missing.`;
}

function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}

function renderAnswers(site: string, answers: readonly Answer[], variables: readonly string[]): Html {
  const head = variables.map((name) => html`<th scope="col">${name}</th>`);
  const rows = answers.map(
    (answer) => html`<tr>${variables.map((name) => html`<td>${showValue(answer.bindings[name])}</td>`)}
<td class="${answer.standing}">${answer.standing}</td></tr>${renderProofs([answer], variables.length + 1)}\n`,
  );
  return html`<h3>${site}</h3>
<div class="scroll"><table class="answers"><thead><tr>${head}<th scope="col">Standing</th></tr></thead><tbody>
${rows}</tbody></table></div>
`;
}

function renderCoverage({ coverage }: Pick<AskResult, 'coverage'>): Html {
  return html`<section aria-labelledby="coverage">
<h2 id="coverage">Coverage</h2>
<div class="scroll"><table>
<caption>${count(coverage.targets, 'site')} asked; ${coverage.complete ? 'all of them answered' : 'not all of them answered'}.</caption>
<thead><tr><th scope="col">Site</th><th scope="col">Outcome</th><th scope="col">Answers</th><th scope="col">ms</th>
<th scope="col">Revision</th><th scope="col">Bundle</th></tr></thead><tbody>
${coverage.sites.map(renderOutcome)}</tbody></table></div>
</section>`;
}

const COVERAGE_COLUMNS = 6;

function renderOutcome({ site, outcome, code, message, ms, revision, bundle, answers }: SiteOutcome): Html {
  const why = code ? html`<code>${code}</code>: ${message}<br>${ERRORS[code].advice}` : message;
  // In a row of its own, as a proof is, and as wide as the screen: a column for it would be a word wide on a telephone.
  const below = why && html`<tr class="below"><td colspan="${COVERAGE_COLUMNS}"><p>${why}</p></td></tr>`;
  return html`<tr><th scope="row">${site}</th><td class="${outcome === 'error' ? 'error-outcome' : outcome}">${outcome}</td>
<td class="number">${answers}</td><td class="number">${ms}</td><td class="number">${revision}</td>
<td><code>${bundle?.slice(0, 8) ?? null}</code></td></tr>${below}\n`;
}

/** A value as a person reads it: atoms without quotes, lists in brackets. */
function showValue(value: JsonValue | undefined): string {
  if (value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  if ('integer' in value) return value.integer;
  if ('functor' in value) return `${value.functor}(${value.args.map(showValue).join(', ')})`;
  return `[${value.map(showValue).join(', ')}]`;
}
