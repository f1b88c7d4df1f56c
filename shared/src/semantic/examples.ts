/**
 * What could be asked: the catalogue's own example questions (`say`) that are nearest to a sentence. A person who was not understood is shown three of
 * them with names of the site in them; an operator's own model sees them with their queries. Nearness is shared words and pairs of words, rare
 * ones counting more: no model, no randomness, and a predicate that joins the catalogue is found at once.
 */
import type { CatalogueArgument, CatalogueEntry, Manifest } from '../catalogue.ts';
import { constantsOf, type Kind, kindsOf, LETTER } from './kinds.ts';
import { nounOf } from './sentence.ts';
import type { SiteNames } from './tag.ts';
import { pieces, wordsOf } from './words.ts';

export interface ExamplesOf {
  readonly manifest: Manifest;
  readonly names: SiteNames;
}

/** The example questions nearest to the words of a sentence (`Reading.words`), at most one of each predicate. */
export function nearestExamples(
  words: readonly string[],
  { manifest, names }: ExamplesOf,
  count = 3,
): string[] {
  const near = ranked(words, manifest).flatMap(({ entry, best }) =>
    best === null ? [] : [{ entry, text: best }],
  );
  const shown = new Set(near.slice(0, count).map(({ entry }) => entry));
  const others =
    near.length >= count ? [] : generalExamples(words, manifest).filter(({ entry }) => !shown.has(entry));
  return [...near, ...others]
    .slice(0, count)
    .map(({ entry, text }) => withNames(text, entry, { manifest, names }));
}

export interface FewShot {
  /** As the model is given a sentence: `how hot is @n1`. */
  readonly sentence: string;
  /** As the model is to write it: `node_temp( @n1 , A )`. */
  readonly query: string;
}

/** Example questions with their queries, of the predicates nearest to the words of a sentence. */
export function fewShots(words: readonly string[], manifest: Manifest, count: number): FewShot[] {
  const near = ranked(words, manifest).filter(({ entry }) => entry.say.length > 0);
  return near.slice(0, count).map(({ entry, best }) => shotOf(best ?? entry.say[0] ?? '', entry, manifest));
}

/** The predicates nearest to the words of a sentence, the nearest first. */
export function nearestEntries(
  words: readonly string[],
  manifest: Manifest,
  count: number,
): CatalogueEntry[] {
  return ranked(words, manifest)
    .slice(0, count)
    .map(({ entry }) => entry);
}

// ---- nearness ----

type Features = ReadonlyMap<string, number>;

interface Indexed {
  readonly entry: CatalogueEntry;
  readonly phrasings: readonly { readonly text: string; readonly features: Features }[];
  /** All that is said of the predicate: its name, its doc, its constants, and every phrasing. */
  readonly all: Features;
}

interface Index {
  readonly entries: readonly Indexed[];
  /** How much a word or pair says: what stands in few predicates says much. */
  readonly weight: (feature: string) => number;
}

const indexes = new WeakMap<Manifest, Index>();

function indexOf(manifest: Manifest): Index {
  const known = indexes.get(manifest);
  if (known !== undefined) return known;
  const entries = [...manifest.entries.values()].map((entry) => indexed(entry, manifest));
  const seen = new Map<string, number>();
  for (const { all } of entries)
    for (const feature of all.keys()) seen.set(feature, (seen.get(feature) ?? 0) + 1);
  const weight = (feature: string): number =>
    Math.log((entries.length + 1) / ((seen.get(feature) ?? entries.length) + 0.5));
  const index = { entries, weight };
  indexes.set(manifest, index);
  return index;
}

function indexed(entry: CatalogueEntry, manifest: Manifest): Indexed {
  const phrasings = entry.say.map((text) => ({ text, features: featuresOf(tokensOf(text, entry)) }));
  const constants = entry.args.flatMap((argument) => constantsOf(entry, argument, manifest));
  const beside = [entry.name, entry.doc, ...constants].flatMap((text) => plainWords(text));
  const all = new Map(featuresOf(beside));
  for (const { features } of phrasings) for (const feature of features.keys()) all.set(feature, 1);
  return { entry, phrasings, all };
}

