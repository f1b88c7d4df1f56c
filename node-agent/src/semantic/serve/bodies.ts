/**
 * What a request to the semantic process may say, read by hand: zod, with which everything else here is read, would be a tenth of the memory
 * that this process may have. What we do not have is ignored, as llama-server ignores what it does not know.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import { SEMANTIC_CONTEXT_TOKENS_MOST, SEMANTIC_PREDICT_TOKENS } from '@fleet/shared/limits.ts';

export interface CompletionBody {
  readonly prompt: string | readonly number[];
  readonly grammar: string | undefined;
  /** One of several; one that is not there is the first, as llama-server takes any name. */
  readonly model: string | undefined;
  /** -1 is as many as there is room for. */
  readonly n_predict: number;
  /** 0, the likeliest token each time, unless told: a translation is no place for chance. */
  readonly temperature: number;
  readonly n_probs: number;
  readonly post_sampling_probs: boolean;
  readonly return_tokens: boolean;
  readonly cache_prompt: boolean;
}

export interface TokenizeBody {
  readonly content: string;
  readonly add_special: boolean;
  readonly with_pieces: boolean;
}

/** Throws `bad_request` with the field, as the other one. */
export function readCompletionBody(json: unknown): CompletionBody {
  const body = new Fields(json);
  if (body.flag('stream')) throw wrong('stream', 'only whole replies are given: send false');
  return {
    prompt: body.prompt(),
    grammar: body.text('grammar'),
    model: body.text('model'),
    n_predict: body.whole('n_predict', -1, SEMANTIC_PREDICT_TOKENS),
    temperature: body.number('temperature', 2, 0),
    n_probs: body.whole('n_probs', 0, 0),
    post_sampling_probs: body.flag('post_sampling_probs'),
    return_tokens: body.flag('return_tokens'),
    cache_prompt: body.flag('cache_prompt'),
  };
}

export function readTokenizeBody(json: unknown): TokenizeBody {
  const body = new Fields(json);
  const content = body.text('content');
  if (content === undefined) throw wrong('content', 'a text');
  return { content, add_special: body.flag('add_special'), with_pieces: body.flag('with_pieces') };
}

class Fields {
  readonly #of: Readonly<Record<string, unknown>>;

  constructor(json: unknown) {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong('body', 'an object');
    this.#of = json as Record<string, unknown>;
  }

  prompt(): string | readonly number[] {
    const { prompt } = this.#of;
    if (typeof prompt === 'string') return prompt;
    if (Array.isArray(prompt) && prompt.length <= SEMANTIC_CONTEXT_TOKENS_MOST && prompt.every(isToken))
      return prompt;
    throw wrong('prompt', 'a text, or tokens');
  }

  text(name: string): string | undefined {
    const value = this.#of[name] ?? undefined;
    if (value === undefined || typeof value === 'string') return value;
    throw wrong(name, 'a text');
  }

  flag(name: string): boolean {
    const value = this.#of[name] ?? false;
    if (typeof value === 'boolean') return value;
    throw wrong(name, 'true or false');
  }

  whole(name: string, least: number, unless: number): number {
    const value = this.#of[name] ?? unless;
    if (Number.isInteger(value) && Number(value) >= least && Number(value) <= SEMANTIC_CONTEXT_TOKENS_MOST)
      return Number(value);
    throw wrong(name, `a whole number from ${least} to ${SEMANTIC_CONTEXT_TOKENS_MOST}`);
  }

  number(name: string, most: number, unless: number): number {
    const value = this.#of[name] ?? unless;
    if (typeof value === 'number' && value >= 0 && value <= most) return value;
    throw wrong(name, `a number from 0 to ${most}`);
  }
}

function isToken(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function wrong(field: string, what: string): LogicError {
  return new LogicError('bad_request', `${field}: ${what}`);
}
