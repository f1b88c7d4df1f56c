/**
 * The model behind HTTP on a Unix socket: /health, /props, /tokenize and /completion of llama.cpp's server. It listens from the first
 * moment, and says 503 until the model is there. Completions wait in one short queue; a caller who leaves ends his own.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { asLogicError, LogicError } from '@fleet/shared/errors.ts';
import { SEMANTIC_BODY_BYTES, SEMANTIC_RETRY_AFTER_S, SEMANTIC_WAITING } from '@fleet/shared/limits.ts';
import { type CompletionBody, readCompletionBody, readTokenizeBody, type TokenizeBody } from './bodies.ts';
import type { RunningModel } from './model.ts';
import { Queue } from './queue.ts';
import { askedOf, completionReply, refusalOf } from './wire.ts';

/** A request that has not arrived whole by then is dropped. */
const REQUEST_ARRIVES_MS = 10_000;
/** Each may hold a body: those who run and wait, and some to be told so. */
const CONNECTIONS = 4 * SEMANTIC_WAITING;

export interface SemanticServerParts {
  /** As `/props` names it: that of the first. */
  readonly file: string;
  /** By name, the first one first; empty until all are loaded. */
  readonly models: ReadonlyMap<string, RunningModel>;
  readonly say: (line: string) => void;
}

export class SemanticServer {
  readonly #parts: SemanticServerParts;
  readonly #queue = new Queue(SEMANTIC_WAITING);
  readonly #http: Server;

  constructor(parts: SemanticServerParts) {
    this.#parts = parts;
    this.#http = createServer(
      { requestTimeout: REQUEST_ARRIVES_MS, keepAlive: true },
      (request, response) => {
        void this.#answer(request, response);
      },
    );
    this.#http.maxConnections = CONNECTIONS;
  }

  /** Listens at a socket that its user alone may open. Throws `bad_setup`. */
  async listen(path: string): Promise<void> {
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#http.once('error', reject);
        this.#http.listen({ path }, resolve);
      });
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause);
      throw new LogicError('bad_setup', `cannot listen at ${path}: ${said}`, cause);
    } finally {
      process.umask(before);
    }
  }

  close(): void {
    this.#http.close();
    this.#http.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      send(response, 200, await this.#reply(request, goneSignal(response)));
    } catch (cause) {
      if (response.destroyed) return;
      const { status, body } = refusalOf(cause);
      if (status >= 500 && status !== 503) this.#parts.say(`a request failed: ${detailOf(cause)}`);
      send(response, status, body);
    }
  }

  async #reply(request: IncomingMessage, gone: AbortSignal): Promise<object> {
    switch (`${request.method} ${request.url?.split('?')[0]}`) {
      case 'GET /health':
        this.#loaded();
        return { status: 'ok' };
      case 'GET /props':
        return this.#props();
      case 'POST /tokenize':
        return this.#tokenize(await readBody(request, readTokenizeBody));
      case 'POST /completion':
        return this.#complete(await readBody(request, readCompletionBody), gone);
      default:
        throw new LogicError('not_found', 'File Not Found');
    }
  }

  #loaded(name?: string): { model: RunningModel; name: string } {
    const { models } = this.#parts;
    const named = name === undefined ? undefined : models.get(name);
    if (named !== undefined && name !== undefined) return { model: named, name };
    const [first] = models;
    if (first === undefined) throw new LogicError('not_ready', 'Loading model');
    return { model: first[1], name: first[0] };
  }

  #props(): object {
    const { contextTokens } = this.#loaded().model;
    const params = { n_predict: -1, temperature: 0, grammar: '', n_probs: 0, stream: false };
    return {
      default_generation_settings: { id: 0, n_ctx: contextTokens, speculative: false, params },
      total_slots: 1,
      model_path: this.#parts.file,
      chat_template: '',
      modalities: { vision: false },
      build_info: 'logic-semantic',
      is_sleeping: false,
    };
  }

  #tokenize({ content, add_special, with_pieces }: TokenizeBody): object {
    const { model } = this.#loaded();
    const tokens = model.tokenize(content, add_special);
    return { tokens: with_pieces ? tokens.map((id) => ({ id, piece: model.piece(id) })) : tokens };
  }

  async #complete(body: CompletionBody, gone: AbortSignal): Promise<object> {
    const { model, name } = this.#loaded(body.model);
    const turn = this.#queue.run(() => model.complete(askedOf(body), gone), gone);
    if (turn === null) throw new LogicError('busy', `${SEMANTIC_WAITING} completions are waiting already.`);
    const generated = await turn;
    const { contextTokens } = model;
    return completionReply(body, generated, {
      model: name,
      prompt: model.textOf(generated.promptTokens),
      contextTokens,
    });
  }
}

function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new LogicError('cancelled', 'The caller has left.'));
  });
  return gone.signal;
}

/** Throws `too_large`, `bad_request`. */
async function readBody<T>(request: IncomingMessage, read: (json: unknown) => T): Promise<T> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    // What is too much is read on and dropped: who is still sending would not read the refusal.
    if (bytes <= SEMANTIC_BODY_BYTES) parts.push(part);
    else if (bytes > 4 * SEMANTIC_BODY_BYTES) break;
  }
  if (bytes > SEMANTIC_BODY_BYTES)
    throw new LogicError('too_large', `A request has at most ${SEMANTIC_BODY_BYTES} bytes.`);
  let json: unknown;
  try {
    json = JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch (cause) {
    throw new LogicError('bad_request', 'The body is no JSON.', cause);
  }
  return read(json);
}

function send(response: ServerResponse, status: number, body: object): void {
  if (status === 429) response.setHeader('retry-after', String(SEMANTIC_RETRY_AFTER_S));
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

function detailOf(cause: unknown): string {
  const { message, detail } = asLogicError(cause);
  return detail instanceof Error ? `${message} ${detail.message}` : message;
}
