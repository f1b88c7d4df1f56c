/**
 * The engine's Unix sockets: HTTP/1.1 to the Pengine server and to the control requests, and the lane. Every failure of the wire is `engine_lost`: the other end is a
 * child on this machine, so a broken connection means that it ended. Connections to the Pengine server are not kept alive: SWI-Prolog closes
 * idle ones just when a question might be written to one. Those of the control requests are: a commit, an alert pass and a text follow each
 * reading, its server waits for this end to close them (server.pl), and it has a worker for each.
 */
import { isErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { AGENT_REPLY_MS, REPLY_BYTES } from '@fleet/shared/limits.ts';
import { writeAtom } from '@fleet/shared/term.ts';
import { type Dispatcher, Pool } from 'undici';
import { z } from 'zod';
import type { JournalRow } from '../telemetry/journal.ts';
import { ENGINE_CONNECTIONS } from './budget.ts';
import { type EngineReply, Lane, type LaneQuestion } from './lane.ts';

export interface Sockets {
  /** The stock Pengine server. */
  readonly pengine: string;
  /** Readiness, commits, state text. */
  readonly control: string;
  /** Questions that want all their answers at once. */
  readonly lane: string;
}

export interface PengineRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query under the engine's root. */
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
}

const readiness = z.object({ revision: z.number().int(), atoms: z.number(), functors: z.number() });
export type Readiness = z.infer<typeof readiness>;

const refusal = z.object({
  code: z.string(),
  message: z.string().optional(),
  revision: z.number().int().optional(),
});

export type CommitOutcome =
  | { readonly kind: 'committed' }
  | { readonly kind: 'conflict'; readonly revision: number }
  | { readonly kind: 'bad_fact'; readonly message: string };

/** The rows that make the revisions `from` to `to`. */
export interface Batches {
  readonly from: number;
  readonly to: number;
  readonly rows: readonly JournalRow[];
}

interface RawReply {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: Buffer;
}

interface Wires {
  readonly pengine: Pool;
  readonly control: Pool;
  readonly lane: Lane;
}

export class Bridge {
  readonly #pengine: Pool;
  readonly #control: Pool;
  readonly lane: Lane;
  /** Which site of an engine of many, by the name of its facts' module; undefined where the engine holds one. */
  readonly #site: string | undefined;
  #requests = 0;

  constructor({ pengine, control, lane }: Wires, site?: string) {
    this.#pengine = pengine;
    this.#control = control;
    this.lane = lane;
    this.#site = site;
  }

  /** `lost` is told when the engine ends the lane, which it does when it ends itself or is out of step. */
  static open(sockets: Sockets, lost: () => void = () => {}): Bridge {
    return new Bridge({
      pengine: openPool(sockets.pengine, { connections: ENGINE_CONNECTIONS, pipelining: 0 }),
      control: openPool(sockets.control, { connections: CONTROL_CONNECTIONS, pipelining: 1 }),
      lane: new Lane(sockets.lane, lost),
    });
  }

