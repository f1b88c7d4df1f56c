/**
 * What stands beside a model, `NAME.json` beside `NAME.gguf`: how it is asked, and how sure it must be. Whoever translates reads it; the
 * process that runs the model does not.
 */
import { z } from 'zod';
import { MODEL_SETTINGS_BYTES, SEMANTIC_INSTRUCT_REPLY_MS, SEMANTIC_REPLY_MS } from '../limits.ts';
import { badSettings, readSettings } from '../settings.ts';

const share = z.number().min(0).max(1);
const words = z.array(z.string().min(1).max(64)).max(50_000);

export const modelSettings = z
  .strictObject({
    format: z.literal(1),
    /** `words`: our own small model, whose prompt is the tagged words. `instruct`: a model that is told what to do, with examples. */
    style: z.enum(['words', 'instruct']),
    /**
     * Other models beside this one, by file name, trained alike from other draws: what all of them say is run, and where they differ the
     * person is asked.
     */
    voices: z
      .array(z.string().regex(/^[\w.-]+\.gguf$/))
      .max(4)
      .default([]),
    /**
     * How sure it must be for a query to be proposed alone, and to be offered as one of a few; and how much surer than of a query it must be that
     * there is none to refuse at once.
     */
    thresholds: z.strictObject({ run: share, offer: share, refuse: z.number().min(0).max(10).default(1) }),
    /** What a word-by-word model knows: the words of the trade, those of the language that mean nothing to it, and usual names of things. */
    words: z.strictObject({ domain: words, general: words, standIns: words.default([]) }).optional(),
    /** SHA-256 of the model's file, hex: what was measured belongs to these bytes. */
    digest: z.string().regex(/^[0-9a-f]{64}$/),
    /** When, from what and how it was trained, for people. */
    trained: z.string().max(2_000).optional(),
  })
  .refine(({ thresholds }) => thresholds.offer <= thresholds.run, {
    message: 'what is proposed alone must be surer than what is offered',
    path: ['thresholds'],
  })
  .refine(({ style, words: known }) => style === 'instruct' || known !== undefined, {
    message: 'a model of the style words names its words',
    path: ['words'],
  });

export type ModelSettings = z.infer<typeof modelSettings>;

/** Where the settings of a model are. */
export function settingsFileOf(modelFile: string): string {
  return modelFile.replace(/\.gguf$/, '').concat('.json');
}

/** Throws `bad_setup` where there are none, or with file and field. */
export function readModelSettings(modelFile: string): ModelSettings {
  const file = settingsFileOf(modelFile);
  const settings = readSettings(file, MODEL_SETTINGS_BYTES, modelSettings);
  if (settings === null)
    throw badSettings(file, 'not there: docs/semantic.md says what stands beside a model');
  return settings;
}

/** A small model is quick, and reads its short prompt anew; a large one keeps what all its prompts begin with. */
export function tempoOf({ style }: ModelSettings): {
  readonly timeoutMs: number;
  readonly cachePrompt: boolean;
} {
  return style === 'instruct'
    ? { timeoutMs: SEMANTIC_INSTRUCT_REPLY_MS, cachePrompt: true }
    : { timeoutMs: SEMANTIC_REPLY_MS, cachePrompt: false };
}
