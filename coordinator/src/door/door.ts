/**
 * The coordinator's side of /pengine/*: any Pengine client can ask the fleet as it would ask a site. A request is read by the
 * same code as at a site (shared/src/door), and what comes of it is one ordinary event: the answers of all sites, distinct and in
 * canonical order. Pengines belong to their caller, and end with their question, with their caller, or when nobody uses them.
 */

import { busy } from '@fleet/shared/door/places.ts';
import { type DoorReply, errorReply, plainEvent, unknownPengine } from '@fleet/shared/door/reply.ts';
import {
  type CreateWish,
  type ReplyFormat,
  readEvent,
  readFormat,
  readKeys,
  readWish,
  textOf,
} from '@fleet/shared/door/request.ts';
import { type Session, Sessions } from '@fleet/shared/door/sessions.ts';
import { Vocabulary } from '@fleet/shared/door/vocabulary.ts';
import { asLogicError, LogicError } from '@fleet/shared/errors.ts';
import {
  DOOR_CALLER_PENGINES,
  DOOR_PENGINES,
  PENGINE_IDLE_MS,
  QUERY_TEXT_BYTES,
  TERM_DEPTH,
} from '@fleet/shared/limits.ts';
import { argumentsOf, isCompound, readTerm, type Term, writeTerm } from '@fleet/shared/term.ts';
import type { Caller } from '@fleet/shared/tokens.ts';
import type { Fleet } from '../query/pipeline.ts';
import { askThroughDoor } from './ask.ts';
import { creating, destroying, nextPage, plain, type Walk } from './pengine.ts';

export interface DoorRequest {
  readonly method: string;
  readonly action: string;
  /** Parameters of the URL. */
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly body: Buffer;
  /** Whose pengines these are. */
  readonly by: Caller;
  /** Aborted when the caller goes away. */
  readonly gone: AbortSignal;
}

const ACTIONS: readonly string[] = ['create', 'send', 'pull_response', 'abort', 'ping', 'destroy_all'];
/** The application whose answers may rest on part of the fleet. */
const PARTIAL = 'logic_partial';
/** Goals that only a coordinator knows. */
const FLEET_GOALS: readonly string[] = ['at/2'];

/** How an error to this request will be told. */
interface Told {
  format: ReplyFormat;
  id: string;
}

/** What a pengine is about, beside whose it is. */
interface Pengine {
  readonly session: Session;
  readonly partial: boolean;
  chunk: number;
  walk: Walk | null;
  /** Ends the question that runs. */
  running: AbortController | null;
}

