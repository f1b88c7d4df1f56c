/**
 * The grammar under which a model writes: GBNF (llama.cpp's notation) made from the live catalogue and from what the sentence names, so that
 * whatever comes out is made of predicates that exist, with as many arguments as they have, and of names that were said. Prolog vets it all the
 * same. Predicates are alternatives by their letters: as one flat list they cost llama.cpp five times as long.
 */
import type { CatalogueEntry, Manifest } from '../catalogue.ts';
import { NO_QUERY } from './form.ts';
import { constantsOf, kindsOf, LETTER } from './kinds.ts';
import type { Reading } from './tag.ts';

export interface GrammarOptions {
  /** A predicate (`name/arity`) that may not be used: to hear what else could have been meant. */
  readonly without?: string;
  /** Only a query: what cannot be said is not an answer. */
  readonly queryOnly?: boolean;
}

const VARIABLES = 'ABCDEFGHIJ'.split('').flatMap((letter) => [letter, `_${letter}`]);

const FRAME = `root ::= goals | no
goals ::= goal (" ," goal)*
goal ::= atom | " \\\\+" one | compare | equal | value | either | every | most | whole
one ::= atom | " \\\\+" one | group | either | whole
group ::= " (" goals " )"
either ::= " (" goals (" ;" goals)+ " )"
every ::= " forall(" one " ," one " )"
most ::= " top(" count " ," var " ," one " )"
whole ::= " aggregate_all(" (" count" | (" sum(" | " max(" | " min(" | " set(") var " )") " ," one " ," var " )"
compare ::= number (" >" | " <" | " >=" | " =<" | " =:=" | " =\\\\=") number
equal ::= var (" ==" | " \\\\==") (var | name)
value ::= var " is" (" -" var | number (" +" | " -" | " *") number)
`;

/** The grammar for one reading of a sentence. */
export function grammarFor(
  reading: Reading,
  manifest: Manifest,
  { without, queryOnly = false }: GrammarOptions = {},
): string {
  const entries = [...manifest.entries].flatMap(([key, entry]) => (key === without ? [] : [entry]));
  const rules = new ArgumentRules(reading, manifest);
  const atom = `atom ::= " " ${tree(entries.map((entry) => [`${entry.name}(`, rules.argumentsOf(entry)]))}\n`;
  const no = [NO_QUERY.abstain, NO_QUERY.order, ...(reading.mayBeUnknown ? [NO_QUERY.unknown] : [])];
  const numbers = [...reading.quantities.keys()].map(literal).join(' | ');
  const names = [...reading.entities.keys()].map(literal);
  const constants = [...allConstants(manifest)].map(literal);
  return [
    queryOnly ? FRAME.replace('goals | no', 'goals') : FRAME,
    queryOnly ? '' : `no ::= ${no.map(literal).join(' | ')}\n`,
    `var ::= ${VARIABLES.map(literal).join(' | ')}\n`,
    `digits ::= " " [0-9] [0-9]? [0-9]?\n`,
    `count ::= digits${numbers === '' ? '' : ` | ${numbers}`}\n`,
    `number ::= var | count\n`,
    `name ::= ${[...names, ...constants].join(' | ')}\n`,
    atom,
    rules.text,
  ].join('');
}

const literal = (word: string): string => JSON.stringify(` ${word}`);

function allConstants(manifest: Manifest): Set<string> {
  const all = new Set<string>();
  for (const entry of manifest.entries.values())
    for (const argument of entry.args) for (const one of constantsOf(entry, argument, manifest)) all.add(one);
  return all;
}

/** One rule for each kind of argument: variables, `_`, the placeholders that fit, and constants. */
class ArgumentRules {
  readonly #rules = new Map<string, string>();
  readonly #reading: Reading;
  readonly #manifest: Manifest;

  constructor(reading: Reading, manifest: Manifest) {
    this.#reading = reading;
    this.#manifest = manifest;
  }

  argumentsOf(entry: CatalogueEntry): string {
    return `${entry.args.map((argument) => this.#rule(this.#alternatives(entry, argument))).join(' " ," ')} " )"`;
  }

  get text(): string {
    return [...this.#rules].map(([alternatives, name]) => `${name} ::= var | " _"${alternatives}\n`).join('');
  }

  #alternatives(entry: CatalogueEntry, argument: CatalogueEntry['args'][number]): string {
    const letters = kindsOf(entry, argument).map((kind) => LETTER[kind]);
    const fitting = [...this.#reading.entities.keys()].filter((name) => letters.includes(name[1] ?? ''));
    const isNumber = argument.type === 'integer' || argument.type === 'float' || argument.type === 'time';
    const words = [...fitting, ...constantsOf(entry, argument, this.#manifest)].map(literal);
    return [...words, ...(isNumber ? ['count'] : [])].map((word) => ` | ${word}`).join('');
  }

  #rule(alternatives: string): string {
    const name = this.#rules.get(alternatives) ?? `a${this.#rules.size + 1}`;
    this.#rules.set(alternatives, name);
    return name;
  }
}

type Word = readonly [word: string, rest: string];

/** Alternatives by their common beginnings. */
function tree(words: readonly Word[]): string {
  const byFirst = new Map<string, Word[]>();
  for (const [word, rest] of words) {
    const first = word[0] ?? '';
    byFirst.set(first, [...(byFirst.get(first) ?? []), [word.slice(1), rest]]);
  }
  const ways = [...byFirst].map(([first, group]) => way(first, group));
  return ways.length === 1 ? (ways[0] ?? '') : `(${ways.join(' | ')})`;
}

function way(start: string, group: readonly Word[]): string {
  let prefix = start;
  let rest = group;
  while (rest.length > 1 || (rest[0]?.[0] ?? '') !== '') {
    const next = rest[0]?.[0][0];
    if (next === undefined || !rest.every(([word]) => word[0] === next)) break;
    prefix += next;
    rest = rest.map(([word, tail]) => [word.slice(1), tail]);
  }
  const only = rest.length === 1 ? rest[0] : undefined;
  return only !== undefined && only[0] === ''
    ? `${JSON.stringify(prefix)} ${only[1]}`
    : `${JSON.stringify(prefix)} ${tree(rest)}`;
}
