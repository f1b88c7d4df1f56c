/**
 * From a sentence to a query, read this first: tag, translate, cover, vet, echo; then run, ask back, or abstain. The model only translates. It sees
 * the sentence and the catalogue, never a fact nor an answer; what it writes is held to a grammar, must cover what was named, is vetted
 * by Prolog, and is shown in words before anything is asked.
 *
 * The shipped model has two voices, trained alike from different draws: they are wrong in different places, so what both say is run, and
 * where they differ the person is asked.
 */
import type { TranslatedQuery, Translation } from '../api/translate.ts';
import type { Manifest } from '../catalogue.ts';
import { ERRORS, LogicError } from '../errors.ts';
import { argumentsOf, indicator, type Term } from '../term.ts';
import type { Complete } from './completion.ts';
import { covers } from './cover.ts';
import { echo } from './echo.ts';
import { nearestExamples } from './examples.ts';
import { NO_QUERY, readForm } from './form.ts';
import { type GrammarOptions, grammarFor } from './grammar.ts';
import { instructPrompt } from './instruct.ts';
import type { ModelSettings } from './model.ts';
import { asTyped } from './operators.ts';
import { canonical } from './same.ts';
import type { Lexicon } from './spelling.ts';
import { type NameTable, type Reading, tag } from './tag.ts';

export interface TranslateParts {
  readonly complete: Complete;
  readonly names: NameTable;
  readonly lexicon: Lexicon;
  readonly manifest: Manifest;
  readonly settings: ModelSettings;
  /** Throws what the site would refuse. */
  readonly vet: (query: string) => Promise<void>;
}

/** A query has at most so many words of the model: what is longer is no question. */
const MOST_TOKENS = 96;

/** Why there is no query. */
type None = keyof typeof NO_QUERY | 'broken';

/** What a voice said, read. */
type Result =
  | { readonly kind: 'query'; readonly goal: Term; readonly query: string; readonly canonical: string }
  | { readonly kind: 'none'; readonly why: None };

/** What one voice said of one reading. */
interface Said {
  readonly confidence: number;
  readonly result: Result;
}

interface SaidQuery extends Said {
  readonly result: Extract<Result, { kind: 'query' }>;
}

const isQuery = (one: Said): one is SaidQuery => one.result.kind === 'query';

/** What all voices said of it, the surest first. */
interface Heard {
  readonly reading: Reading;
  readonly said: readonly Said[];
}

/** Throws what `complete` throws (`semantic_unavailable`); anything that a person types gets a translation or a no. */
export async function translate(
  text: string,
  parts: TranslateParts,
  signal: AbortSignal,
): Promise<Translation> {
  const heard: Heard[] = [];
  for (const reading of tag(text, parts.names, parts.lexicon)) {
    const one = await hear(reading, parts, signal);
    heard.push(one);
    if (agreed(one, parts) !== null) break;
  }
  return decide(text, bestOf(heard), parts, signal);
}

async function hear(reading: Reading, parts: TranslateParts, signal: AbortSignal): Promise<Heard> {
  // The first has no name here: an operator's server has but one.
  const models = [undefined, ...parts.settings.voices.map((voice) => voice.replace(/\.gguf$/, ''))];
  const said = await say(reading, { parts, signal, models });
  return { reading, said: said.toSorted((a, b) => b.confidence - a.confidence) };
}

interface Saying {
  readonly parts: TranslateParts;
  readonly signal: AbortSignal;
  readonly models: readonly (string | undefined)[];
  readonly options?: GrammarOptions;
}

/** What each model says. They are asked the same; what two say alike is read and vetted once. */
async function say(reading: Reading, { parts, signal, models, options }: Saying): Promise<Said[]> {
  const { settings, manifest, complete } = parts;
  const grammar = grammarFor(reading, manifest, options);
  const prompt =
    settings.style === 'words' ? `${reading.words.join(' ')} =>` : instructPrompt(reading, manifest);
  const results = new Map<string, Result>();
  const said: Said[] = [];
  for (const model of models) {
    const { text, confidence } = await complete({ prompt, grammar, maxTokens: MOST_TOKENS, model }, signal);
    const result = results.get(text) ?? (await readSaid(text.trim(), reading, parts));
    results.set(text, result);
    said.push({ confidence, result });
  }
  return said;
}

/** What does not cover the sentence, or is refused, is no query. */
async function readSaid(said: string, reading: Reading, parts: TranslateParts): Promise<Result> {
  const none = (Object.keys(NO_QUERY) as (keyof typeof NO_QUERY)[]).find((key) => NO_QUERY[key] === said);
  if (none !== undefined) return { kind: 'none', why: none };
  if (!covers(said, reading)) return { kind: 'none', why: 'broken' };
  try {
    const goal = readForm(said, reading, parts.manifest);
    const query = asTyped(goal);
    const same = canonical(query, parts.manifest);
    await parts.vet(query);
    return { kind: 'query', goal, query, canonical: same };
  } catch (cause) {
    // What cannot be read or asked is the model's mistake. Anything else is not for this to hide.
    if (cause instanceof LogicError && !ERRORS[cause.code].retryable) return { kind: 'none', why: 'broken' };
    throw cause;
  }
}

