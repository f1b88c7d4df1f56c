/**
 * Sentences in, queries out, as a process serves them: a bounded number at once, a deadline, and what is worth learning from in the log.
 * The model waits in a process of its own, so nothing here delays a question that comes as a query.
 */
import type { z } from 'zod';
import type { CorrectionResult, correctionInput, Translation } from '../api/translate.ts';
import { Places } from '../door/places.ts';
import { LogicError } from '../errors.ts';
import { CALLER_SENTENCES_AT_ONCE, SENTENCE_MS, SENTENCES_AT_ONCE } from '../limits.ts';
import { noteOf, type TranslationLog } from './log.ts';

/** Throws `semantic_unavailable` where there is no model, or it does not answer. */
export interface Translator {
  translate(text: string, signal: AbortSignal): Promise<Translation>;
}

export interface SentenceParts {
  readonly translator: Translator;
  readonly log: TranslationLog;
  /** Throws what is wrong with a query. */
  readonly vet: (query: string) => Promise<void>;
}

/** Who says it, and until when it matters. */
export interface Speaker {
  readonly caller: string;
  readonly gone: AbortSignal;
}

export class Sentences {
  readonly #parts: SentenceParts;
  readonly #places = new Places({
    what: 'sentences',
    all: SENTENCES_AT_ONCE,
    each: CALLER_SENTENCES_AT_ONCE,
  });

  constructor(parts: SentenceParts) {
    this.#parts = parts;
  }

  get log(): TranslationLog {
    return this.#parts.log;
  }

  /** Throws `busy`, `deadline`, and as the translator. */
  async translate(text: string, { caller, gone }: Speaker): Promise<Translation> {
    const leave = this.#places.enter(caller);
    const deadline = AbortSignal.timeout(SENTENCE_MS);
    try {
      const translation = await this.#parts.translator.translate(text, AbortSignal.any([gone, deadline]));
      const note = noteOf(translation);
      if (note !== null) void this.#parts.log.note(note);
      return translation;
    } catch (cause) {
      if (gone.aborted) throw new LogicError('cancelled', 'Nobody waits for the translation.', cause);
      if (deadline.aborted)
        throw new LogicError('deadline', `The model did not answer within ${SENTENCE_MS / 1000} s.`, cause);
      throw cause;
    } finally {
      leave();
    }
  }

  /** Keeps what a person made of a proposal. Throws what is wrong with the query. */
  async correct({
    text,
    proposed,
    query,
    choice,
  }: z.output<typeof correctionInput>): Promise<CorrectionResult> {
    await this.#parts.vet(query);
    return {
      kept: await this.#parts.log.note({ kind: choice ? 'choice' : 'correction', text, proposed, query }),
    };
  }
}
