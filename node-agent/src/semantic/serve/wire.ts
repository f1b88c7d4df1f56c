/**
 * The shapes of llama.cpp's server API, as far as we serve it (its tools/server/README.md): what a reply says, and how a refusal looks. What a
 * request may say is in bodies.ts.
 */
import { asLogicError, ERRORS, type LogicError } from '@fleet/shared/errors.ts';
import type { CompletionBody } from './bodies.ts';
import type { Asked, Generated, GeneratedToken } from './model.ts';

export function askedOf(body: CompletionBody): Asked {
  const { prompt, grammar, n_predict, temperature, cache_prompt } = body;
  return {
    prompt,
    grammar: grammar === '' ? undefined : grammar,
    predict: n_predict < 0 ? Number.MAX_SAFE_INTEGER : n_predict,
    temperature,
    keepPrefix: cache_prompt,
  };
}

export function completionReply(
  body: CompletionBody,
  generated: Generated,
  about: { model: string; prompt: string; contextTokens: number },
) {
  const { tokens, promptTokens, cached } = generated;
  return {
    index: 0,
    content: generated.text,
    tokens: body.return_tokens ? tokens.map(({ id }) => id) : [],
    id_slot: 0,
    stop: true,
    model: about.model,
    tokens_predicted: tokens.length,
    tokens_evaluated: promptTokens.length,
    generation_settings: {
      n_predict: body.n_predict,
      temperature: body.temperature,
      n_probs: body.n_probs,
      grammar: body.grammar ?? '',
      stream: false,
      n_ctx: about.contextTokens,
    },
    prompt: about.prompt,
    has_new_line: generated.text.includes('\n'),
    truncated: generated.full,
    stop_type: generated.end,
    stopping_word: '',
    tokens_cached: promptTokens.length + Math.max(0, tokens.length - 1),
    timings: timingsOf(generated, promptTokens.length - cached, cached),
    ...(body.n_probs > 0
      ? { completion_probabilities: tokens.map((one) => probabilityOf(one, body.post_sampling_probs)) }
      : {}),
  };
}

/** Of the candidates, the one that was taken: the others are not kept (model.ts). */
function probabilityOf({ id, text, probability }: GeneratedToken, afterSampling: boolean) {
  const one = { id, token: text, bytes: [...Buffer.from(text)] };
  if (afterSampling) return { ...one, prob: probability, top_probs: [{ ...one, prob: probability }] };
  const logprob = Math.log(Math.max(probability, Number.MIN_VALUE));
  return { ...one, logprob, top_logprobs: [{ ...one, logprob }] };
}

function timingsOf({ tokens, promptMs, predictedMs }: Generated, read: number, cached: number) {
  return {
    cache_n: cached,
    prompt_n: read,
    prompt_ms: promptMs,
    prompt_per_token_ms: ratio(promptMs, read),
    prompt_per_second: ratio(read * 1000, promptMs),
    predicted_n: tokens.length,
    predicted_ms: predictedMs,
    predicted_per_token_ms: ratio(predictedMs, tokens.length),
    predicted_per_second: ratio(tokens.length * 1000, predictedMs),
  };
}

function ratio(of: number, to: number): number {
  return to > 0 ? of / to : 0;
}

export interface WireRefusal {
  readonly status: number;
  readonly body: { readonly error: Readonly<Record<string, unknown>> };
}

/** An error as llama-server words it. Its detail stays here. */
export function refusalOf(cause: unknown): WireRefusal {
  const error = asLogicError(cause);
  const tooLong = 'n_prompt_tokens' in error.data;
  const status = tooLong ? 400 : ERRORS[error.code].http;
  const type = tooLong ? 'exceed_context_size_error' : typeOf(status);
  return { status, body: { error: { code: status, message: messageOf(error), type, ...error.data } } };
}

function messageOf({ code, message }: LogicError): string {
  return code === 'not_ready' ? 'Loading model' : message;
}

function typeOf(status: number): string {
  if (status === 404) return 'not_found_error';
  if (status === 429 || status === 503) return 'unavailable_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}
