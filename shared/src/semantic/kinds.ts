/**
 * What kinds of things a site's names stand for, and which arguments of the catalogue take which. The catalogue says `atom` for all of
 * them; an argument's name tells the kind.
 */
import type { CatalogueArgument, CatalogueEntry, Manifest } from '../catalogue.ts';

export type Kind = 'node' | 'vm' | 'cluster' | 'ups' | 'zone' | 'mount' | 'service';

/** The letter of a kind's placeholders: the first node of a sentence is `@n1`. */
export const LETTER: Readonly<Record<Kind, string>> = {
  node: 'n',
  vm: 'v',
  cluster: 'c',
  ups: 'u',
  zone: 'z',
  mount: 'm',
  service: 's',
};
export const KINDS = Object.keys(LETTER) as readonly Kind[];

/** The goal that gives all names of a kind at a site. */
export const NAMES_OF: Readonly<Record<Kind, string>> = {
  node: 'node(Name)',
  vm: 'vm(Name)',
  cluster: 'cluster(Name)',
  ups: 'ups(Name)',
  zone: 'zone(Name)',
  mount: 'node_mount(_, Name, _) ; node_disk_available(_, Name, _)',
  service: 'service(Name)',
};

const BY_NAME: Readonly<Record<string, readonly Kind[]>> = {
  node: ['node'],
  vm: ['vm'],
  cluster: ['cluster'],
  ups: ['ups'],
  zone: ['zone'],
  mount: ['mount'],
  service: ['service'],
  unit: ['node', 'vm'],
  on: ['node', 'vm'],
  other: ['vm'],
  from: ['zone'],
  to: ['zone'],
  pattern: ['zone', 'service'],
  wide: ['zone', 'service'],
  narrow: ['zone', 'service'],
  subject: ['node', 'cluster', 'ups'],
  lost: ['vm', 'node', 'cluster'],
};

/** Where the name of an argument means something else than elsewhere: `name/arity`, then the argument. */
const EXCEPTIONS: Readonly<Record<string, Readonly<Record<string, readonly Kind[]>>>> = {
  'may_reach/3': { from: ['node'], to: ['node'] },
  'reaches_by/4': { from: ['node'], to: ['node'] },
  'evacuation_target/3': { to: ['node'] },
  'covers_zone/2': { pattern: ['zone'] },
  'covers_service/2': { pattern: ['service'] },
  'violation/2': { subject: ['vm', 'cluster', 'node'] },
};

/** The kinds of names that an argument takes; none for numbers and enumerations. */
export function kindsOf(entry: CatalogueEntry, argument: CatalogueArgument): readonly Kind[] {
  if (argument.type !== 'atom') return [];
  return EXCEPTIONS[`${entry.name}/${entry.arity}`]?.[argument.name] ?? BY_NAME[argument.name] ?? [];
}

/** Atoms that core clauses write themselves where a name may stand. */
const WRITTEN: Readonly<Record<string, readonly string[]>> = {
  zone: ['any', 'other'],
  service: ['any', 'other'],
};

/** The constants that an argument takes beside names: those of its enumeration, or those that the core rules write. */
export function constantsOf(
  entry: CatalogueEntry,
  argument: CatalogueArgument,
  manifest: Manifest,
): readonly string[] {
  const { type, name } = argument;
  if (Array.isArray(type)) return type;
  if (type === 'boolean') return ['true', 'false'];
  if (type !== 'atom') return [];
  if (name === 'alert') return alertNames(manifest);
  return kindsOf(entry, argument).flatMap((kind) => WRITTEN[kind] ?? []);
}

/** Alerts have no list of their own: they are what the heads of alert_on/3 say. */
export function alertNames({ clauses }: Manifest): readonly string[] {
  const names = new Set<string>();
  for (const [id, { rule }] of clauses) {
    const head = id.startsWith('alert_on/3#') ? rule.head : null;
    if (head?.kind === 'compound' && head.args[0]?.kind === 'atom') names.add(head.args[0].name);
  }
  return [...names].sort();
}
