/**
 * The stage `tag`: finds the site's own names and the numbers in a sentence, and puts placeholders in their place. The model sees `@n1` where
 * a person wrote `pve1` or `PVE-1`; copying raw names cost it half of its accuracy. A name that the site does not have stays a word that
 * nobody knows. A name with two meanings (a virtual machine `dns`, a service `dns`) gives a reading for each.
 */
import type { ReadAs } from '../api/translate.ts';
import { KINDS, type Kind, LETTER } from './kinds.ts';
import { type Quantity, quantityAt } from './quantity.ts';
import { distance, type Lexicon, nearest, tolerated } from './spelling.ts';
import { pieces, withoutArticles, wordsOf } from './words.ts';

/** A site's names, by kind. */
export type SiteNames = Readonly<Record<Kind, readonly string[]>>;

export interface Entity {
  readonly kind: Kind;
  readonly name: string;
}

export interface Reading {
  /** What the model is given. */
  readonly words: readonly string[];
  /** By placeholder, such as `@n1`. */
  readonly entities: ReadonlyMap<string, Entity>;
  /** By placeholder, such as `@q1`. */
  readonly quantities: ReadonlyMap<string, Quantity>;
  readonly readAs: readonly ReadAs[];
  /** What is neither a known word nor a name of this site, as written. */
  readonly unknown: readonly string[];
  /** Whether there is a word in it that may be a name of something that the site does not have. */
  readonly mayBeUnknown: boolean;
}

/** The word that stands for what the model does not know. */
export const UNKNOWN_WORD = '~';
/** Placeholders of one kind in a sentence; what comes after is unknown. */
export const PLACEHOLDERS = 4;
/** Readings of one sentence: each costs one run of the model. */
const READINGS = 6;
/** Pieces that one name may be written in: "web 01", "closet ups". */
const NAME_PIECES = 3;

const CUES: Readonly<Record<Kind, string>> = {
  node: 'node machine box host server hypervisor computer',
  vm: 'vm guest instance workload container vms machine',
  cluster: 'cluster',
  ups: 'ups battery',
  zone: 'zone network segment subnet net zones',
  mount: 'mount filesystem partition disk volume path fs drive',
  service: 'service port protocol traffic access connection connections',
};
const CUE_WORDS = new Map<Kind, ReadonlySet<string>>(
  KINDS.map((kind) => [kind, new Set(CUES[kind].split(' '))]),
);

/** After these, an ordinary word is just that. */
const DETERMINERS = new Set(
  'a an which what any all no every each many some more most few enough much these those how'.split(' '),
);
/** `/` has no letters to match: what people call it. */
const ROOT_NAMES = new Set(['root']);

const squash = (text: string): string => text.toLowerCase().replace(/[\s_.:-]+/g, '');
const digitsOf = (text: string): string => text.replace(/\D+/g, ' ').trim();

/** Names of a site, ready to be found. */
export class NameTable {
  /** As the site has them. */
  readonly names: SiteNames;
  readonly #bySquashed = new Map<string, Entity[]>();

  constructor(names: SiteNames) {
    this.names = names;
    for (const kind of KINDS) for (const name of names[kind]) this.#add(squash(name), { kind, name });
    if (names.mount.includes('/'))
      for (const word of ROOT_NAMES) this.#add(word, { kind: 'mount', name: '/' });
  }

  #add(key: string, entity: Entity): void {
    const there = this.#bySquashed.get(key) ?? [];
    if (!there.some(({ kind, name }) => kind === entity.kind && name === entity.name)) there.push(entity);
    this.#bySquashed.set(key, there);
  }

  /** What is called so, whatever its separators and case. */
  find(text: string): readonly Entity[] {
    return this.#bySquashed.get(squash(text)) ?? [];
  }

  /** Names that look a little like it: to be told, never to be taken. */
  alike(text: string): string[] {
    const squashed = squash(text);
    const letters = squashed.replace(/\d+/g, '');
    const scored = [...this.#bySquashed].map(([key, entities]) => ({
      name: entities[0]?.name ?? '',
      edits: key.replace(/\d+/g, '') === letters && letters.length > 1 ? 0 : distance(squashed, key, ALIKE),
    }));
    return scored
      .filter(({ edits }) => edits <= ALIKE)
      .sort((a, b) => a.edits - b.edits)
      .slice(0, 3)
      .map(({ name }) => name);
  }

  /** What was probably meant. Numbers in a name are never guessed: `pve9` is not `pve1`. */
  near(text: string): { entities: readonly Entity[]; edits: number } | null {
    const squashed = squash(text);
    const digits = digitsOf(squashed);
    const found = nearest(
      squashed,
      [...this.#bySquashed.keys()].filter(
        (key) => digitsOf(key) === digits && key.length > tolerated(key.length) + 2,
      ),
    );
    return found === null ? null : { entities: this.#bySquashed.get(found.word) ?? [], edits: found.edits };
  }
}

