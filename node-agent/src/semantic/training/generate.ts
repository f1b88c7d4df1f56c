/**
 * Makes training questions of the phrasings: `node generate.ts OUT COUNT SEED`. Writes samples.txt (a question as the model gets it, a tab, what it
 * is to say) and vocabulary.json beside it. What cannot be read or does not fit the catalogue is told by its place and left out.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, readManifest } from '@fleet/shared/catalogue.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { NO_QUERY, placesOf, readSpelled, spell } from '@fleet/shared/semantic/form.ts';
import { constantsOf } from '@fleet/shared/semantic/kinds.ts';
import { quantityAt } from '@fleet/shared/semantic/quantity.ts';
import { UNKNOWN_WORD } from '@fleet/shared/semantic/tag.ts';
import { pieces, withoutArticles, wordsOf } from '@fleet/shared/semantic/words.ts';
import { atom, mapLeaves, readTerm, type Term, writeTerm } from '@fleet/shared/term.ts';
import { mulberry32 } from '../../random.ts';
import { Composer, type Draw } from './compose.ts';
import { expand, literals, type Pattern, parsePattern, readPhrasings, type Section } from './phrasings.ts';

const HERE = import.meta.dirname;

interface Sample {
  readonly words: readonly string[];
  readonly form: string;
}

/** Sections of one query, whichever files they stand in. */
interface Query {
  readonly head: string;
  readonly patterns: readonly Pattern[];
  readonly weight: number;
}

/** How the samples are shared out, in parts of a hundred. */
const SHARES = { whole: 64, composed: 15, abstain: 10, order: 6, unknown: 5 };

class Generator {
  readonly #manifest: Manifest;
  readonly #queries: readonly Query[];
  readonly #total: number;
  readonly #composer: Composer;
  readonly #other: ReadonlyMap<string, readonly Pattern[]>;
  readonly #draw: Draw;
  readonly #forms = new Map<string, Term | null>();
  readonly #standIns: readonly string[];
  readonly left = new Map<string, number>();

  constructor(
    sections: readonly Section[],
    manifest: Manifest,
    { draw, standIns }: { draw: Draw; standIns: readonly string[] },
  ) {
    this.#manifest = manifest;
    this.#draw = draw;
    this.#standIns = standIns;
    this.#queries = queriesOf(sections, manifest);
    this.#total = this.#queries.reduce((sum, { weight }) => sum + weight, 0);
    this.#composer = new Composer(sections);
    this.#other = othersOf(sections);
  }

  get queries(): number {
    return this.#queries.length;
  }

  sample(): Sample | null {
    const roll = this.#draw(100);
    const { whole, composed, abstain, order } = SHARES;
    if (roll < whole) return this.#query();
    if (roll < whole + composed) return this.#composed();
    if (roll < whole + composed + abstain) return this.#refused('abstain');
    if (roll < whole + composed + abstain + order) return this.#refused('order');
    return this.#unknown();
  }