const plainWords = (text: string): string[] =>
  pieces(text.replaceAll('_', ' ')).flatMap(({ text: piece }) => wordsOf(piece));

/** The words of a phrasing, `@n` for a node in it. */
function tokensOf(phrasing: string, entry: CatalogueEntry): string[] {
  return partsOf(phrasing).flatMap((part) => {
    if (typeof part === 'string') return plainWords(part);
    const argument = entry.args.find(({ name }) => name === part.name);
    return argument === undefined ? [] : markOf(entry, argument);
  });
}

function markOf(entry: CatalogueEntry, argument: CatalogueArgument): string[] {
  if (isNumber(argument)) return ['@q'];
  return kindsOf(entry, argument).map((kind) => `@${LETTER[kind]}`);
}

const isNumber = ({ type }: CatalogueArgument): boolean =>
  type === 'integer' || type === 'float' || type === 'time';

/** Words that say the same of a site, as the catalogue says it. */
const SAME: ReadonlyMap<string, string> = new Map(
  Object.entries({
    node: 'machine box boxe host server hypervisor computer',
    vm: 'guest instance workload container',
    memory: 'ram mem',
    core: 'cpu processor vcpu',
    temperature: 'temp heat heating hot hotter hottest warm warmer',
    fail: 'failed failing failure die died dead dying crash crashed lose lost',
    down: 'offline',
    alert: 'alarm problem issue trouble wrong',
    move: 'moved moving migrate migrated migration relocate',
    need: 'needed depend depends dependency dependencies require requires rely relies',
    zone: 'segment subnet network',
    allow: 'allowed permit permitted open let pass',
    deny: 'denied block blocked forbid forbidden',
    disk: 'storage drive space',
    boot: 'start starts started startup booting',
    stop: 'shutdown shut stopped stopping halt',
    free: 'left spare available remaining',
    state: 'status condition',
  }).flatMap(([word, others]) => others.split(' ').map((other) => [other, word] as const)),
);

