/**
 * The catalogue and the core clauses, as `kb/manifest.json` gives them (docs/protocol.md section 2). The manifest is
 * the checker's own copy of the rules: a site's word about its clauses is never taken.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { fitsInteger } from './arithmetic.ts';
import { LogicError } from './errors.ts';
import { QUERY_TEXT_BYTES, TERM_DEPTH } from './limits.ts';
import { type Rule, ruleOf } from './pattern.ts';
import { argumentsOf, indicator, isNormalName, readTerm, type Term } from './term.ts';

const argument = z.strictObject({
  name: z.string(),
  type: z.union([z.enum(['atom', 'integer', 'float', 'boolean', 'time']), z.array(z.string()).min(1)]),
  mode: z.enum(['-', '+']),
  unit: z.string().optional(),
});
const entry = z.strictObject({
  name: z.string().min(1),
  arity: z.int().min(0).max(16),
  kind: z.enum(['derived', 'state', 'inventory', 'clock']),
  det: z.string(),
  key: z.array(z.int().min(1)),
  module: z.string(),
  doc: z.string(),
  /** Questions in plain English that it answers; `{name}` stands for a value of that argument. Older bundles have none. */
  say: z.array(z.string()).default([]),
  args: z.array(argument),
});
const clause = z.strictObject({
  id: z.string(),
  name: z.string(),
  arity: z.int(),
  n: z.int().min(1),
  at: z.string(),
  head: z.string(),
  body: z.string(),
});
const manifest = z.strictObject({
  format: z.literal(1),
  bundle: z.string().regex(/^[0-9a-f]{64}$/),
  catalogue: z.array(entry),
  clauses: z.array(clause),
});

/** An argument's type; an array lists the atoms of an enumeration. */
export type ArgumentType = z.infer<typeof argument>['type'];
export type CatalogueArgument = z.infer<typeof argument>;
export type CatalogueEntry = z.infer<typeof entry>;

export interface Clause {
  /** `name/arity#n` */
  readonly id: string;
  /** File and line in the bundle. */
  readonly at: string;
  readonly rule: Rule;
}

export interface Manifest {
  readonly bundle: string;
  /** By `name/arity`. */
  readonly entries: ReadonlyMap<string, CatalogueEntry>;
  /** By `name/arity#n`. */
  readonly clauses: ReadonlyMap<string, Clause>;
}

/** Names with a meaning of their own in the language: a proof would confuse a predicate of that name with it. */
const RESERVED: ReadonlySet<string> = new Set([
  'true/0',
  ',/2',
  ';/2',
  '\\+/1',
  ':-/2',
  'is/2',
  '==/2',
  '\\==/2',
  '</2',
  '>/2',
  '=</2',
  '>=/2',
  '=:=/2',
  '=\\=/2',
  'all/4',
  'aggregate_all/3',
  'prove/2',
  '$any/1',
]);

/** Reads a parsed `manifest.json`. Throws `bundle_mismatch` if it is none or contradicts itself. */
export function readManifest(json: unknown): Manifest {
  const parsed = manifest.safeParse(json);
  if (!parsed.success)
    throw new LogicError('bundle_mismatch', 'This is no manifest of format 1.', parsed.error);
  const entries = new Map<string, CatalogueEntry>();
  for (const one of parsed.data.catalogue) {
    const key = `${one.name}/${one.arity}`;
    if (entries.has(key) || RESERVED.has(key) || one.args.length !== one.arity) broken(key);
    entries.set(key, one);
  }
  const clauses = new Map<string, Clause>();
  for (const { id, name, arity, n, at, head, body } of parsed.data.clauses) {
    const read = readClauseTerm(head, id);
    const key = `${name}/${arity}`;
    if (clauses.has(id) || id !== `${key}#${n}` || indicator(read) !== key || RESERVED.has(key)) broken(id);
    clauses.set(id, { id, at, rule: ruleOf(read, readClauseTerm(body, id)) });
  }
  return { bundle: parsed.data.bundle, entries, clauses };
}

