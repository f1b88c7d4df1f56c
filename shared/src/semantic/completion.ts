/**
 * Asks the semantic process for one completion: llama.cpp's server API (`POST /completion`) over a Unix socket, so that a real llama-server
 * can stand in for ours. Decoding is greedy and follows the grammar. Whatever keeps a completion from coming is one error for those who
 * asked, `semantic_unavailable`: they can ask their query without it.
 *
 * How sure the model was is the probability of its least likely token. A server that tells none, or was cut off by the limit of tokens or by
 * the end of its context, counts as not sure at all: what is left of a longer query may be another query.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { z } from 'zod';
import { LogicError } from '../errors.ts';
import { SEMANTIC_REPLY_BYTES } from '../limits.ts';

export interface CompletionRequest {
  readonly prompt: string;
  /** GBNF. */
  readonly grammar: string;
  readonly maxTokens: number;
  /** Which of its models, by file name without the ending; left out, its first or only one. */
  readonly model?: string | undefined;
}

export interface Completion {
  readonly text: string;
  /** 0 to 1. */
  readonly confidence: number;
}

/** Throws `semantic_unavailable`; `cancelled` when whoever asked has left; `bad_request` for what the server will never take. */
export type Complete = (request: CompletionRequest, signal: AbortSignal) => Promise<Completion>;

export interface CompletionServer {
  /** Its Unix socket. */
  readonly socketPath: string;
  readonly timeoutMs: number;
  /** Whether it may keep what it read of the last prompt: for long prompts that begin alike. */
  readonly cachePrompt?: boolean;
}

/** One token: `logprob`, or `prob` after sampling; llama.cpp before 2025 had the likeliest candidates instead. */
const tokenShape = z.union([
  z
    .object({ logprob: z.number().nullable() })
    .transform(({ logprob }) => (logprob === null ? 0 : Math.exp(logprob))),
  z.object({ prob: z.number() }).transform(({ prob }) => prob),
  z
    .object({ probs: z.array(z.object({ prob: z.number() })).min(1) })
    .transform(({ probs }) => probs[0]?.prob ?? 0),
]);

const replyShape = z.object({
  content: z.string(),
  stop_type: z.string().optional(),
  truncated: z.boolean().optional(),
  completion_probabilities: z.array(tokenShape).optional(),
  /** The README of llama.cpp calls them so. */
  probs: z.array(tokenShape).optional(),
});

const refusalShape = z.object({ error: z.object({ message: z.string() }) });

export function completionOver(server: CompletionServer): Complete {
  return async ({ prompt, grammar, maxTokens, model }, signal) => {
    const body = JSON.stringify({
      model,
      prompt,
      grammar,
      n_predict: maxTokens,
      temperature: 0,
      n_probs: 1,
      stream: false,
      cache_prompt: server.cachePrompt === true,
    });
    return completionOf(await exchange(server, body, signal));
  };
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

/** Whether the server answers at all, loading or ready: one that is slow does, one that hangs does not. */
export function isAnswering(socketPath: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const request = httpRequest({ socketPath, path: '/health', agent: false, signal }, (reply) => {
      reply.resume();
      resolve(true);
    });
    request.once('error', () => resolve(false));
    request.end();
  });
}

/** The reply whole, by the deadline; typed errors otherwise. */
async function exchange(
  { socketPath, timeoutMs }: CompletionServer,
  body: string,
  signal: AbortSignal,
): Promise<Reply> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const reply = await sent(socketPath, body, AbortSignal.any([signal, late]));
    return { status: reply.statusCode ?? 0, text: await textOf(reply) };
  } catch (cause) {
    if (signal.aborted) throw new LogicError('cancelled', 'Whoever asked has left.', cause);
    if (late.aborted) throw unavailable(`There was no translation within ${timeoutMs} ms.`, cause);
    throw unavailable('The semantic process is not there.', cause);
  }
}

function sent(socketPath: string, body: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    // A connection for each: it costs less than one that the other side may just be closing.
    const options = {
      socketPath,
      path: '/completion',
      method: 'POST',
      headers,
      agent: false as const,
      signal,
    };
    const request: ClientRequest = httpRequest(options, resolve);
    request.once('error', reject);
    request.end(body);
  });
}

async function textOf(reply: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of reply as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > SEMANTIC_REPLY_BYTES) throw new Error(`a reply of more than ${SEMANTIC_REPLY_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function completionOf({ status, text }: Reply): Completion {
  const json = jsonOf(text);
  if (status !== 200)
    throw refused(status, refusalShape.safeParse(json).data?.error.message ?? `status ${status}`);
  const read = replyShape.safeParse(json);
  if (!read.success) throw unavailable('The semantic process said what is no completion.', read.error);
  const { content, stop_type, truncated } = read.data;
  const tokens = read.data.completion_probabilities ?? read.data.probs ?? [];
  const whole = stop_type !== 'limit' && truncated !== true && tokens.length > 0;
  return { text: content, confidence: whole ? Math.max(0, Math.min(1, ...tokens)) : 0 };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refused(status: number, said: string): LogicError {
  if (status === 429) return unavailable('The semantic process has its hands full.', said);
  if (status === 503) return unavailable('The semantic process is loading its model.', said);
  if (status >= 400 && status < 500)
    return new LogicError('bad_request', `The semantic process refused the prompt or its grammar: ${said}`);
  return unavailable('The semantic process failed.', said);
}

export function unavailable(message: string, detail?: unknown): LogicError {
  return new LogicError('semantic_unavailable', message, detail);
}