  /** The same wires for one site of an engine of many. */
  at(site: string): Bridge {
    return new Bridge({ pengine: this.#pengine, control: this.#control, lane: this.lane }, site);
  }

  /** Questions that the engine has not answered yet. */
  get underWay(): number {
    return this.#requests + this.lane.underWay;
  }

  /** One question on the lane; throws as `Lane.ask`. */
  ask(question: LaneQuestion, gone: AbortSignal): Promise<EngineReply> {
    return this.lane.ask(this.#site === undefined ? question : { ...question, site: this.#site }, gone);
  }

  /** One request of the Pengine protocol. Throws `engine_lost`, `time_limit` (no reply in time), `too_large`. */
  async pengine(request: PengineRequest): Promise<EngineReply> {
    // A pengine would ask the engine's own site: in an engine of many there is the lane alone.
    if (this.#site !== undefined)
      throw new LogicError('not_ready', 'Whole sessions need an engine of their own.');
    const { status, headers, body } = await this.#counted(send(this.#pengine, request, AGENT_REPLY_MS));
    return {
      status,
      contentType: headerOf(headers, 'content-type') ?? 'application/octet-stream',
      now: numberOf(headers, 'logic-now'),
      revision: numberOf(headers, 'logic-revision'),
      micros: null,
      body,
    };
  }

  async #counted<T>(reply: Promise<T>): Promise<T> {
    this.#requests += 1;
    try {
      return await reply;
    } finally {
      this.#requests -= 1;
    }
  }

  async ready(): Promise<Readiness> {
    const { body } = await send(
      this.#control,
      { method: 'GET', path: this.#about('/ready') },
      AGENT_REPLY_MS,
    );
    return readiness.parse(JSON.parse(body.toString()));
  }

  /** Journaled batches in order as one Prolog transaction. */
  async commit({ from, to, rows }: Batches): Promise<CommitOutcome> {
    const path = this.#about(`/commit?from=${from}&to=${to}`);
    const request = { method: 'POST', path, contentType: 'text/plain', body: changesText(rows) } as const;
    const reply = await send(this.#control, request, COMMIT_MS);
    if (reply.status === 200) return { kind: 'committed' };
    const said = refusal.safeParse(parseJson(reply.body));
    if (said.success && said.data.code === 'conflict')
      return { kind: 'conflict', revision: said.data.revision ?? -1 };
    if (said.success && said.data.code === 'bad_fact')
      return { kind: 'bad_fact', message: said.data.message ?? '' };
    throw new LogicError('internal', 'The engine refused a batch.', reply.body.toString().slice(0, 500));
  }

  /** The canonical text of the state at the engine's revision. */
  async state(): Promise<{ revision: number; text: string }> {
    const reply = await send(this.#control, { method: 'GET', path: this.#about('/state') }, COMMIT_MS);
    const revision = numberOf(reply.headers, 'logic-revision');
    if (reply.status !== 200 || revision === null) {
      throw new LogicError('internal', 'The engine gave no state text.', reply.body.toString().slice(0, 500));
    }
    return { revision, text: reply.body.toString() };
  }

  /** What a request of the control socket gives (node-agent/prolog/state.pl), as JSON. Throws its refusal. */
  async control(path: string): Promise<unknown> {
    return this.#told({ method: 'GET', path: this.#about(path) });
  }

  /**
   * Whether the engine would take this question; it is not asked. The text is one that this side has read and written anew: of what nobody
   * knows, the engine would keep the names. Throws the refusal, as asking would.
   */
  async vet(query: string): Promise<void> {
    const request = {
      method: 'POST',
      path: this.#about('/vet'),
      contentType: 'text/plain',
      body: query,
    } as const;
    await this.#counted(this.#told(request));
  }

  /** Opens this site in an engine of many, with what its folder holds of inventory and state. Throws as `control`. */
  async openSite(folder: string): Promise<void> {
    await this.#told({ method: 'POST', path: this.#about(`/open?folder=${encodeURIComponent(folder)}`) });
  }

  #about(path: string): string {
    if (this.#site === undefined) return path;
    return `${path}${path.includes('?') ? '&' : '?'}site=${encodeURIComponent(this.#site)}`;
  }

  async #told(request: PengineRequest): Promise<unknown> {
    const { status, body } = await send(this.#control, request, COMMIT_MS);
    const said = parseJson(body);
    if (status === 200) return said;
    const { code, message } = refusal.safeParse(said).data ?? { code: '', message: undefined };
    if (isErrorCode(code)) throw new LogicError(code, message ?? 'The engine refused.');
    throw new LogicError('internal', `The engine refused ${request.path}.`, body.toString().slice(0, 500));
  }

  /** Ends every connection at once; what is under way fails with `engine_lost`. */
  async close(): Promise<void> {
    this.lane.close();
    await Promise.all([this.#pengine.destroy(), this.#control.destroy()]);
  }
}

/** A batch as the terms that state.pl reads. Facts are canonical text already. */
function changesText(rows: readonly JournalRow[]): string {
  let text = '';
  for (const { fact, source, observedAt, validUntil, removed } of rows) {
    text += removed
      ? `removed(${fact}).\n`
      : `put(${fact},${writeAtom(source)},${observedAt},${validUntil}).\n`;
  }
  return text;
}

/** A large batch may take Prolog longer than a question. */
const COMMIT_MS = 10_000;

/** Fewer than the control server has workers (server.pl): each that is kept has one to itself. Kept while readings come. */
const CONTROL_CONNECTIONS = 2;
const CONTROL_IDLE_MS = 60_000;

/** `pipelining` 0: a connection for each request. */
function openPool(
  socketPath: string,
  given: { readonly connections: number; readonly pipelining: 0 | 1 },
): Pool {
  return new Pool('http://localhost', {
    ...given,
    socketPath,
    keepAliveTimeout: CONTROL_IDLE_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: REPLY_BYTES,
  });
}

async function send(pool: Pool, request: PengineRequest, timeoutMs: number): Promise<RawReply> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const reply = await pool.request({
      method: request.method,
      path: request.path,
      body: request.body ?? null,
      headers: request.contentType === undefined ? {} : { 'content-type': request.contentType },
      signal,
    });
    return {
      status: reply.statusCode,
      headers: reply.headers,
      body: Buffer.from(await reply.body.arrayBuffer()),
    };
  } catch (cause) {
    throw wireError(cause, signal.aborted);
  }
}

function wireError(cause: unknown, timedOut: boolean): LogicError {
  if (timedOut) return new LogicError('time_limit', 'The engine did not reply in time.', cause);
  const code = cause instanceof Error && 'code' in cause ? cause.code : '';
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
    return new LogicError('too_large', `The reply is larger than ${REPLY_BYTES} bytes.`, cause);
  }
  return new LogicError('engine_lost', 'The engine ended before it answered.', cause);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}

function headerOf(headers: RawReply['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function numberOf(headers: RawReply['headers'], name: string): number | null {
  const value = Number(headerOf(headers, name) ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : null;
}
