/**
 * The translator of a process that has a model to ask: what it knows of the model, and the names of this moment, handed to the pipeline
 * (translate.ts). Without a model it says so, and everything else works as before.
 */
import type { Manifest } from '../catalogue.ts';
import { checkAsk } from '../language.ts';
import { QUERY_TEXT_BYTES, TERM_DEPTH } from '../limits.ts';
import { readTerm } from '../term.ts';
import type { Complete } from './completion.ts';
import { echo } from './echo.ts';
import type { ModelSettings } from './model.ts';
import type { Translator } from './sentences.ts';
import { Lexicon } from './spelling.ts';
import type { NameTable } from './tag.ts';
import { translate } from './translate.ts';

export interface ModelParts {
  readonly complete: Complete;
  /** Throws `semantic_unavailable` where there is no model. */
  readonly settings: () => ModelSettings;
  readonly names: () => Promise<NameTable>;
  readonly manifest: Manifest;
  /** Throws what is wrong with a query. */
  readonly vet: (query: string) => Promise<void>;
}

/** An instruct model knows its words itself. */
const NO_WORDS = { domain: [], general: [], standIns: [] };

export function modelTranslator({ complete, settings, names, manifest, vet }: ModelParts): Translator {
  // Thousands of words: once for each model.
  const lexicons = new WeakMap<ModelSettings, Lexicon>();
  const lexiconOf = (model: ModelSettings): Lexicon => {
    const { domain, general, standIns } = model.words ?? NO_WORDS;
    const lexicon = lexicons.get(model) ?? new Lexicon(domain, general, standIns);
    lexicons.set(model, lexicon);
    return lexicon;
  };
  return {
    translate: async (text, signal) => {
      const model = settings();
      const lexicon = lexiconOf(model);
      const parts = { complete, names: await names(), lexicon, manifest, settings: model, vet };
      return translate(text, parts, signal);
    },
  };
}

/** What a query that somebody wrote says; null where it cannot be read. */
export function echoOf(query: string, manifest: Manifest): string | null {
  try {
    checkAsk(query, manifest);
    return echo(readTerm(query, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term, manifest);
  } catch {
    return null;
  }
}