function readClauseTerm(text: string, id: string): Term {
  try {
    return readTerm(text, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term;
  } catch (cause) {
    throw new LogicError('bundle_mismatch', `The manifest's clause ${id} cannot be read.`, cause);
  }
}

function broken(where: string): never {
  throw new LogicError('bundle_mismatch', `The manifest contradicts itself at ${where}.`);
}

/**
 * Reads `manifest.json` in `kbDir` and compares its digest with the rules beside it.
 * Throws `bundle_mismatch` if either is missing, unreadable, or the rules were changed since.
 */
export async function loadManifest(kbDir: string): Promise<Manifest> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(join(kbDir, 'manifest.json'), 'utf8'));
  } catch (cause) {
    throw new LogicError('bundle_mismatch', `There is no readable manifest.json in ${kbDir}.`, cause);
  }
  const loaded = readManifest(json);
  if (loaded.bundle !== (await bundleDigest(kbDir))) {
    throw new LogicError('bundle_mismatch', `The rules in ${kbDir} are not those of their manifest.json.`);
  }
  return loaded;
}

/** SHA-256 in hex over the core rules, as docs/protocol.md section 2 says. */
export async function bundleDigest(kbDir: string): Promise<string> {
  const paths = ['main.pl'];
  for (const part of ['core', 'proof']) {
    const inside = await readdir(join(kbDir, part), { recursive: true, withFileTypes: true });
    for (const file of inside) {
      if (file.isFile() && file.name.endsWith('.pl'))
        paths.push(join(file.parentPath, file.name).slice(join(kbDir, '/').length));
    }
  }
  paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const hash = createHash('sha256');
  for (const path of paths) {
    const content = await readFile(join(kbDir, path));
    hash.update(`${path}\n${content.length}\n`).update(content).update('\n');
  }
  return hash.digest('hex');
}

/** What typing and ordering go by: a declared type without its refinement. */
export function baseType(type: ArgumentType): 'atom' | 'integer' | 'float' {
  if (type === 'integer' || type === 'time') return 'integer';
  return type === 'float' ? 'float' : 'atom';
}

/** Whether a ground value has exactly the declared type. An integer is no float. */
export function hasType(value: Term, type: ArgumentType): boolean {
  switch (value.kind) {
    case 'int':
      return baseType(type) === 'integer' && fitsInteger(value.value);
    case 'float':
      return type === 'float' && Number.isFinite(value.value) && !Object.is(value.value, -0);
    case 'atom':
      if (type === 'atom') return !value.name.startsWith('$') && isNormalName(value.name);
      if (type === 'boolean') return value.name === 'true' || value.name === 'false';
      return Array.isArray(type) && type.includes(value.name);
    default:
      return false;
  }
}

/** Whether a value is of a base type of the language: `atom`, `integer`, `float`, or a list of one as `list(atom)`. */
export function hasBase(value: Term, base: string): boolean {
  if (base === 'atom' || base === 'integer' || base === 'float') return hasType(value, base);
  const item = /^list\((.*)\)$/.exec(base)?.[1];
  return item !== undefined && value.kind === 'list' && value.items.every((one) => hasBase(one, item));
}

/** A type in words, for messages. */
export function typeText(type: ArgumentType): string {
  if (Array.isArray(type)) return `one of ${type.join(', ')}`;
  if (type === 'boolean') return 'true or false';
  return type === 'time' ? 'a time in milliseconds (integer)' : `of type ${type}`;
}

/** The catalogue's entry for a ground, well-typed fact of the state or inventory; throws `bad_fact`. */
export function checkFact(term: Term, { entries }: Manifest): CatalogueEntry {
  const key = indicator(term);
  const found = key === null ? undefined : entries.get(key);
  if (found === undefined || (found.kind !== 'state' && found.kind !== 'inventory')) {
    throw new LogicError('bad_fact', `${key ?? 'This'} is no declared fact.`);
  }
  argumentsOf(term).forEach((value, i) => {
    const type = found.args[i]?.type ?? 'atom';
    if (!hasType(value, type))
      throw new LogicError('bad_fact', `Argument ${i + 1} of ${key} must be ${typeText(type)}.`);
  });
  return found;
}

/** Positions, from 0, of the arguments of which a state predicate has one fact per value: all where no key is declared. */
export function keyPositions({ key, args }: CatalogueEntry): readonly number[] {
  return key === undefined || key.length === 0 ? args.map((_, i) => i) : key.map((i) => i - 1);
}