export class FleetDoor {
  readonly #fleet: Fleet;
  readonly #vocabulary: Vocabulary;
  readonly #sessions = new Sessions();
  readonly #pengines = new Map<string, Pengine>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.#vocabulary = new Vocabulary(fleet.manifest, FLEET_GOALS);
    this.#sweeper = setInterval(() => this.#sweep(), PENGINE_IDLE_MS / 2).unref();
  }

  /** Pengines that are open. */
  get size(): number {
    return this.#pengines.size;
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const { running } of this.#pengines.values()) running?.abort();
    this.#pengines.clear();
    this.#sessions.clear();
  }

  /** Reads the keys of a create; `sites` is a coordinator's own. @throws as `readWish` */
  readCreate(request: Pick<DoorRequest, 'contentType' | 'body'>): {
    wish: CreateWish;
    keys: ReadonlyMap<string, unknown>;
  } {
    const keys = readKeys(request.contentType, request.body);
    return { keys, wish: this.#wish(keys) };
  }

  /** Answers one request; never throws. */
  async handle(request: DoorRequest): Promise<DoorReply> {
    const told: Told = { format: 'prolog', id: this.#newId() };
    try {
      if (!ACTIONS.includes(request.action))
        throw new LogicError('not_found', 'There is no such action of /pengine.');
      if (request.method === 'OPTIONS')
        return { status: 200, headers: { 'content-type': 'text/plain' }, body: Buffer.alloc(0) };
      return await this.#act(request, told);
    } catch (cause) {
      return errorReply(told.format, told.id, asLogicError(cause));
    }
  }

  async #act(request: DoorRequest, told: Told): Promise<DoorReply> {
    if (request.action === 'create') return this.#create(request, told);
    const keys = parameters(request);
    if (request.action === 'destroy_all') return this.#destroyAll(request, keys);
    told.format = readFormat(keys.get('format') ?? undefined);
    told.id = keys.get('id') ?? '';
    if (told.id === '') throw new LogicError('bad_request', 'The parameter id is missing.');
    const { format, id } = told;
    const session = this.#sessions.find(id, request.by.name);
    const pengine = session === null ? undefined : this.#pengines.get(id);
    switch (request.action) {
      case 'send':
        return this.#send(request, { keys, told, pengine });
      case 'abort':
        pengine?.running?.abort();
        return pengine === undefined ? unknownPengine(format, id) : eventReply('json', 'true');
      case 'ping':
        return pengine === undefined
          ? plainEvent(format, 'died', id)
          : eventReply(format, pingOf(format, id));
      default:
        if (pengine === undefined) return unknownPengine(format, id);
        throw new LogicError(
          'bad_request',
          'Each request waits for its own event: there is none to be fetched.',
        );
    }
  }

  async #create(request: DoorRequest, told: Told): Promise<DoorReply> {
    if (request.method !== 'POST') throw new LogicError('bad_request', 'create is a POST.');
    told.format = request.contentType.startsWith('application/json') ? 'json' : 'prolog';
    const keys = readKeys(request.contentType, request.body);
    told.format = readFormat(keys.get('format'));
    const wish = this.#wish(keys);
    if (keys.has('sites'))
      throw new LogicError('bad_request', 'The key sites goes with accept: application/x-ndjson.');
    if (this.#pengines.size >= DOOR_PENGINES) throw busy('pengines');
    if (this.#sessions.countOf(request.by.name) >= DOOR_CALLER_PENGINES) throw busy('pengines of one caller');
    const pengine = this.#open(request.by.name, told.id, wish, keys.get('application') === PARTIAL);
    const { format, ask, destroy } = wish;
    if (ask === null) return eventReply(format, creating(format, told.id, DOOR_CALLER_PENGINES, null));
    const answer = await this.#answer(request, pengine, {
      ask,
      template: textOf(keys, 'template'),
      format,
    }).catch((cause) => {
      // An error before there is an answer comes alone; whoever was told of it may still send destroy.
      if (destroy) this.#end(pengine, true);
      throw cause;
    });
    return eventReply(format, creating(format, told.id, DOOR_CALLER_PENGINES, answer));
  }

  #wish(keys: ReadonlyMap<string, unknown>): CreateWish {
    const read = new Map(keys);
    read.delete('sites');
    if (read.get('application') === PARTIAL) read.set('application', 'logic');
    return readWish(read, this.#vocabulary);
  }

  #open(caller: string, id: string, { ask, destroy, chunk }: CreateWish, partial: boolean): Pengine {
    const session: Session = {
      id,
      caller,
      ask: ask ?? '',
      destroy,
      usedAt: this.#fleet.world.now(),
      busy: false,
    };
    const pengine: Pengine = { session, partial, chunk, walk: null, running: null };
    this.#sessions.add(session);
    this.#pengines.set(id, pengine);
    return pengine;
  }

  /** Asks the fleet, and gives the first page. The pengine ends with a caller that leaves meanwhile. */
  async #answer(
    request: DoorRequest,
    pengine: Pengine,
    { ask, template, format }: Question,
  ): Promise<string> {
    const { session, partial, chunk } = pengine;
    const start = this.#fleet.world.elapsed();
    const running = new AbortController();
    pengine.running = running;
    session.busy = true;
    const leave = () => {
      running.abort();
      this.#end(pengine, false);
    };
    request.gone.addEventListener('abort', leave, { once: true });
    try {
      const table = await askThroughDoor(
        this.#fleet,
        { ask, template, partial },
        { cancel: running.signal, by: request.by },
      );
      pengine.walk = { table, at: 0, chunk };
      return this.#page(pengine, format, (this.#fleet.world.elapsed() - start) / 1000);
    } catch (cause) {
      if (!running.signal.aborted) throw cause;
      this.#end(pengine, true);
      return destroying(format, session.id, plain(format, 'abort', session.id));
    } finally {
      request.gone.removeEventListener('abort', leave);
      pengine.running = null;
      session.busy = false;
      session.usedAt = this.#fleet.world.now();
    }
  }

  #page(pengine: Pengine, format: ReplyFormat, seconds: number): string {
    const { session, walk } = pengine;
    if (walk === null)
      throw new LogicError('bad_request', 'There is no question whose answers could be given.');
    const { text, last } = nextPage(format, session.id, walk, seconds);
    if (!last) return text;
    pengine.walk = null;
    if (!session.destroy) return text;
    this.#end(pengine, true);
    return destroying(format, session.id, text);
  }

  async #send(
    request: DoorRequest,
    {
      keys,
      told,
      pengine,
    }: { readonly keys: URLSearchParams; readonly told: Told; readonly pengine: Pengine | undefined },
  ): Promise<DoorReply> {
    const { format, id } = told;
    const text = keys.get('event') ?? request.body.toString('utf8');
    const event = readEvent(text, this.#vocabulary);
    const now = this.#fleet.world.now();
    if (pengine === undefined) {
      const ended = event.kind === 'destroy' && this.#sessions.endedLately(id, request.by.name, now);
      return ended ? plainEvent(format, 'destroy', id) : unknownPengine(format, id);
    }
    if (pengine.session.busy) throw busy('requests to this pengine');
    pengine.session.usedAt = now;
    switch (event.kind) {
      case 'destroy':
        this.#end(pengine, false);
        return plainEvent(format, 'destroy', id);
      case 'stop':
        pengine.walk = null;
        return eventReply(format, plain(format, 'stop', id));
      case 'next':
        if (pengine.walk !== null) pengine.walk.chunk = countOf(text) ?? pengine.walk.chunk;
        return eventReply(format, this.#page(pengine, format, 0));
      case 'ask': {
        const question = readAsk(text);
        pengine.session.ask = text;
        pengine.chunk = question.chunk ?? 1;
        return eventReply(format, await this.#answer(request, pengine, { ...question, format }));
      }
    }
  }

  #destroyAll({ by }: DoorRequest, keys: URLSearchParams): DoorReply {
    for (const id of (keys.get('ids') ?? '').split(',')) {
      const pengine = this.#sessions.find(id, by.name) === null ? undefined : this.#pengines.get(id);
      if (pengine !== undefined) this.#end(pengine, false);
    }
    return eventReply('json', '"ok"');
  }

  #end(pengine: Pengine, remember: boolean): void {
    const { session } = pengine;
    pengine.running?.abort();
    this.#pengines.delete(session.id);
    this.#sessions.remove(session);
    if (remember) this.#sessions.remember(session.id, session.caller, this.#fleet.world.now());
  }

  #sweep(): void {
    for (const { id } of this.#sessions.takeIdle(this.#fleet.world.now())) this.#pengines.delete(id);
  }

  #newId(): string {
    const hex = this.#fleet.world.randomHex(16);
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `4${hex.slice(13, 16)}`,
      `8${hex.slice(17, 20)}`,
      hex.slice(20),
    ].join('-');
  }
}

