/**
 * The one page that a coordinator and a site serve, made on the server: a box for plain words and one for a query, answers by site with their
 * standing and proofs, the coverage, which names every site with its outcome and why, and on a site's own page its alerts. It
 * needs no script; a question is an ordinary link (`/?q=...`, `/?say=...`), so it can be kept and passed on.
 */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { AlertsResult } from '../api/alerts.ts';
import type { Answer, AskResult, Coverage, FleetResult, JsonValue, SiteOutcome } from '../api/ask.ts';
import { fleetCorrectionInput, SENTENCE_CHARACTERS, translateInput } from '../api/translate.ts';
import { asLogicError, ERRORS, LogicError } from '../errors.ts';
import { PAGE_ANSWERS } from '../limits.ts';
import { timeText } from '../render.ts';
import { writeAtom } from '../term.ts';
import { Html, html } from './html.ts';
import { renderApart, renderOverFleet, renderProofs } from './over-fleet.ts';
import { PAGE_STYLE } from './style.ts';
import { hidden, renderSaid, renderSentenceBox, type Said } from './words.ts';

/** Questions that the page offers, as a query and in words; a test asks each of the catalogue, and one has each translated. */
export const EXAMPLES = [
  ['node_status(Node, Status)', 'Which nodes are up, down or unknown?'],
  ['at_risk_of_throttling(Node)', 'Which nodes are close to slowing down from heat?'],
  ['node_load(Node, Load), Load > 0.5', 'Which nodes are more than 50 % busy?'],
  ['node(Node), \\+ at_risk_of_throttling(Node)', 'Which nodes are not at risk of throttling?'],
  ['aggregate_all(count, vm(V), Count)', 'How many virtual machines are there?'],
] as const;

/** Whose page it is. */
export interface PageFace {
  readonly title: string;
  /** Above the box. */
  readonly label: string;
  /** The command that prints what the page leaves out. */
  readonly command: string;
}

/** What the page's address says. */
export interface PageAsked {
  readonly face: PageFace;
  readonly query: string;
  /** In plain words. */
  readonly say: string;
  /** What was proposed for these words, where `query` came of that; empty where nothing was. */
  readonly proposed: string;
  /** Whose translator it was. */
  readonly site: string;
}

/** What the page asks of whoever serves it. */
export interface PageCalls {
  translate(text: string): Promise<NonNullable<Said['translation']>>;
  ask(query: string): Promise<AskResult | FleetResult>;
  /** What a query says in plain English; null where it cannot be read. */
  echo(query: string): string | null;
  /** What is shown where nothing is asked. */
  alerts?(): Promise<AlertsResult>;
  /** Told of what is nobody's mistake but ours. */
  fault(cause: unknown): void;
}

/** What was asked, and what came of it. */
interface PageState {
  readonly face: PageFace;
  /** Of the site whose page it is. */
  readonly alerts: AlertsResult | null;
  readonly query: string;
  readonly said: Said | null;
  readonly site: string;
  readonly result: AskResult | FleetResult | null;
  readonly error: LogicError | null;
}

const styleHash = createHash('sha256').update(PAGE_STYLE).digest('base64');

/** Headers of the page: nothing is loaded, run, framed or sent elsewhere. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  // Nothing is told to others; and a form that is posted says where it comes from, which no-referrer would keep from us too.
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

export interface PageReply {
  readonly status: number;
  readonly body: string;
}

/** What an address such as `/?say=...` asks. */
export function askedBy(parameters: URLSearchParams, face: PageFace): PageAsked {
  const of = (name: string) => parameters.get(name)?.trim() ?? '';
  return { face, query: of('q'), say: of('say'), proposed: of('proposed'), site: of('site') };
}

/** The page with what the calls give, or with why they gave nothing. */
export async function pageOf(asked: PageAsked, calls: PageCalls): Promise<PageReply> {
  const { face, site } = asked;
  const told = async <T>(call: () => Promise<T>): Promise<[T | null, LogicError | null]> => {
    try {
      return [await call(), null];
    } catch (cause) {
      const error = asLogicError(cause);
      if (error.code === 'internal') calls.fault(cause);
      return [null, error];
    }
  };
  const said = await saidBy(asked, {
    translate: (text) => told(() => calls.translate(text)),
    echo: calls.echo,
  });
  const query = asked.query || (said?.translation?.kind === 'query' ? said.translation.query : '');
  const [result, error] = query === '' ? [null, null] : await told(() => calls.ask(query));
  const quiet = query === '' && said === null;
  const [alerts, noAlerts] = quiet && calls.alerts ? await told(calls.alerts) : [null, null];
  const wrong = error ?? said?.error ?? noAlerts;
  const state = {
    face,
    query,
    said,
    site: said?.translation?.site ?? site,
    result,
    error: error ?? noAlerts,
    alerts,
  };
  return { status: wrong === null ? 200 : ERRORS[wrong.code].http, body: renderPage(state) };
}

