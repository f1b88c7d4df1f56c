/**
 * The translator of one site, put together: the model that the site has (service.ts), the site's names by asking its own engine, and the vetting
 * of every query that comes out.
 */

import { TranslationLog } from '@fleet/shared/semantic/log.ts';
import { collectNames } from '@fleet/shared/semantic/names.ts';
import { Sentences, type Translator } from '@fleet/shared/semantic/sentences.ts';
import type { NameTable } from '@fleet/shared/semantic/tag.ts';
import { modelTranslator } from '@fleet/shared/semantic/translator.ts';
import type { Logger } from 'pino';
import type { SiteEngine } from '../prolog/engine.ts';
import { askSite, type QueryParts } from '../query/pipeline.ts';
import { vetQuery } from '../query/vet.ts';
import type { SemanticService } from './service.ts';

export interface SiteSentenceParts {
  readonly query: QueryParts;
  readonly engine: SiteEngine;
  readonly revision: () => number;
  readonly semantic: SemanticService;
  /** The site's data folder: the log lies there. */
  readonly data: string;
  readonly log: Logger;
  /** Of a test, instead of the model. */
  readonly translator?: Translator | undefined;
}

export function siteSentences({ query, engine, revision, semantic, ...parts }: SiteSentenceParts): Sentences {
  const { manifest, world } = query;
  const vet = (text: string) => vetQuery(text, { manifest, engine });
  const names = new NamesOfSite(query, revision);
  const { complete, settings } = semantic;
  const {
    data,
    log,
    translator = modelTranslator({ complete, settings, names: () => names.get(), manifest, vet }),
  } = parts;
  const refused = (cause: unknown) =>
    log.warn({ err: cause }, 'the log of translations could not be written');
  return new Sentences({
    translator,
    log: new TranslationLog(data, { now: () => world.now(), refused }),
    vet,
  });
}

/** Whoever asks for names has places of its own at the door. */
const CALLER = 'translator';

/** The site's names, asked for again when its revision moved. */
export class NamesOfSite {
  readonly #parts: QueryParts;
  readonly #revision: () => number;
  #known: { readonly revision: number; readonly names: Promise<NameTable> } | null = null;

  constructor(parts: QueryParts, revision: () => number) {
    this.#parts = parts;
    this.#revision = revision;
  }

  /** Throws as a question to the site. */
  get(): Promise<NameTable> {
    const revision = this.#revision();
    if (this.#known?.revision === revision) return this.#known.names;
    const names = this.#ask();
    this.#known = { revision, names };
    // What went wrong is not kept.
    names.catch(() => {
      if (this.#known?.names === names) this.#known = null;
    });
    return names;
  }

  async #ask(): Promise<NameTable> {
    const asker = { caller: CALLER, gone: new AbortController().signal };
    const ask = async (query: string) =>
      (await askSite({ query, prove: false }, asker, this.#parts)).answers[0]?.bindings.Names;
    return collectNames(ask);
  }
}
