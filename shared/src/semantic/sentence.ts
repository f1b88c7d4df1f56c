/**
 * One goal of the catalogue as a sentence: the first of its `doc`, with the values and variables of the query in the place of the capitalised
 * names of its arguments, and values with their units. `Node was seen up (true) or down (false)` becomes `pve1 was seen down`.
 */
import type { CatalogueArgument, CatalogueEntry, Manifest } from '../catalogue.ts';
import { type Term, writeTerm } from '../term.ts';
import { type Kind, kindsOf } from './kinds.ts';

/** What stands for a variable: its name; nothing where it occurs once and has none of its own. */
export type NameOf = (variable: string) => string | null;

export interface Place {
  readonly manifest: Manifest;
  readonly nameOf: NameOf;
  /** Inside a negation: "any node" there, "some node" elsewhere. */
  readonly negated: boolean;
}

export function sentenceOf(entry: CatalogueEntry, args: readonly Term[], place: Place): string {
  const values = entry.args.map((argument, at) => valuedAt({ entry, argument, at, place }, args[at] as Term));
  const marked = values.reduce(withMark, { text: firstSentence(entry), left: [] });
  const { text, left } = marked;
  const whole = lowerFirst(left.length === 0 ? text : `${text} (${left.join(', ')})`);
  const worded = values.reduce((said, valued) => withoutRepeated(said, valued), whole).replaceAll(' ()', '');
  // All at once: a name may hold a mark.
  return worded.replace(MARKS, (mark) => values.find((valued) => valued.mark === mark)?.shown ?? mark);
}

interface Valued {
  /** Stands in the sentence for the value: a letter of a private area of Unicode, so that no name of an argument is found in a value. */
  readonly mark: string;
  readonly argument: CatalogueArgument;
  readonly value: Term;
  /** What takes the place of the mark; null for a variable that nobody asks for. */
  readonly shown: string | null;
  readonly noun: string;
  readonly negated: boolean;
}

const FIRST_MARK = 0xe000;
const MARKS = /[\ue000-\ue00f]/g;

interface Where {
  readonly entry: CatalogueEntry;
  readonly argument: CatalogueArgument;
  readonly at: number;
  readonly place: Place;
}

function valuedAt({ entry, argument, at, place }: Where, value: Term): Valued {
  const shown = value.kind === 'var' ? place.nameOf(value.name) : valueText(value, argument);
  const mark = String.fromCodePoint(FIRST_MARK + at);
  return { mark, argument, value, shown, noun: nounOf(entry, argument), negated: place.negated };
}

interface Marked {
  readonly text: string;
  /** What the sentence does not name. */
  readonly left: readonly string[];
}

function withMark({ text, left }: Marked, valued: Valued): Marked {
  const { argument, mark } = valued;
  if (argument.type === 'boolean' && EITHER.test(text)) return { text: withBoolean(text, valued), left };
  const marked = text.replace(new RegExp(`(?<![A-Za-z])${pascal(argument.name)}(?![A-Za-z])`, 'g'), mark);
  return marked === text
    ? { text, left: [...left, `${argument.name.replaceAll('_', ' ')}: ${mark}`] }
    : { text: marked, left };
}

function firstSentence({ doc, name }: CatalogueEntry): string {
  const first = /^[\s\S]*?(?=\.(?:\s|$))/.exec(doc)?.[0] ?? doc;
  return first.trim() === '' ? name.replaceAll('_', ' ') : first;
}

