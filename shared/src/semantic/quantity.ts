/**
 * Numbers with their units: "4 GB", "80c", "half an hour", "twenty percent". A number becomes a placeholder for the model, and turns
 * into the unit of the argument that it stands for only when the query is written, by the catalogue.
 */
import type { CatalogueArgument } from '../catalogue.ts';

export type Dimension = 'number' | 'size' | 'time' | 'temp' | 'percent';

/** Sizes in MiB, times in seconds, temperatures in degrees Celsius, shares in percent. */
export interface Quantity {
  readonly dimension: Dimension;
  readonly value: number;
}

interface Unit {
  readonly dimension: Dimension;
  readonly convert: (value: number) => number;
}

const times =
  (factor: number) =>
  (value: number): number =>
    value * factor;
const unit = (dimension: Dimension, convert: Unit['convert'] = times(1)): Unit => ({ dimension, convert });
const CELSIUS = unit('temp');
const FAHRENHEIT = unit('temp', (value) => ((value - 32) * 5) / 9);

const UNITS: ReadonlyMap<string, Unit> = new Map(
  (
    [
      [unit('size', times(1 / 1024)), 'k kb kib kilobyte kilobytes'],
      [unit('size'), 'mb mib meg megs megabyte megabytes mebibyte mebibytes'],
      [unit('size', times(1024)), 'g gb gib gig gigs gigabyte gigabytes gibibyte gibibytes'],
      [unit('size', times(1024 * 1024)), 'tb tib terabyte terabytes'],
      [unit('time'), 's sec secs second seconds'],
      [unit('time', times(60)), 'm min mins minute minutes'],
      [unit('time', times(3600)), 'h hr hrs hour hours'],
      [unit('time', times(86_400)), 'day days'],
      [CELSIUS, 'c °c celsius degree degrees deg °'],
      [FAHRENHEIT, 'f °f fahrenheit'],
      [unit('percent'), '% percent pct'],
    ] as const
  ).flatMap(([one, names]) => names.split(' ').map((name) => [name, one] as const)),
);

/** Every unit as people write it: words that need no correction. */
export const UNIT_WORDS: readonly string[] = [...UNITS.keys()].filter((name) => name.length > 1);

/** No `one`: it is a pronoun far more often. */
const NUMBER_WORDS: ReadonlyMap<string, number> = new Map([
  ...'two three four five six seven eight nine ten eleven twelve'
    .split(' ')
    .map((word, at) => [word, at + 2] as const),
  ['fifteen', 15],
  ...'twenty thirty forty fifty sixty seventy eighty ninety'
    .split(' ')
    .map((word, at) => [word, (at + 2) * 10] as const),
  ['hundred', 100],
]);

export interface FoundQuantity {
  readonly quantity: Quantity;
  /** A small number in words may be no more than a way of speaking ("two rules in one place"). */
  readonly isLoose: boolean;
  /** How many pieces it took. */
  readonly length: number;
}

/** A whole phrase that is a quantity without a digit, in words of the text. */
const PHRASES: readonly (readonly [readonly string[], Quantity])[] = (
  [
    ['half an hour', 'time', 1800],
    ['half hour', 'time', 1800],
    ['quarter of an hour', 'time', 900],
    ['a quarter hour', 'time', 900],
    ['an hour and a half', 'time', 5400],
    ['an hour', 'time', 3600],
    ['one hour', 'time', 3600],
    ['half a gig', 'size', 512],
    ['half a minute', 'time', 30],
    ['one minute', 'time', 60],
    ['half a dozen', 'number', 6],
    ['a dozen', 'number', 12],
    ['a hundred', 'number', 100],
  ] as const
).map(([words, dimension, value]) => [words.split(' '), { dimension, value }]);

/** The quantity that begins at piece `at`, if one does. */
export function quantityAt(texts: readonly string[], at: number): FoundQuantity | null {
  for (const [words, quantity] of PHRASES) {
    if (words.every((word, i) => texts[at + i] === word))
      return { quantity, length: words.length, isLoose: false };
  }
  return digitsAt(texts, at) ?? wordAt(texts, at);
}

