/**
 * The stage `tag`: finds the site's own names and the numbers in a sentence, and puts placeholders in their place. The model sees `@n1` where
 * a person wrote `pve1` or `PVE-1`; copying raw names cost it half of its accuracy. A name that the site does not have stays a word that
 * nobody knows. A name with two meanings (a virtual machine `dns`, a service `dns`) gives a reading for each.
 */
import { type Kind, KINDS, LETTER } from './kinds.ts';
import { type Quantity, quantityAt } from './quantity.ts';
import { type Lexicon, nearest, tolerated } from './spelling.ts';
import { pieces, wordsOf } from './words.ts';

/** A site's names, by kind. */
export type SiteNames = Readonly<Record<Kind, readonly string[]>>;

export interface Entity {
  readonly kind: Kind;
  readonly name: string;
}

/** What was read as something else than it was written. */
export interface ReadAs {
  readonly written: string;
  readonly read: string;
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
}

/** The word that stands for what the model does not know. */
export const UNKNOWN_WORD = '~';
/** Placeholders of one kind in a sentence; what comes after is unknown. */
export const PLACEHOLDERS = 4;
/** Readings of one sentence: each costs one run of the model. */
const READINGS = 4;
/** Pieces that one name may be written in: "web 01", "closet ups". */
const NAME_PIECES = 3;

const CUES: Readonly<Record<Kind, string>> = {
  node: 'node machine box host server hypervisor computer',
  vm: 'vm guest instance workload container vms',
  cluster: 'cluster',
  ups: 'ups battery',
  zone: 'zone network segment subnet net zones',
  mount: 'mount filesystem partition disk volume path fs drive',
  service: 'service port protocol traffic access connection connections',
};
const CUE_WORDS = new Map<Kind, ReadonlySet<string>>(
  KINDS.map((kind) => [kind, new Set(CUES[kind].split(' '))]),
);

/** After these, a word that could be a name is one; what else may come before it tells nothing. */
const BEFORE_NAME = new Set(
  'on from to of for in does do is if can could will would than and or between with without via by about after before as whether when should may must move has'.split(
    ' ',
  ),
);
/** `/` has no letters to match: what people call it. */
const ROOT_NAMES = new Set(['root']);

const squash = (text: string): string => text.toLowerCase().replace(/[\s_.:-]+/g, '');
const digitsOf = (text: string): string => text.replace(/\D+/g, ' ').trim();

/** Names of a site, ready to be found. */
export class NameTable {
  readonly #bySquashed = new Map<string, Entity[]>();

  constructor(names: SiteNames) {
    for (const kind of KINDS) for (const name of names[kind]) this.#add(squash(name), { kind, name });
    if (names.mount.includes('/')) for (const word of ROOT_NAMES) this.#add(word, { kind: 'mount', name: '/' });
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

  /** What was probably meant. Numbers in a name are never guessed: `pve9` is not `pve1`. */
  near(text: string): { entities: readonly Entity[]; edits: number } | null {
    const squashed = squash(text);
    const digits = digitsOf(squashed);
    const found = nearest(
      squashed,
      [...this.#bySquashed.keys()].filter((key) => digitsOf(key) === digits && key.length > tolerated(key.length) + 2),
    );
    return found === null ? null : { entities: this.#bySquashed.get(found.word) ?? [], edits: found.edits };
  }
}

type Token =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'name'; readonly entities: readonly Entity[] }
  | { readonly kind: 'quantity'; readonly quantity: Quantity }
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
  return choices(scan.tokens).map((tokens) => reading(tokens, scan.readAs));
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
    tokens.push({ kind: 'name', entities: named.entities });
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
    tokens.push({ kind: 'quantity', quantity: found.quantity });
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

function nameAt({ texts, at, names, lexicon }: Place): { entities: readonly Entity[]; length: number } | null {
  for (let length = Math.min(NAME_PIECES, texts.length - at); length >= 1; length--) {
    const parts = texts.slice(at, at + length).map((part) => part.replace(/'s$/, ''));
    const entities = names.find(parts.join(' '));
    if (entities.length === 0) continue;
    if (!parts.every((part) => wordsOf(part).every((word) => lexicon.isOrdinary(word)))) return { entities, length };
    const cued = entities.filter((entity) => isCued(entity, { texts, at, length }));
    if (cued.length > 0) return { entities: cued, length };
  }
  return null;
}

/** Whether an ordinary word is meant as a name here: beside a word of its kind, or where only a name can stand. */
function isCued({ kind }: Entity, { texts, at, length }: { texts: readonly string[]; at: number; length: number }): boolean {
  const before = texts[at - 1];
  const after = texts[at + length];
  const cues = CUE_WORDS.get(kind);
  if (before !== undefined && cues?.has(before)) return true;
  if (after !== undefined && cues?.has(after)) return true;
  return before !== undefined && BEFORE_NAME.has(before) && !(after ?? '').endsWith('s');
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
  if (isNearer) return { kind: 'name', entities: name.entities };
  return corrected === null ? null : { kind: 'words', words: corrected };
}

/** One list of tokens for each way to read names that have two meanings. */
function choices(tokens: readonly Token[]): readonly (readonly Token[])[] {
  let all: Token[][] = [[]];
  for (const [at, token] of tokens.entries()) {
    const options = token.kind === 'name' ? meant(token.entities, tokens, at) : [];
    const ways: Token[] = options.length > 1 ? options.map((entity) => ({ kind: 'name', entities: [entity] })) : [token];
    const next = all.flatMap((one) => ways.map((way) => [...one, way]));
    all = next.length <= READINGS ? next : all.map((one) => [...one, token]);
  }
  return all;
}

/** Of the meanings of a name those that the words beside it say, or all. */
function meant(entities: readonly Entity[], tokens: readonly Token[], at: number): readonly Entity[] {
  const beside = [tokens[at - 1], tokens[at + 1]].flatMap((token) => (token?.kind === 'words' ? token.words : []));
  const said = entities.filter(({ kind }) => beside.some((word) => CUE_WORDS.get(kind)?.has(word)));
  return said.length > 0 ? said : entities;
}

function reading(tokens: readonly Token[], readAs: readonly ReadAs[]): Reading {
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
  return { words, entities, quantities, readAs, unknown };
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