export function pascal(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The first letter small, unless it is of a word like VM. */
function lowerFirst(text: string): string {
  return /^[A-Z][a-z ]/.test(text) ? `${text[0]?.toLowerCase()}${text.slice(1)}` : text;
}

// ---- booleans ----

const EITHER = /(\S+) \(true\) or ((\S+)[^()]*) \(false\)/;

/** `up (true) or down (false)`: what is so, or both where it is asked. The first part begins with the same word as the second, or is one word. */
function withBoolean(text: string, { value, shown, mark }: Valued): string {
  const found = EITHER.exec(text);
  if (found === null) return text;
  const [whole, word = '', second = '', start = ''] = found;
  const before = text.slice(0, found.index);
  const shared = before.lastIndexOf(` ${start} `) + 1;
  const head = shared > 0 ? before.slice(0, shared) : before;
  const first = `${before.slice(head.length)}${word}`;
  const after = text.slice(found.index + whole.length);
  if (value.kind === 'atom') return `${head}${value.name === 'true' ? first : second}${after}`;
  if (shown === null) return `${head}${first} or ${second}${after}`;
  return `${head}${first} (${mark}: true) or ${second} (${mark}: false)${after}`;
}

// ---- names and values ----

/** "at At" says two things. */
const PREPOSITIONS = new Set(['at', 'by', 'on', 'to', 'from']);

/** What only says the same again goes: the word before a variable ("zone Zone"), and what stands beside "some node". */
function withoutRepeated(text: string, { mark, argument, value, shown, noun, negated }: Valued): string {
  if (shown !== null) {
    if (value.kind !== 'var' || PREPOSITIONS.has(shown.toLowerCase())) return text;
    return text.replace(new RegExp(`(?<![^ ])${shown} ${mark}`, 'gi'), mark);
  }
  const some = negated ? 'any' : 'some';
  return text
    .replaceAll(`(${mark})`, '()')
    .replace(new RegExp(` is ${mark}$`), ' is known')
    .replace(new RegExp(`${BEFORE}(${SAID_BEFORE}) ${mark}`, 'gi'), `${some} $1`)
    .replace(new RegExp(`${BEFORE}${mark}(?=${isNumber(argument) ? NUMBERED : ` ${noun}\\b`})`, 'gi'), some)
    .replace(new RegExp(`${BEFORE}${mark}`, 'gi'), `${some} ${noun}`);
}

const isNumber = ({ type }: CatalogueArgument): boolean => type === 'integer' || type === 'float';

/** A word begins here, perhaps after an article. */
const BEFORE = '(?<![^ ])(?:the )?';
/** What sentences call a value right before it: "rule 3", "zone lan". */
const SAID_BEFORE = 'alert|class|level|node|pattern|place|position|round|rule|service|severity|vlan|zone';
/** After a number: of what, or what is counted. */
const NUMBERED = ' (?!is )(?:of|(?:[a-z]+ )?[a-z]+s)\\b';

const NOUN: Readonly<Record<Kind, string>> = {
  node: 'node',
  vm: 'VM',
  cluster: 'cluster',
  ups: 'UPS',
  zone: 'zone',
  mount: 'mount',
  service: 'service',
};

/** Where the name of an argument is no noun. */
const CALLED: Readonly<Record<string, string>> = { what: 'resource', lost: 'thing', at: 'time' };

/** What one would call a value of an argument: `node`, `node or VM`, `severity`. */
export function nounOf(entry: CatalogueEntry, argument: CatalogueArgument): string {
  const kinds = kindsOf(entry, argument);
  if (kinds.length === 0 || kinds.length > 2 || argument.name === 'pattern')
    return CALLED[argument.name] ?? argument.name.replaceAll('_', ' ');
  return kinds.map((kind) => NOUN[kind]).join(' or ');
}

/** A constant as a person reads it. Values of an enumeration are words; names stay as they are. */
export function valueText(value: Term, { type, unit }: Pick<CatalogueArgument, 'type' | 'unit'>): string {
  // An integer may have 78 digits.
  if (value.kind === 'int' && !Number.isSafeInteger(Number(value.value))) return String(value.value);
  if (value.kind === 'int' || value.kind === 'float') return quantityText(Number(value.value), type, unit);
  if (value.kind === 'atom') return Array.isArray(type) ? value.name.replaceAll('_', ' ') : value.name;
  return writeTerm(value);
}

const MIB_IN_GIB = 1024;

/** A number with its unit, also in a larger one where that reads better: `4 GiB (4096 MiB)`. */
export function quantityText(
  value: number,
  type: CatalogueArgument['type'],
  unit: string | undefined,
): string {
  if (type === 'time') return timeText(value);
  switch (unit) {
    case 'mebibyte':
      return Math.abs(value) < MIB_IN_GIB
        ? `${value} MiB`
        : `${short(value / MIB_IN_GIB)} GiB (${value} MiB)`;
    case 'second':
      return secondsText(value);
    case 'minute':
      return value === 1 ? '1 minute' : `${value} minutes`;
    case 'celsius':
      return `${value} °C`;
    case 'celsius_per_minute':
      return `${value} °C a minute`;
    case 'percent':
      return `${value} %`;
    case 'load_per_core':
      return `${value} (${short(value * 100)} %)`;
    default:
      return unit === undefined ? String(value) : `${value} ${unit.replaceAll('_', ' ')}`;
  }
}

const short = (value: number): string => String(Number(value.toFixed(2)));

function secondsText(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 7200) return `${short(value / 3600)} hours (${value} s)`;
  return magnitude >= 120 ? `${short(value / 60)} minutes (${value} s)` : `${value} s`;
}

/** The last day that a date of ECMAScript can be. */
const LAST_TIME = 8.64e15;

function timeText(value: number): string {
  return Math.abs(value) > LAST_TIME ? `${value} ms` : `${new Date(value).toISOString()} (${value} ms)`;
}