interface Saying {
  translate(text: string): Promise<[Said['translation'], LogicError | null]>;
  echo(query: string): string | null;
}

async function saidBy(
  { say, query, proposed }: PageAsked,
  { translate, echo }: Saying,
): Promise<Said | null> {
  if (say === '') return null;
  if (query !== '') {
    const before = proposed === '' ? null : proposed;
    return { text: say, proposed: before, translation: null, error: null, echo: echo(query) };
  }
  const read = translateInput.safeParse({ text: say });
  const [translation, error] = read.success
    ? await translate(read.data.text)
    : [null, new LogicError('bad_request', `A sentence has at most ${SENTENCE_CHARACTERS} characters.`)];
  const own = translation?.kind === 'query' ? translation.query : null;
  return { text: say, proposed: own, translation, error, echo: null };
}

/** What a form posted to `/correct`, and where it leads on to. Throws `bad_request`. */
export function postedCorrection(body: URLSearchParams): {
  readonly correction: FleetCorrection | null;
  readonly location: string;
} {
  const of = (name: string) => body.get(name) ?? '';
  const read = fleetCorrectionInput.safeParse({
    text: of('text'),
    proposed: of('proposed') === '' ? null : of('proposed'),
    query: of('query').trim(),
    choice: of('choice') === 'yes',
    site: of('site') === '' ? null : of('site'),
  });
  if (!read.success) throw new LogicError('bad_request', 'This is no form of the page.');
  const { text, proposed, query, choice, site } = read.data;
  const to = new URLSearchParams({
    say: text,
    q: query,
    proposed: choice ? query : (proposed ?? ''),
    site: site ?? '',
  });
  const changed = choice || (of('keep') === 'yes' && query !== proposed);
  return { correction: changed ? read.data : null, location: `/?${to}` };
}

type FleetCorrection = z.output<typeof fleetCorrectionInput>;

function renderPage({ face, query, said, site, result, error, alerts }: PageState): string {
  const title = said?.text ?? query;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title ? `${title} · ` : ''}${face.title}</title>
<style>${new Html(PAGE_STYLE)}</style>
</head>
<body>
<header>
<h1><a href="/">${face.title}</a></h1>
${renderSentenceBox(face.label, said)}
${said && renderSaid(said)}
${renderQueryBox({ query, said, site })}
</header>
<main>
${error && renderError(error)}
${result && renderResult(result, face)}
${result || alerts === null ? null : renderAlerts(alerts)}
${result || said ? null : renderExamples()}
</main>
</body>
</html>
`.text;
}

/** After a sentence, what is changed here is a correction, and is kept unless the person says otherwise. */
function renderQueryBox({ query, said, site }: Pick<PageState, 'query' | 'said' | 'site'>): Html {
  const box = (name: string, label: string) => html`<label for="q">${label}</label>
<input id="q" name="${name}" value="${query}" placeholder="node_status(Node, Status)" required autocapitalize="none" autocomplete="off" spellcheck="false">
<button type="submit">Ask</button>`;
  if (said === null || said.error !== null)
    return html`<form method="get" action="/" role="search">${box('q', 'Or as a query')}</form>`;
  const keep = query === '' ? 'Keep what I write here' : 'If I change it, keep the change';
  return html`<form method="post" action="/correct" role="search">
${hidden({ text: said.text, proposed: said.proposed ?? '', site })}${box('query', query === '' ? 'Or as a query' : 'The query: change it and ask again')}
<p class="keep"><input type="checkbox" id="keep" name="keep" value="yes" checked>
<label for="keep">${keep} as what I meant, in the log of ${site || 'this machine'}, and nowhere else.</label></p>
</form>`;
}

function renderExamples(): Html {
  const items = EXAMPLES.map(
    ([query, says]) =>
      html`<li><a href="/?say=${encodeURIComponent(says)}">${says}</a><br><a href="/?q=${encodeURIComponent(query)}"><code>${query}</code></a></li>\n`,
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
