/**
 * One POST and its whole reply, as undici's dispatch tells of it: a body that is wanted whole needs no stream around it, which would
 * cost as much again as the request. undici notices nothing of a signal until a request is on a stream, so a handshake that hangs is
 * left here.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { LogicError } from '@fleet/shared/errors.ts';
import type { Dispatcher } from 'undici';

export interface Request {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

export interface Post extends Request {
  /** Bytes that a reply with this status may have. */
  readonly most: (statusCode: number) => number;
}

/** A reply as it came, to its end. */
export interface Whole {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Those who wait on each signal: one listener a signal, since adding one walks all that are there, and a fan-out has a thousand. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `abort` when the signal aborts, unless what this returns was called before. */
function whenAborted(signal: AbortSignal, abort: () => void): () => void {
  const all = waiting.get(signal) ?? new Set();
  if (!waiting.has(signal)) {
    waiting.set(signal, all);
    const tell = () => {
      for (const one of all) one();
    };
    signal.addEventListener('abort', tell, { once: true });
  }
  all.add(abort);
  return () => all.delete(abort);
}

/** Rejects with what undici reports, with `bad_reply` where the reply is too large, and with the signal's reason. */
export function exchange(dispatcher: Dispatcher, post: Post): Promise<Whole> {
  const reply = new Exchange(post);
  const { path, headers, body } = post;
  dispatcher.dispatch({ method: 'POST', path, headers, body }, reply);
  return reply.whole;
}

/**
 * The same for a reply that is read as it comes. Rejects with what undici reports and with the signal's reason, also while a handshake
 * hangs.
 */
export async function opened(
  dispatcher: Dispatcher,
  request: Omit<Request, 'body'> & { readonly method: 'GET' | 'POST'; readonly body?: string },
): Promise<Dispatcher.ResponseData> {
  const { signal } = request;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {}); // nobody races it any more once the reply is open
  const inner = new AbortController();
  // As long as the signal lives: it ends the reply that is being read, too.
  whenAborted(signal, () => {
    reject(signal.reason);
    afterTurns(FLUSHED_TURNS, () => inner.abort(signal.reason));
  });
  return Promise.race([dispatcher.request({ ...request, signal: inner.signal }), aborted]);
}

/**
 * A stream that is reset while its body is not yet on the wire, with a write of its session under way, is forgotten by Node before nghttp2
 * has let go of it: from then on the session writes empty DATA frames without an end, and the process ends out of memory
 * (Node 24.21, undici 8, as of nodejs/node#52952). The write takes a turn of the event loop, and the body the next one.
 */
const FLUSHED_TURNS = 4;

function afterTurns(turns: number, run: () => void): void {
  if (turns === 0) run();
  else setImmediate(() => afterTurns(turns - 1, run));
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #post: Post;
  readonly #settled = Promise.withResolvers<Whole>();
  #stayed: () => void = () => {};
  #controller: Dispatcher.DispatchController | null = null;
  #over = false;
  #statusCode = 0;
  #headers: IncomingHttpHeaders = {};
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(post: Post) {
    this.#post = post;
    const { signal } = post;
    const abort = () => this.#end(signal.reason);
    if (signal.aborted) abort();
    else this.#stayed = whenAborted(signal, abort);
  }

  get whole(): Promise<Whole> {
    return this.#settled.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error('nobody waits for it')); // before it is on a stream
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#statusCode = statusCode;
    this.#headers = headers;
  }

  /** Aborting resets the stream and spares the session. */
  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    this.#bytes += chunk.length;
    const most = this.#post.most(this.#statusCode);
    if (this.#bytes > most) this.#end(new LogicError('bad_reply', `the reply is larger than ${most} bytes`));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const [first] = this.#chunks;
    const body = first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.#bytes);
    this.#release();
    this.#settled.resolve({ statusCode: this.#statusCode, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#release();
    this.#settled.reject(error);
  }

  #end(why: unknown): void {
    if (this.#over) return;
    this.#release();
    this.#settled.reject(why);
    const controller = this.#controller;
    if (controller !== null)
      afterTurns(FLUSHED_TURNS, () => controller.abort(why instanceof Error ? why : new Error(String(why))));
  }

  #release(): void {
    this.#over = true;
    this.#chunks = [];
    this.#stayed();
  }
}