/** The query to run: every voice says it, and together they are sure enough. */
function agreed({ said }: Heard, { settings }: TranslateParts): SaidQuery | null {
  const [first] = said;
  if (first === undefined || !isQuery(first)) return null;
  const { canonical: same } = first.result;
  const areAlike = said.every((one) => isQuery(one) && one.result.canonical === same);
  return areAlike && mean(said) >= settings.thresholds.run ? first : null;
}

const mean = (said: readonly Said[]): number =>
  said.reduce((sum, { confidence }) => sum + confidence, 0) / said.length;

/** Queries before none, then the surest; the first reading, which takes most words for names, unless another is surer by far. */
function bestOf(heard: readonly Heard[]): Heard {
  const rank = ({ said }: Heard, at: number) =>
    mean(said) + said.filter(isQuery).length / said.length - at * READING_COSTS;
  const [best] = heard.map((one, at) => ({ one, rank: rank(one, at) })).sort((a, b) => b.rank - a.rank);
  return best?.one as Heard;
}
/** A name of the site that is read as an ordinary word must make the model this much surer. */
const READING_COSTS = 0.25;

async function decide(
  text: string,
  heard: Heard,
  parts: TranslateParts,
  signal: AbortSignal,
): Promise<Translation> {
  const { reading, said } = heard;
  const common = { text, readAs: reading.readAs };
  const isOrder = said.every(isNone('order'));
  if (!isOrder && (reading.unknown.some(looksLikeName) || said.every(isNone('unknown'))))
    return unknownName(text, reading, parts);
  // What nobody knows may be what was asked about.
  const run = reading.unknown.length > 0 ? null : agreed(heard, parts);
  if (run !== null) return { kind: 'query', ...common, ...translated(run.result, mean(said), parts) };
  const no = {
    ...common,
    examples: nearestExamples(reading.words, { manifest: parts.manifest, names: parts.names.names }),
  };
  if (isNo(heard, parts))
    return said.some(isNone('order')) ? { kind: 'order', ...no } : { kind: 'abstain', ...no };
  const options = await offers(heard, parts, signal);
  return options.length === 0 ? { kind: 'abstain', ...no } : { kind: 'did_you_mean', ...common, options };
}

const isNone =
  (why: None) =>
  ({ result }: Said): boolean =>
    result.kind === 'none' && result.why === why;

/** A name has a digit or a separator in it where no word has. */
const looksLikeName = (written: string): boolean => /\d|[-_./]/.test(written);

/** Whether the voices that hear no question outweigh those that do. */
function isNo({ said }: Heard, { settings }: TranslateParts): boolean {
  const weight = (which: (one: Said) => boolean) =>
    said.filter(which).reduce((sum, { confidence }) => sum + confidence, 0);
  const no = weight(({ result }) => result.kind === 'none' && result.why !== 'broken');
  return no > 0 && no >= settings.thresholds.refuse * weight(isQuery);
}

function unknownName(text: string, reading: Reading, { names, lexicon }: TranslateParts): Translation {
  const written =
    reading.unknown.length > 0 ? reading.unknown : reading.words.filter((word) => lexicon.isStandIn(word));
  const unknown = written.map((one) => ({ written: one, near: names.alike(one) }));
  return { kind: 'unknown_name', text, readAs: reading.readAs, names: unknown };
}

/** What may have been meant: what the voices said, or what the surest says when it may not use the predicate that it used. */
async function offers(
  { reading, said }: Heard,
  parts: TranslateParts,
  signal: AbortSignal,
): Promise<TranslatedQuery[]> {
  const queries = new Map<string, SaidQuery>();
  const add = (one: Said) => {
    if (!isQuery(one) || one.confidence < parts.settings.thresholds.offer) return;
    if (!queries.has(one.result.canonical)) queries.set(one.result.canonical, one);
  };
  said.forEach(add);
  const [only] = queries.values();
  if (queries.size === 1 && only !== undefined) {
    const without = firstPredicate(only.result.goal, parts.manifest);
    const options = { queryOnly: true, ...(without === null ? {} : { without }) };
    const others = await say(reading, { parts, signal, models: [undefined], options });
    others.forEach(add);
  }
  return [...queries.values()]
    .slice(0, OPTIONS)
    .map(({ result, confidence }) => translated(result, confidence, parts));
}
/** "Did you mean A or B?" */
const OPTIONS = 2;

/** `name/arity` of the predicate of the catalogue that comes first in a query. */
function firstPredicate(term: Term, manifest: Manifest): string | null {
  const key = indicator(term) ?? '';
  if (manifest.entries.has(key)) return key;
  for (const arg of argumentsOf(term)) {
    const found = firstPredicate(arg, manifest);
    if (found !== null) return found;
  }
  return null;
}

function translated(
  { goal, query }: SaidQuery['result'],
  confidence: number,
  { manifest }: TranslateParts,
): TranslatedQuery {
  return { query, echo: echo(goal, manifest), confidence };
}