/** Edits up to which a name is told as one that may have been meant. */
const ALIKE = 2;

type Token =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** `words`: what it is if it is no name, where it may be none. */
  | { readonly kind: 'name'; readonly entities: readonly Entity[]; readonly words: readonly string[] | null }
  | { readonly kind: 'quantity'; readonly quantity: Quantity; readonly words: readonly string[] | null }
  | { readonly kind: 'unknown'; readonly written: string };

interface Scan {
  readonly tokens: Token[];
  readonly readAs: ReadAs[];
}

/** The readings of a sentence, at least one. */
export function tag(sentence: string, names: NameTable, lexicon: Lexicon): Reading[] {
  const scan: Scan = { tokens: [], readAs: [] };
  const parts = pieces(sentence);
  const texts = parts.map(({ text }) => text);
  for (let at = 0; at < texts.length; ) at += take({ texts, at, names, lexicon }, scan);
  return choices(scan.tokens).map((tokens) => reading(tokens, scan.readAs, lexicon));
}

interface Place {
  readonly texts: string[];
  readonly at: number;
  readonly names: NameTable;
  readonly lexicon: Lexicon;
}

/** Takes what begins at a place; gives the number of pieces. */
function take(place: Place, { tokens, readAs }: Scan): number {
  const { texts, at, names, lexicon } = place;
  const written = texts[at] ?? '';
  const named = nameAt(place);
  if (named !== null) {
    tokens.push({ kind: 'name', entities: named.entities, words: named.words });
    return named.length;
  }
  const isWord = /^[\p{L}'-]+$/u.test(written);
  if (isWord && !wordsOf(written).every((word) => lexicon.knows(word))) {
    const near = nearestMeaning(written, names, lexicon);
    if (near?.kind === 'name') {
      readAs.push({ written, read: near.entities[0]?.name ?? '' });
      tokens.push(near);
      return 1;
    }
    if (near?.kind === 'words') {
      readAs.push({ written, read: near.words.join(' ') });
      texts[at] = near.words.join(' ');
    }
  }
  const found = quantityAt(unitsCorrected(place), at);
  if (found !== null) {
    const plain = texts.slice(at, at + found.length);
    const words = found.isLoose && plain.every((word) => lexicon.knows(word)) ? plain : null;
    tokens.push({ kind: 'quantity', quantity: found.quantity, words });
    return found.length;
  }
  const words = wordsOf(texts[at] ?? '').flatMap((word) => word.split(' '));
  const known = words.every((word) => lexicon.knows(word));
  tokens.push(known ? { kind: 'words', words } : { kind: 'unknown', written });
  return 1;
}

/** A unit with a typo after a number ("70 degress") is still a unit. */
function unitsCorrected({ texts, at, lexicon }: Place): readonly string[] {
  const next = texts[at + 1];
  if (next === undefined || !/^\p{L}{4,}$/u.test(next) || lexicon.knows(next)) return texts;
  const corrected = lexicon.correct(next);
  return corrected === null ? texts : texts.toSpliced(at + 1, 1, corrected);
}

interface Named {
  readonly entities: readonly Entity[];
  readonly words: readonly string[] | null;
  readonly length: number;
}

/** The longest name that begins here. One that is an ordinary word too may be just that, unless a cue stands beside it. */
function nameAt({ texts, at, names, lexicon }: Place): Named | null {
  for (let length = Math.min(NAME_PIECES, texts.length - at); length >= 1; length--) {
    const parts = texts.slice(at, at + length).map((part) => part.replace(/'s$/, ''));
    const entities = names.find(parts.join(' '));
    if (entities.length === 0) continue;
    const words = parts.flatMap(wordsOf);
    const isOrdinary = length === 1 && /^[a-z]+$/.test(parts[0] ?? '') && lexicon.isOrdinary(words[0] ?? '');
    if (!isOrdinary) return { entities, words: null, length };
    const cued = entities.filter(({ kind }) => isBeside(kind, { texts, at, length }));
    if (cued.length > 0) return { entities: cued, words: null, length };
    if (!DETERMINERS.has(texts[at - 1] ?? '')) return { entities, words, length };
  }
  return null;
}

/** Whether a word of that kind stands beside. */
function isBeside(
  kind: Kind,
  { texts, at, length }: { texts: readonly string[]; at: number; length: number },
): boolean {
  const cues = CUE_WORDS.get(kind);
  return cues?.has(texts[at - 1] ?? '') === true || cues?.has(texts[at + length] ?? '') === true;
}

function nearestMeaning(
  written: string,
  names: NameTable,
  lexicon: Lexicon,
): Extract<Token, { kind: 'name' | 'words' }> | null {
  const name = names.near(written);
  const words = wordsOf(written).map((word) => lexicon.correct(word));
  const corrected = words.every((word) => word !== null) ? (words as string[]) : null;
  const isNearer = name !== null && (corrected === null || name.edits < 2);
  if (isNearer) return { kind: 'name', entities: name.entities, words: null };
  return corrected === null ? null : { kind: 'words', words: corrected };
}

/** One list of tokens for each way to read what has two meanings; the first reads most of it as names and numbers. */
function choices(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const ways = tokens.map((token, at) => waysOf(token, tokens, at));
  const count = ways.reduce((product, { length }) => product * length, 1);
  // Too many: what may be a name is one.
  const kept =
    count <= READINGS
      ? ways
      : ways.map((one) => (one.length > 1 ? one.filter(({ kind }) => kind !== 'words') : one));
  let all: Token[][] = [[]];
  for (const one of kept) {
    const next = all.flatMap((start) => one.map((way) => [...start, way]));
    all = next.length <= READINGS ? next : all.map((start) => [...start, ...one.slice(0, 1)]);
  }
  return all;
}

function waysOf(token: Token, tokens: readonly Token[], at: number): Token[] {
  if (token.kind !== 'name' && token.kind !== 'quantity') return [token];
  const plain: Token[] = token.words === null ? [] : [{ kind: 'words', words: token.words }];
  if (token.kind === 'quantity') return [token, ...plain];
  const entities = meant(token.entities, tokens, at);
  return [...entities.map((entity): Token => ({ kind: 'name', entities: [entity], words: null })), ...plain];
}

/** Of the meanings of a name those that the words beside it say, or all. */
function meant(entities: readonly Entity[], tokens: readonly Token[], at: number): readonly Entity[] {
  const beside = [tokens[at - 1], tokens[at + 1]].flatMap((token) =>
    token?.kind === 'words' ? token.words : [],
  );
  const said = entities.filter(({ kind }) => beside.some((word) => CUE_WORDS.get(kind)?.has(word)));
  return said.length > 0 ? said : entities;
}

function reading(tokens: readonly Token[], readAs: readonly ReadAs[], lexicon: Lexicon): Reading {
  const words: string[] = [];
  const entities = new Map<string, Entity>();
  const quantities = new Map<string, Quantity>();
  const unknown: string[] = [];
  const strange = (written: string) => {
    unknown.push(written);
    words.push(UNKNOWN_WORD);
  };
  for (const token of tokens) {
    if (token.kind === 'words') words.push(...token.words);
    else if (token.kind === 'unknown') strange(token.written);
    else if (token.kind === 'quantity') {
      const placeholder = `@q${quantities.size + 1}`;
      if (quantities.size >= PLACEHOLDERS) strange(String(token.quantity.value));
      else {
        quantities.set(placeholder, token.quantity);
        words.push(placeholder, `#${token.quantity.dimension}`);
      }
    } else {
      const [entity] = token.entities as [Entity];
      const placeholder = placeholderOf(entity, entities);
      if (placeholder === null) strange(entity.name);
      else words.push(placeholder);
    }
  }
  const plain = withoutArticles(words);
  const mayBeUnknown = unknown.length > 0 || words.some((word) => lexicon.isStandIn(word));
  return { words: plain, entities, quantities, readAs, unknown, mayBeUnknown };
}

/** The same name again is the same placeholder. */
function placeholderOf(entity: Entity, entities: Map<string, Entity>): string | null {
  let count = 0;
  for (const [placeholder, { kind, name }] of entities) {
    if (kind !== entity.kind) continue;
    if (name === entity.name) return placeholder;
    count += 1;
  }
  if (count >= PLACEHOLDERS) return null;
  const placeholder = `@${LETTER[entity.kind]}${count + 1}`;
  entities.set(placeholder, entity);
  return placeholder;
}
