/**
 * What `site.translate` and `fleet.translate` take and give: a sentence in, one query of the catalogue out, or a question back, or a no. Nothing
 * here runs a query: whoever asked sees it first, may change it, and asks it like any other.
 */
import { z } from 'zod';

/** Longest sentence, in characters: a question, not a story. */
export const SENTENCE_CHARACTERS = 400;

export const translateInput = z.strictObject({
  text: z.string().trim().min(1).max(SENTENCE_CHARACTERS),
});

/** A query, with what it says in the catalogue's own words. */
export interface TranslatedQuery {
  /** Vetted, in ordinary operator notation, as a person would type it. */
  readonly query: string;
  /** In plain English, made from the query alone. */
  readonly echo: string;
  /** How sure the model was, 0 to 1. */
  readonly confidence: number;
}

/** What was read as something else than it was written: a typo, a name in another spelling. */
export interface ReadAs {
  readonly written: string;
  readonly read: string;
}

interface Common {
  readonly text: string;
  readonly readAs: readonly ReadAs[];
}

export type Translation = Common &
  (
    | ({ readonly kind: 'query' } & TranslatedQuery)
    /** "Did you mean A or B?" */
    | { readonly kind: 'did_you_mean'; readonly options: readonly TranslatedQuery[] }
    /** No query says this; what could be asked instead. */
    | { readonly kind: 'abstain'; readonly examples: readonly string[] }
    /** It asks about things that the site does not have. */
    | {
        readonly kind: 'unknown_name';
        readonly names: readonly { readonly written: string; readonly near: readonly string[] }[];
      }
    /** It wants something done: a logic node only answers. */
    | { readonly kind: 'order'; readonly examples: readonly string[] }
  );

/** What a person made of a translation: kept at the site as the next training set. */
export const correctionInput = z.strictObject({
  text: z.string().trim().min(1).max(SENTENCE_CHARACTERS),
  /** What was proposed; null where nothing was. */
  proposed: z.string().max(4096).nullable(),
  /** The query that was meant. */
  query: z.string().min(1).max(4096),
});
