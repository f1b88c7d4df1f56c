/**
 * What `site.translate` and `fleet.translate` take and give: a sentence in, one query of the catalogue out, or a question back, or a no. Nothing
 * here runs a query: whoever asked sees it first, may change it, and asks it like any other.
 */
import { z } from 'zod';
import { siteName } from './ask.ts';

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

const readAs = z.object({ written: z.string(), read: z.string() });
const translatedQuery = z.object({ query: z.string(), echo: z.string(), confidence: z.number() });
const common = z.object({ text: z.string(), readAs: z.array(readAs) });
const examples = z.array(z.string());

/** A translation as another process told it. */
export const translationSchema: z.ZodType<Translation> = z.discriminatedUnion('kind', [
  common.extend({ kind: z.literal('query'), ...translatedQuery.shape }),
  common.extend({ kind: z.literal('did_you_mean'), options: z.array(translatedQuery) }),
  common.extend({ kind: z.literal('abstain'), examples }),
  common.extend({
    kind: z.literal('unknown_name'),
    names: z.array(z.object({ written: z.string(), near: z.array(z.string()) })),
  }),
  common.extend({ kind: z.literal('order'), examples }),
]);

export const fleetTranslateInput = translateInput.extend({
  /** Whose translator, and whose names; left out, a site that has one. */
  site: siteName.optional(),
});

/** What `fleet.translate` gives: whose translator it was, and whose names it knew; null for the coordinator's own, which knows those of all sites. */
export type FleetTranslation = Translation & { readonly site: string | null };

/** What a person made of a translation: kept at the site as the next training set. */
export const correctionInput = z.strictObject({
  text: z.string().trim().min(1).max(SENTENCE_CHARACTERS),
  /** What was proposed; null where nothing was. */
  proposed: z.string().max(4096).nullable(),
  /** The query that was meant. */
  query: z.string().min(1).max(4096),
  /** The query is one of the options of a "did you mean", and `proposed` the first of them. */
  choice: z.boolean().default(false),
});

export const fleetCorrectionInput = correctionInput.extend({
  /** Whose translation it was: `site` of that. */
  site: siteName.nullable().default(null),
});

export interface CorrectionResult {
  /** False where the disk did not take it: nothing else depends on it. */
  readonly kept: boolean;
}

/** What was kept of translations: JSON lines, the oldest first (docs/semantic.md, "The log"). */
export interface TranslationsResult {
  readonly lines: string;
}
