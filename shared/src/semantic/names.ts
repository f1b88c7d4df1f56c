/** All names of a site, or of a fleet: one question for each goal of NAMES_OF, whose one answer is a set, so that there is no limit of answers to meet. */
import type { JsonValue } from '../api/ask.ts';
import { KINDS, type Kind, NAMES_OF } from './kinds.ts';
import { NameTable, type SiteNames } from './tag.ts';

/** Asks, and gives the value of `Names`; what is no list is no names. */
export type AskNames = (query: string) => Promise<JsonValue | undefined>;

/** Throws what asking throws. One question after the other: nobody else is to wait for them. */
export async function collectNames(ask: AskNames): Promise<NameTable> {
  const names: Partial<Record<Kind, readonly string[]>> = {};
  for (const kind of KINDS) names[kind] = await namesOf(kind, ask);
  return new NameTable(names as SiteNames);
}

async function namesOf(kind: Kind, ask: AskNames): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const goal of NAMES_OF[kind].split(' ; ')) {
    const value = await ask(`aggregate_all(set(Name), ${goal}, Names)`);
    if (Array.isArray(value)) for (const name of value) if (typeof name === 'string') found.add(name);
  }
  return [...found];
}