/** Singular and plural are one; so are `@n1` and `@n2`; the dimension of a number and an unknown word are nothing. */
function featuresOf(words: readonly string[]): Features {
  const stems = words.filter((word) => !/^[#~]/.test(word)).map((word) => word.replace(/^(@[a-z])\d$/, '$1'));
  const single = stems.map((word) => (word.length > 3 ? word.replace(/(?<=[^s])s$/, '') : word));
  const plain = single.map((word) => SAME.get(word) ?? word);
  const features = new Map<string, number>();
  for (const [at, word] of plain.entries()) {
    features.set(word, 1);
    const next = plain[at + 1];
    if (next !== undefined) features.set(`${word} ${next}`, PAIR);
  }
  return features;
}

/** A pair says less than its two words, which count beside it. */
const PAIR = 0.5;
/** What is said of a predicate elsewhere than in the phrasing. */
const ELSEWHERE = 0.6;

interface Ranked {
  readonly entry: CatalogueEntry;
  /** The nearest of its phrasings; null where none shares a word with the sentence that tells something. */
  readonly best: string | null;
  readonly score: number;
}

function ranked(words: readonly string[], manifest: Manifest): Ranked[] {
  const { entries, weight } = indexOf(manifest);
  const sentence = featuresOf(words);
  const named = [...sentence.keys()].filter((feature) => /^@[a-z]$/.test(feature));
  const all = entries.map(({ entry, phrasings, all: said }): Ranked => {
    const scored = phrasings.flatMap(({ text, features }) =>
      tells(sentence, features, weight) ? [{ text, score: nearness(sentence, features, weight) }] : [],
    );
    const best = scored.reduce<{ text: string; score: number } | null>(
      (most, one) => (one.score > (most?.score ?? 0) ? one : most),
      null,
    );
    const elsewhere = shared(sentence, said, weight) / (weightOf(sentence, weight) || 1);
    const score = ((best?.score ?? 0) + ELSEWHERE * elsewhere) * (1 + TAKES * takenOf(named, entry));
    return { entry, best: best?.text ?? null, score };
  });
  return all
    .map((one, at) => ({ one, at }))
    .sort((a, b) => b.one.score - a.one.score || a.at - b.at)
    .map(({ one }) => one);
}

/** How much more a predicate counts that takes all that is named. */
const TAKES = 1;

/** Of the kinds of things that a sentence names, the share that has a place in the predicate: what is named must occur in the query. */
function takenOf(named: readonly string[], entry: CatalogueEntry): number {
  const places = new Set(entry.args.flatMap((argument) => markOf(entry, argument)));
  return named.length === 0 ? 1 : named.filter((mark) => places.has(mark)).length / named.length;
}

type Weight = Index['weight'];

function shared(sentence: Features, other: Features, weight: Weight): number {
  let sum = 0;
  for (const [feature, part] of sentence) if (other.has(feature)) sum += part * weight(feature);
  return sum;
}

/** Less than what a word weighs that stands at every fifth predicate. */
const TELLS = 1.6;

/** Rare in the catalogue and said of anything. */
const ASKING = new Set(
  'who what where when why how can could will would should did does do may much many me my i you we it to get up now yet still ever then'.split(
    ' ',
  ),
);

/** Whether they share a word that tells something: "a" and "which" do not. */
function tells(sentence: Features, phrasing: Features, weight: Weight): boolean {
  return [...sentence.keys()].some(
    (word) => /^[^@ ]+$/.test(word) && !ASKING.has(word) && phrasing.has(word) && weight(word) >= TELLS,
  );
}

function weightOf(features: Features, weight: Weight): number {
  let sum = 0;
  for (const [feature, part] of features) sum += part * weight(feature);
  return sum;
}

/** Of what both say, the part that they share. */
function nearness(sentence: Features, phrasing: Features, weight: Weight): number {
  const both = Math.sqrt(weightOf(sentence, weight) * weightOf(phrasing, weight));
  return both === 0 ? 0 : shared(sentence, phrasing, weight) / both;
}

// ---- what is shown ----

/** What anyone may want to know of any site. */
const GENERAL = ['active_alert/3', 'node_status/2', 'vm_host/2', 'node_temp/2'];

/** Those of kinds that the sentence names before others. */
function generalExamples(
  words: readonly string[],
  { entries }: Manifest,
): { entry: CatalogueEntry; text: string }[] {
  const named = [...featuresOf(words).keys()].filter((feature) => /^@[a-z]$/.test(feature));
  const first = GENERAL.flatMap((key) => entries.get(key) ?? []);
  const all = [...new Set([...first, ...entries.values()])].flatMap((entry) => {
    const about = entry.say.find((text) => tokensOf(text, entry).some((token) => named.includes(token)));
    const text = about ?? entry.say[0];
    return text === undefined ? [] : [{ entry, text, isAbout: about !== undefined }];
  });
  const general = all.slice(0, first.length);
  return [
    ...general.filter(({ isAbout }) => isAbout),
    ...general.filter(({ isAbout }) => !isAbout),
    ...all.slice(first.length),
  ];
}

type Part = string | { readonly name: string };

function partsOf(phrasing: string): Part[] {
  return phrasing
    .split(/(\{[^{}]*\})/)
    .map((part) => (part.startsWith('{') ? { name: part.slice(1, -1) } : part));
}

/** What a number in an example is, by its unit. */
const NUMBERS: Readonly<Record<string, string>> = {
  mebibyte: '4 GiB',
  second: '60 seconds',
  minute: '10 minutes',
  celsius: '70 degrees',
  celsius_per_minute: '1 degree',
  percent: '50 percent',
  load_per_core: '80 percent',
};

/** A phrasing as a person would ask it at this site: with names that it has, each once. */
function withNames(phrasing: string, entry: CatalogueEntry, of: ExamplesOf): string {
  const used = new Map<Kind, number>();
  return partsOf(phrasing).reduce<string>((text, part) => {
    if (typeof part === 'string') return text + part;
    const argument = entry.args.find(({ name }) => name === part.name);
    if (argument === undefined) return `${text}${part.name}`;
    const value = exampleOf(entry, argument, { of, used });
    if (value !== null) return text + value;
    const noun = nounOf(entry, argument).split(' or ')[0] ?? argument.name;
    const before = text.endsWith(`${noun} `) ? text.slice(0, -noun.length - 1) : text;
    return `${before}${/^[aeio]/.test(noun) ? 'an' : 'a'} ${noun}`;
  }, '');
}

interface Example {
  readonly of: ExamplesOf;
  /** Names of each kind that stand in the text already. */
  readonly used: Map<Kind, number>;
}

function exampleOf(entry: CatalogueEntry, argument: CatalogueArgument, { of, used }: Example): string | null {
  if (isNumber(argument)) return NUMBERS[argument.unit ?? ''] ?? '2';
  const kinds = kindsOf(entry, argument);
  if (kinds.length === 0)
    return (constantOf(entry, argument, of.manifest) ?? argument.name).replaceAll('_', ' ');
  for (const kind of kinds) {
    const at = used.get(kind) ?? 0;
    const name = of.names[kind][at];
    if (name === undefined) continue;
    used.set(kind, at + 1);
    return name;
  }
  return null;
}

/** Not the first value of an enumeration: "down" tells more than "up". */
function constantOf(
  entry: CatalogueEntry,
  argument: CatalogueArgument,
  manifest: Manifest,
): string | undefined {
  const constants = constantsOf(entry, argument, manifest);
  return Array.isArray(argument.type) ? (constants[1] ?? constants[0]) : constants[0];
}

// ---- with its query ----

const DIMENSIONS: Readonly<Record<string, string>> = {
  mebibyte: 'size',
  second: 'time',
  minute: 'time',
  celsius: 'temp',
  celsius_per_minute: 'temp',
  percent: 'percent',
  load_per_core: 'percent',
};

function shotOf(phrasing: string, entry: CatalogueEntry, manifest: Manifest): FewShot {
  const given = new Map<string, string>();
  const counts = new Map<string, number>();
  const sentence = partsOf(phrasing).flatMap((part) => {
    if (typeof part === 'string') return plainWords(part);
    const argument = entry.args.find(({ name }) => name === part.name);
    if (argument === undefined) return [];
    const known = given.has(argument.name);
    const value = given.get(argument.name) ?? placeholderOf(entry, argument, { manifest, counts });
    if (!known) given.set(argument.name, value);
    if (!isNumber(argument)) return value.startsWith('@') ? [value] : plainWords(value);
    return [value, `#${DIMENSIONS[argument.unit ?? ''] ?? 'number'}`];
  });
  let asked = 0;
  const args = entry.args.map(({ name }) => given.get(name) ?? String.fromCharCode(65 + asked++));
  return { sentence: sentence.join(' '), query: `${entry.name}( ${args.join(' , ')} )` };
}

interface Placing {
  readonly manifest: Manifest;
  readonly counts: Map<string, number>;
}

function placeholderOf(
  entry: CatalogueEntry,
  argument: CatalogueArgument,
  { manifest, counts }: Placing,
): string {
  const [mark] = markOf(entry, argument);
  if (mark === undefined) return constantOf(entry, argument, manifest) ?? argument.name;
  const count = (counts.get(mark) ?? 0) + 1;
  counts.set(mark, count);
  return `${mark}${count}`;
}
