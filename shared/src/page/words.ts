/**
 * The part of the page where a sentence is asked: its box, what was read in it, the query in plain English, and what was said instead of one.
 * Like the rest of the page it needs no script: a sentence is a link (`/?say=...`), an option or an edited query is posted to `/correct`, which
 * keeps it and leads on to the question.
 */
import { SENTENCE_CHARACTERS, type Translation } from '../api/translate.ts';
import { ERRORS, type LogicError } from '../errors.ts';
import { type Html, html } from './html.ts';

/** What the page was told of a sentence. */
export interface Said {
  readonly text: string;
  /** Null where the sentence was not translated now: its query was chosen or corrected, and stands in the other box. */
  readonly translation: (Translation & { readonly site?: string | null }) | null;
  /** Why there is no translation. */
  readonly error: LogicError | null;
  /** What was proposed for it before, where the query in the other box came of that. */
  readonly proposed: string | null;
  /** What that query says, where the sentence was not translated now. */
  readonly echo: string | null;
}

const TRY = ['which machines are about to throttle?', 'is everything up?', 'how hot is each node?'] as const;

/** The box. */
export function renderSentenceBox(label: string, said: Said | null): Html {
  return html`<form method="get" action="/" role="search" class="words">
<label for="say">${label}, in plain words</label>
<input id="say" name="say" value="${said?.text ?? ''}" placeholder="${TRY[0]}" required maxlength="${SENTENCE_CHARACTERS}" autocomplete="off" enterkeyhint="search">
<button type="submit">Ask</button>
</form>`;
}

/** What came of the sentence. */
export function renderSaid({ text, translation, error, echo }: Said): Html | null {
  if (error !== null) return renderUnavailable(error);
  if (translation === null)
    return echo === null ? null : html`<section class="said"><p><strong>${echo}</strong></p></section>`;
  const read = renderReading(translation);
  switch (translation.kind) {
    case 'query':
      return html`<section class="said" role="status" aria-label="What was understood">${read}
<p><strong>${translation.echo}</strong></p></section>`;
    case 'did_you_mean':
      return html`<section class="said" role="status" aria-labelledby="meant"><h2 id="meant">Did you mean…</h2>${read}
<div class="options">${translation.options.map((option) => renderOption(text, option, { ...translation, first: translation.options[0]?.query ?? option.query }))}</div>
<p>Neither? Say it in other words, or write the query below.</p></section>`;
    case 'abstain':
      return html`<section class="said" role="status" aria-labelledby="no-query"><h2 id="no-query">There is no query for that</h2>${read}
<p>Nothing was asked. Say it in other words, write a query in the box below, or try one of these:</p>${renderExamples(translation.examples)}</section>`;
    case 'unknown_name':
      return html`<section class="said" role="status" aria-labelledby="unknown"><h2 id="unknown">I do not know that name</h2>${read}
${translation.names.map((name) => renderUnknown(text, name))}</section>`;
    case 'order':
      return html`<section class="said" role="status" aria-labelledby="order"><h2 id="order">That is an order</h2>
<p>A logic node only answers questions: it changes nothing. Nothing was done. You could ask:</p>${renderExamples(translation.examples)}</section>`;
  }
}

function renderReading({ readAs, site }: NonNullable<Said['translation']>): Html | null {
  const read = readAs.map(
    ({ written, read }, i) => html`${i === 0 ? '' : ', '}<q>${written}</q> as <em>${read}</em>`,
  );
  if (read.length === 0 && !site) return null;
  const by = site ? html`Translated by ${site}, with the names it knows. ` : null;
  return html`<p class="reading">${by}${read.length === 0 ? null : html`I read ${read}.`}</p>`;
}

interface Proposal {
  readonly query: string;
  readonly echo: string;
}

/** A button that asks it: the choice is kept as what was meant. */
function renderOption(
  text: string,
  { query, echo }: Proposal,
  { first, site }: { readonly first: string; readonly site?: string | null },
): Html {
  return html`<form method="post" action="/correct">
${hidden({ text, proposed: first, query, choice: 'yes', ...(site ? { site } : {}) })}
<button type="submit"><span>${echo}</span><code>${query}</code></button>
</form>\n`;
}

export function hidden(fields: Readonly<Record<string, string>>): Html {
  const inputs = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`${inputs}`;
}

function renderExamples(examples: readonly string[]): Html {
  return html`<form method="get" action="/" class="options">${examples.map(
    (example) => html`<button type="submit" name="say" value="${example}">${example}</button>\n`,
  )}</form>`;
}

function renderUnknown(
  text: string,
  { written, near }: { readonly written: string; readonly near: readonly string[] },
): Html {
  if (near.length === 0)
    return html`<p>There is no <q>${written}</q> here, and nothing with a name like it.</p>`;
  const at = text.toLowerCase().indexOf(written.toLowerCase());
  const instead = (name: string) =>
    at < 0 ? `${text} (${name})` : text.slice(0, at) + name + text.slice(at + written.length);
  return html`<p>There is no <q>${written}</q> here. Did you mean:</p>
<form method="get" action="/" class="options">${near.map(
    (name) => html`<button type="submit" name="say" value="${instead(name)}">${name}</button>\n`,
  )}</form>`;
}

function renderUnavailable({ code, message }: LogicError): Html {
  const { advice } = ERRORS[code];
  return html`<section class="said error" role="alert"><h2>Not translated: <code>${code}</code></h2><p>${message}</p><p>${advice}</p></section>`;
}