function digitsAt(texts: readonly string[], at: number): FoundQuantity | null {
  const match = /^(\d{1,3}(?:,\d{3})+|\d{1,12})(\.\d{1,6})?-?([\p{L}%°]*)$/u.exec(texts[at] ?? '');
  if (match === null) return null;
  const value = Number(`${match[1]?.replaceAll(',', '')}${match[2] ?? ''}`);
  const attached = match[3] ?? '';
  if (attached === '') return withUnit(value, texts, at, 1);
  const found = UNITS.get(attached);
  return found === undefined ? null : withUnitAfter({ value, found, texts, at, length: 1 });
}

/** Up to this, a number in words that has no unit is loose. */
const LOOSE = 3;

function wordAt(texts: readonly string[], at: number): FoundQuantity | null {
  const first = NUMBER_WORDS.get(texts[at] ?? '');
  if (first === undefined) return null;
  const second = first >= 20 && first < 100 ? (NUMBER_WORDS.get(texts[at + 1] ?? '') ?? 10) : 10;
  const found = second < 10 ? withUnit(first + second, texts, at, 2) : withUnit(first, texts, at, 1);
  return { ...found, isLoose: first <= LOOSE && found.quantity.dimension === 'number' };
}

function withUnit(value: number, texts: readonly string[], at: number, length: number): FoundQuantity {
  const next = texts[at + length] ?? '';
  const found = UNITS.get(next);
  // "m" and "c" alone may begin something else; with a space before them they are no unit.
  if (found === undefined || (next.length === 1 && !'%°'.includes(next)))
    return { quantity: { dimension: 'number', value }, length, isLoose: false };
  return withUnitAfter({ value, found, texts, at, length: length + 1 });
}

interface Counted {
  readonly value: number;
  readonly found: Unit;
  readonly texts: readonly string[];
  readonly at: number;
  readonly length: number;
}

/** "degrees" may be followed by their scale. */
function withUnitAfter({ value, found, texts, at, length }: Counted): FoundQuantity {
  const scale = found === CELSIUS ? texts[at + length] : undefined;
  const named = scale === undefined ? undefined : UNITS.get(scale);
  const isScale = named === FAHRENHEIT || (named === CELSIUS && scale !== 'degrees');
  const final = isScale && named !== undefined ? named : found;
  return {
    quantity: { dimension: final.dimension, value: final.convert(value) },
    length: isScale ? length + 1 : length,
    isLoose: false,
  };
}

/** A bare number that is meant as a share: nobody asks for a load of 80 a core. */
const SHARE_FROM = 5;

/**
 * The number as an argument of that type and unit, as text of the language; null if it cannot be one (a temperature where memory is
 * meant).
 */
export function quantityFor(
  { dimension, value }: Quantity,
  argument: Pick<CatalogueArgument, 'type' | 'unit'>,
): string | null {
  const scaled = scale(dimension, value, argument.unit);
  if (scaled === null) return null;
  if (argument.type === 'float')
    return Number.isInteger(scaled) ? `${scaled}.0` : String(Number(scaled.toFixed(6)));
  return argument.type === 'integer' || argument.type === 'time' ? String(Math.round(scaled)) : null;
}

function scale(dimension: Dimension, value: number, unitName: string | undefined): number | null {
  const bare = dimension === 'number';
  switch (unitName) {
    case 'mebibyte':
      return bare || dimension === 'size' ? value : null;
    case 'second':
      return bare || dimension === 'time' ? value : null;
    case 'minute':
      return bare ? value : dimension === 'time' ? value / 60 : null;
    case 'celsius':
    case 'celsius_per_minute':
      return bare || dimension === 'temp' ? value : null;
    case 'percent':
      return bare || dimension === 'percent' ? value : null;
    case 'load_per_core':
      if (dimension === 'percent' || (bare && value >= SHARE_FROM)) return value / 100;
      return bare ? value : null;
    default:
      return bare || dimension === 'size' ? value : null;
  }
}