  #query(): Sample | null {
    const { head, patterns } = this.#pickQuery();
    return this.#finish(expand(this.#pick(patterns), this.#draw), head);
  }

  #pickQuery(): Query {
    let left = this.#draw(1_000_000) / 1_000_000;
    left *= this.#total;
    for (const query of this.#queries) {
      left -= query.weight;
      if (left < 0) return query;
    }
    return this.#queries[0] as Query;
  }

  #composed(): Sample | null {
    const { text, query } = this.#composer.draw(this.#draw);
    return this.#finish(text, query);
  }

  #refused(what: 'abstain' | 'order'): Sample | null {
    const patterns = this.#other.get(what) ?? [];
    return this.#finish(expand(this.#pick(patterns), this.#draw), NO_QUERY[what]);
  }

  /** A question about a thing that nobody knows. */
  #unknown(): Sample | null {
    const { head, patterns } = this.#pickQuery();
    const text = expand(this.#pick(patterns), this.#draw);
    const names = [...text.matchAll(/\{([a-z]\d?)\}/g)]
      .map(([, name]) => name)
      .filter((name) => name !== 'q');
    if (names.length === 0) return null;
    const gone = this.#pick(names);
    return this.#finish(text.replaceAll(`{${gone}}`, this.#strangeWord()), head, NO_QUERY.unknown);
  }

  /** A word that nobody knows, or one that things are often called by and that no site of the training has. */
  #strangeWord(): string {
    return this.#draw(100) < 55 ? UNKNOWN_WORD : this.#pick(this.#standIns);
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#draw(all.length)] as T;
  }

  #finish(text: string, head: string, said?: string): Sample | null {
    const isQuery = !head.startsWith('!');
    const form = isQuery ? this.#form(head) : null;
    if (isQuery && form === null) return null;
    const placed = this.#place(this.#wrapped(text), form);
    if (placed === null) return null;
    const { words, names } = placed;
    if (words.length === 0 || words.length > 48) return null;
    if (said !== undefined || form === null) return { words: this.#noisy(words), form: said ?? head };
    const spelled = spell(
      mapLeaves(form, (leaf) => (leaf.kind === 'atom' ? atom(names.get(leaf.name) ?? leaf.name) : leaf)),
    );
    if (/\{/.test(spelled)) return this.#leave(`${head} <- ${text}`);
    return { words: this.#noisy(words), form: spelled };
  }

  #leave(why: string): null {
    this.left.set(why, (this.left.get(why) ?? 0) + 1);
    return null;
  }

  #form(head: string): Term | null {
    const kept = this.#forms.get(head);
    if (kept !== undefined) return kept;
    const read = readQuery(head, this.#manifest);
    if (typeof read === 'string') this.#leave(read);
    const form = typeof read === 'string' ? null : read;
    this.#forms.set(head, form);
    return form;
  }

  #wrapped(text: string): string {
    const before =
      this.#draw(100) < 22 ? `${expand(this.#pick(this.#other.get('before') ?? [[]]), this.#draw)} ` : '';
    const after =
      this.#draw(100) < 12 ? ` ${expand(this.#pick(this.#other.get('after') ?? [[]]), this.#draw)}` : '';
    return `${before}${text}${after}`;
  }

  /** Words with placeholders numbered as `tag` numbers them, in the order in which they stand in the sentence. */
  #place(text: string, form: Term | null): { words: string[]; names: Map<string, string> } | null {
    const names = new Map<string, string>();
    const counts = new Map<string, number>();
    const places = form === null ? new Map() : placesOf(form, this.#manifest);
    const words: string[] = [];
    const next = (letter: string) => {
      const count = (counts.get(letter) ?? 0) + 1;
      counts.set(letter, count);
      return `@${letter}${count}`;
    };
    for (const part of text.split(/(\{[a-z]\d?\}(?:'s)?)/)) {
      const name = /^\{([a-z]\d?)\}/.exec(part)?.[1];
      if (name === undefined) {
        if (!addWords(part, words)) return null;
        continue;
      }
      const key = `{${name}}`;
      const letter = LETTERS[name[0] ?? ''] ?? name[0] ?? '';
      let placeholder = names.get(key);
      if (placeholder === undefined) {
        placeholder = next(letter.length > 1 ? this.#pick([...letter]) : letter);
        names.set(key, placeholder);
      }
      words.push(placeholder);
      if (letter === 'q') words.push(this.#dimension(places.get(key)));
    }
    return { words: withoutArticles(words), names };
  }

  #dimension(place: { unit?: string } | undefined): string {
    const bare = this.#draw(100) < 22;
    if (place === undefined) return `#${this.#pick(['number', 'size', 'time', 'temp', 'percent'])}`;
    switch (place.unit) {
      case 'mebibyte':
        return bare ? '#number' : '#size';
      case 'second':
      case 'minute':
        return bare ? '#number' : '#time';
      case 'celsius':
        return bare ? '#number' : '#temp';
      case 'celsius_per_minute':
        return this.#draw(2) === 0 ? '#number' : '#temp';
      case 'percent':
        return bare ? '#number' : '#percent';
      case 'load_per_core':
        return this.#draw(2) === 0 ? '#number' : '#percent';
      default:
        return '#number';
    }
  }

  /** What careless writers leave out, and words that nobody knows. */
  #noisy(words: readonly string[]): string[] {
    const careless = this.#draw(100) < 18;
    const kept = words.filter((word) => !(careless && SMALL.has(word) && this.#draw(2) === 0));
    return kept.map((word) => (!/^[@#]/.test(word) && this.#draw(1000) < 8 ? UNKNOWN_WORD : word));
  }
}

/** Placeholders of phrasings that stand for one of several kinds. */
const LETTERS: Readonly<Record<string, string>> = { x: 'nv', y: 'ncu' };
const SMALL = new Set('the a an is are of do does to on in at my our me all there any'.split(' '));

/** Words of a literal part; false where it holds a number, which would be a placeholder. */
function addWords(part: string, words: string[]): boolean {
  const texts = pieces(part).map(({ text }) => text);
  for (let at = 0; at < texts.length; at++) {
    if (texts[at] === UNKNOWN_WORD) words.push(UNKNOWN_WORD);
    const quantity = quantityAt(texts, at);
    if (quantity !== null && !quantity.isLoose) return false;
    words.push(...wordsOf(texts[at] ?? ''));
  }
  if (part.includes(UNKNOWN_WORD)) words.push(UNKNOWN_WORD);
  return true;
}

/** The query of a section; or why it is none. */
function readQuery(head: string, manifest: Manifest): Term | string {
  const quoted = head.replace(/(?<!')\{([a-z]\d?)\}(?!')/g, "'{$1}'");
  try {
    const { term } = readTerm(quoted, { bytes: 2000, depth: 30 });
    const places = placesOf(term, manifest);
    const probe = mapLeaves(term, (leaf) => {
      if (leaf.kind !== 'atom' || !leaf.name.startsWith('{')) return leaf;
      if (!leaf.name.startsWith('{q')) return atom('@n1');
      const place = places.get(leaf.name);
      return place?.type === 'float' ? { kind: 'float', value: 1 } : { kind: 'int', value: 1n };
    });
    checkAsk(writeTerm(probe), manifest);
    readSpelled(spell(probe));
    return term;
  } catch (cause) {
    return `${head}: ${(cause as Error).message}`;
  }
}

function queriesOf(sections: readonly Section[], manifest: Manifest): Query[] {
  const byForm = new Map<string, { head: string; patterns: Pattern[] }>();
  for (const { mark, head, lines } of sections) {
    if (mark !== '=') continue;
    const form = readQuery(head, manifest);
    const key = typeof form === 'string' ? head : spell(form);
    const query = byForm.get(key) ?? { head, patterns: [] };
    byForm.set(key, query);
    for (const { text, at } of lines) query.patterns.push(parsePattern(text, at));
  }
  return [...byForm.values()]
    .filter(({ patterns }) => patterns.length > 0)
    .map((query) => ({ ...query, weight: query.patterns.length ** 0.75 }));
}

function othersOf(sections: readonly Section[]): Map<string, Pattern[]> {
  const others = new Map<string, Pattern[]>();
  for (const { mark, head, lines } of sections) {
    if (mark !== '!' && mark !== '<' && mark !== '>') continue;
    const name = head.replace(/^!/, '').trim();
    others.set(name, [...(others.get(name) ?? []), ...lines.map(({ text, at }) => parsePattern(text, at))]);
  }
  return others;
}

/** Every word that phrasings hold, the most used first. */
function domainWords(sections: readonly Section[]): string[] {
  const counts = new Map<string, number>();
  for (const { lines, mark } of sections) {
    for (const { text, at } of lines) {
      const clean = mark === '#' ? text.replace(/^\w+:/, '') : text;
      const spaced = literals(parsePattern(clean, at)).replace(/\{[a-z]\d?\}/g, ' ');
      for (const { text: piece } of pieces(spaced))
        for (const word of wordsOf(piece)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  for (const frame of FRAME_WORDS.split(' ')) counts.set(frame, (counts.get(frame) ?? 0) + 50);
  return [...counts]
    .filter(([word]) => !/^\d/.test(word))
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .map(([word]) => word);
}

/** Words that compose.ts adds. */
const FRAME_WORDS = [
  'which what that list all show me the give every find are there any do we have is a tell i need to',
  'know of my who currently with ones how many number count total max min highest lowest top bottom by',
  'per each not no fewer than least most sum overall combined average mean median gigabytes megabytes',
  'seconds minutes hours degrees celsius percent',
].join(' ');

/** The words that the model may write, whatever it was trained on. */
function outputWords(manifest: Manifest): string[] {
  const constants = new Set<string>();
  for (const entry of manifest.entries.values())
    for (const argument of entry.args)
      for (const one of constantsOf(entry, argument, manifest)) constants.add(one);
  const letters = 'ABCDEFGHIJ'.split('');
  return [
    ...Object.values(NO_QUERY),
    ...'( ) , ; \\+ > < >= =< =:= =\\= == \\== is - + * _ 0 1 count aggregate_all( sum( min( max( set( forall( top('.split(
      ' ',
    ),
    ...letters,
    ...letters.map((letter) => `_${letter}`),
    ...[...manifest.entries.values()].map(({ name }) => `${name}(`),
    ...[...constants].sort(),
  ];
}

/** Numbers that queries of phrasings hold themselves. */
function numbersIn(lines: readonly string[]): string[] {
  const numbers = new Set<string>();
  for (const line of lines)
    for (const word of line.slice(line.indexOf('\t') + 1).split(' ')) if (/^\d/.test(word)) numbers.add(word);
  return [...numbers].sort((a, b) => Number(a) - Number(b));
}

async function main([out = '.data/training', count = '20000', seed = '1']: readonly string[]): Promise<void> {
  const manifest = readManifest(
    JSON.parse(await readFile(join(HERE, '../../../../kb/manifest.json'), 'utf8')),
  );
  const sections = await readPhrasings(join(HERE, 'phrasings'));
  const standIns = (await readFile(join(HERE, 'stand-ins.txt'), 'utf8'))
    .split(/\s+/)
    .filter((word) => word !== '');
  const domain = [...new Set([...domainWords(sections), ...standIns])];
  const known = new Set(domain);
  const common = (await readFile(join(HERE, 'common-words.txt'), 'utf8')).split('\n');
  const strange = common.filter((word) => word.length > 2 && !known.has(word));
  const random = mulberry32(Number(seed));
  const generator = new Generator(sections, manifest, { draw: (n) => Math.floor(random() * n), standIns });
  const lines: string[] = [];
  while (lines.length < Number(count)) {
    const sample = generator.sample();
    if (sample !== null) lines.push(`${sample.words.join(' ')}\t${sample.form}`);
  }
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'samples.txt'), `${lines.join('\n')}\n`);
  const output = [...outputWords(manifest), ...numbersIn(lines)];
  await writeFile(
    join(out, 'vocabulary.json'),
    JSON.stringify({
      domain,
      standIns: [...new Set(standIns)],
      common: strange,
      output: [...new Set(output)],
    }),
  );
  for (const [why, times] of [...generator.left].sort((a, b) => b[1] - a[1]).slice(0, 60))
    process.stderr.write(`left out ${times}: ${why}\n`);
  process.stderr.write(`${lines.length} samples of ${generator.queries} queries, ${domain.length} words\n`);
}

await main(process.argv.slice(2));