interface Question {
  readonly ask: string;
  readonly template: string | null;
  readonly format: ReplyFormat;
}

/** The parts of an `ask/2` event that `readEvent` has found to be one. */
function readAsk(text: string): { ask: string; template: string | null; chunk: number | null } {
  const event = readTerm(text, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term;
  const [goal, options] = argumentsOf(event) as [Term, Term];
  const items = options.kind === 'list' ? options.items : [];
  const option = (name: string): Term | undefined =>
    items.flatMap((item) => (isCompound(item, name, 1) ? [item.args[0] as Term] : []))[0];
  const template = option('template');
  const chunk = option('chunk');
  return {
    ask: writeTerm(goal),
    template: template === undefined ? null : writeTerm(template),
    chunk: chunk?.kind === 'int' ? Number(chunk.value) : null,
  };
}

function countOf(text: string): number | null {
  const event = readTerm(text, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term;
  const [count] = argumentsOf(event);
  return count?.kind === 'int' ? Number(count.value) : null;
}

function pingOf(format: ReplyFormat, id: string): string {
  return format === 'json' ? JSON.stringify({ event: 'ping', id, data: {} }) : `ping('${id}',[])`;
}

const CONTENT_TYPE: Readonly<Record<ReplyFormat, string>> = {
  json: 'application/json; charset=UTF-8',
  prolog: 'text/x-prolog; charset=UTF-8',
};

function eventReply(format: ReplyFormat, text: string): DoorReply {
  return {
    status: 200,
    headers: { 'content-type': CONTENT_TYPE[format], 'cache-control': 'no-store' },
    body: Buffer.from(format === 'prolog' ? `${text}.\n` : text),
  };
}

/** Parameters of the URL, or of a form in the body. */
function parameters({ query, contentType, body }: DoorRequest): URLSearchParams {
  if (!contentType.startsWith('application/x-www-form-urlencoded')) return query;
  return new URLSearchParams([...query, ...new URLSearchParams(body.toString('utf8'))]);
}
