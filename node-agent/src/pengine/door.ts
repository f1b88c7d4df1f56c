/**
 * Node's side of /pengine/*. It does not proxy, it re-emits: a request is parsed (`request.ts`), bounded, sent to
 * the stock Pengine server on its Unix socket in our own words, and the reply is handed on with the site's stamp
 * and signature. Pengines belong to their caller, and none outlives its question's deadline or its caller.
 *
 * Errors that Node finds have the protocol's own shape, so that stock clients report them like the server's.
 */

import { busy } from '@fleet/shared/door/places.ts';
import {
  type DoorReply,
  errorReply,
  plainEvent,
  readEngineEvent,
  unknownPengine,
} from '@fleet/shared/door/reply.ts';
import {
  type CreateRequest,
  type ReplyFormat,
  readCreate,
  readEvent,
  readFormat,
  readKeys,
  textOf,
  withTag,
} from '@fleet/shared/door/request.ts';
import { type Session, Sessions } from '@fleet/shared/door/sessions.ts';
import type { Vocabulary } from '@fleet/shared/door/vocabulary.ts';
import { asLogicError, LogicError } from '@fleet/shared/errors.ts';
import { CALLER_SESSIONS, PENGINE_SESSIONS } from '@fleet/shared/limits.ts';
import type { PengineRequest } from '../prolog/bridge.ts';
import type { SiteEngine } from '../prolog/engine.ts';
import type { EngineReply } from '../prolog/lane.ts';
import type { World } from '../world.ts';
import { EngineRoom } from './engine-room.ts';
import { KnownCreates } from './known-creates.ts';
import { type Signer, Stamper } from './stamp.ts';

export interface DoorRequest {
  readonly method: string;
  readonly action: string;
  /** Parameters of the URL. */
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly body: Buffer;
  /** The asker's nonce, as sent, or empty. */
  readonly nonce: string;
  /** Whose pengines these are. */
  readonly caller: string;
  /** Aborted when the caller goes away. */
  readonly gone: AbortSignal;
}

export interface DoorParts extends Signer {
  readonly engine: SiteEngine;
  readonly vocabulary: Vocabulary;
  /** The revision that Prolog was last known to hold. */
  readonly revision: () => number;
  readonly world: World;
}

const ACTIONS: readonly string[] = ['create', 'send', 'pull_response', 'abort', 'ping', 'destroy_all'];

export class PengineDoor {
  readonly #parts: DoorParts;
  readonly #sessions = new Sessions();
  readonly #room: EngineRoom;
  readonly #known = new KnownCreates();
  readonly #stamper: Stamper;

  constructor(parts: DoorParts) {
    this.#parts = parts;
    this.#stamper = new Stamper(parts);
    this.#room = new EngineRoom(parts.engine);
  }

  /** The way to the engine, whose places all questions share. */
  get room(): EngineRoom {
    return this.#room;
  }

  /** Pengines that are open. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Requests under way in the engine now, through both doors. */
  get running(): number {
    return this.#room.running + this.#room.asking;
  }

  /** Answers one request; never throws. */
  async handle(request: DoorRequest): Promise<DoorReply> {
    const reply: Reply = { format: 'prolog', id: this.#parts.world.uuid(), ask: null };
    try {
      if (!ACTIONS.includes(request.action))
        throw new LogicError('not_found', 'There is no such action of /pengine.');
      if (request.method === 'OPTIONS')
        return { status: 200, headers: { 'content-type': 'text/plain' }, body: Buffer.alloc(0) };
      return await this.#act(request, reply);
    } catch (cause) {
      return this.#refusal(errorReply(reply.format, reply.id, asLogicError(cause)), reply, request.nonce);
    }
  }

  /** Ends pengines that nobody used for long. */
  async sweep(): Promise<void> {
    const idle = this.#sessions.takeIdle(this.#parts.world.now());
    if (idle.length > 0) await this.#room.destroy(idle.map(({ id }) => id));
  }

  /** The engine is gone: so are its pengines. */
  engineLost(): void {
    this.#sessions.clear();
  }

  async #act(request: DoorRequest, reply: Reply): Promise<DoorReply> {
    if (request.action === 'create') return this.#create(request, reply);
    if (request.action === 'destroy_all') return this.#destroyAll(request, reply);
    const keys = parameters(request);
    reply.format = readFormat(keys.get('format') ?? undefined);
    checkNonce(request);
    reply.id = keys.get('id') ?? '';
    if (reply.id === '') throw new LogicError('bad_request', 'The parameter id is missing.');
    const session = this.#sessions.find(reply.id, request.caller);
    switch (request.action) {
      case 'send':
        return this.#send(request, keys, reply, session);
      case 'abort':
        return this.#abort(reply, session);
      case 'ping':
        return session === null ? plainEvent(reply.format, 'died', reply.id) : this.#ping(reply, session);
      default:
        return session === null
          ? unknownPengine(reply.format, reply.id)
          : this.#pull(request, reply, session);
    }
  }

  async #create(request: DoorRequest, reply: Reply): Promise<DoorReply> {
    if (request.method !== 'POST') throw new LogicError('bad_request', 'create is a POST.');
    reply.format = request.contentType.startsWith('application/json') ? 'json' : 'prolog';
    const before = this.#known.find(request.contentType, request.body);
    if (before !== null) {
      reply.format = before.format;
      checkNonce(request);
      reply.ask = before.ask;
    }
    const wish = before ?? this.#readCreate(request, reply);
    if (wish.lane !== null) return this.#ask(request, wish, wish.lane, reply);
    if (this.#sessions.size + this.#room.running >= PENGINE_SESSIONS) throw busy('pengines');
    if (this.#sessions.countOf(request.caller) >= CALLER_SESSIONS) throw busy('pengines of one caller');
    const emitted = {
      method: 'POST',
      path: '/pengine/create',
      contentType: 'application/json',
      body: withTag(wish.emitted, reply.id),
    } as const;
    const engineReply = await this.#room.create(emitted, reply.id, request);
    return this.#created(request, wish, engineReply, reply);
  }

  #readCreate(request: DoorRequest, reply: Reply): CreateRequest {
    const keys = readKeys(request.contentType, request.body);
    reply.format = readFormat(keys.get('format'));
    checkNonce(request);
    reply.ask = textOf(keys, 'ask');
    const wish = readCreate(keys, this.#parts.vocabulary);
    this.#known.keep(request.contentType, request.body, wish);
    return wish;
  }

  /** A question that leaves no pengine behind: on the lane. */
  async #ask(request: DoorRequest, wish: CreateRequest, text: string, reply: Reply): Promise<DoorReply> {
    const question = { format: wish.format, pengine: reply.id, text, caller: request.caller };
    const engineReply = await this.#room.ask(question, request);
    return this.#stamped(this.#asOwn(engineReply), wish.ask ?? '', request.nonce);
  }

  /** Takes note of the new pengine; one that failed, or whose caller left, is ended at once. */
  #created(
    request: DoorRequest,
    wish: CreateRequest,
    engineReply: EngineReply,
    reply: Reply,
  ): Promise<DoorReply> {
    const { id, ended, failed } = readEngineEvent(wish.format, engineReply.body);
    const now = this.#parts.world.now();
    if (id !== null) {
      reply.id = id;
      if (!ended && (request.gone.aborted || (failed && wish.destroy))) {
        void this.#room.destroy([id]);
        this.#sessions.remember(id, request.caller, now);
      } else if (!ended) {
        const { caller } = request;
        this.#sessions.add({
          id,
          caller,
          ask: wish.ask ?? '',
          destroy: wish.destroy,
          usedAt: now,
          busy: false,
        });
      }
    }
    return this.#stamped(failed ? this.#asOwn(engineReply) : engineReply, wish.ask ?? '', request.nonce);
  }

  /** The engine stamps answers only; its errors get this site's time and revision, so that they are signed too. */
  #asOwn(engineReply: EngineReply): EngineReply {
    return {
      ...engineReply,
      now: engineReply.now ?? this.#parts.world.now(),
      revision: engineReply.revision ?? this.#parts.revision(),
    };
  }

  /** A refusal in the protocol's shape is signed too, so that an asker knows it from one made up on the way. */
  async #refusal(refusal: DoorReply, { ask }: Reply, nonce: string): Promise<DoorReply> {
    if (refusal.status !== 200 || ask === null) return refusal;
    const stamp = await this.#stamper.headers({
      ask,
      nonce,
      now: this.#parts.world.now(),
      revision: this.#parts.revision(),
      body: refusal.body,
    });
    return { ...refusal, headers: { ...refusal.headers, ...stamp } };
  }

  async #send(
    request: DoorRequest,
    keys: URLSearchParams,
    reply: Reply,
    session: Session | null,
  ): Promise<DoorReply> {
    const text = keys.get('event') ?? request.body.toString('utf8');
    const event = readEvent(text, this.#parts.vocabulary);
    if (session === null) {
      const ended =
        event.kind === 'destroy' &&
        this.#sessions.endedLately(reply.id, request.caller, this.#parts.world.now());
      return ended ? plainEvent(reply.format, 'destroy', reply.id) : unknownPengine(reply.format, reply.id);
    }
    if (session.busy) throw busy('requests to this pengine');
    if (event.ask !== null) session.ask = event.ask;
    const path = `/pengine/send?${new URLSearchParams({ id: session.id, format: reply.format })}`;
    const contentType = 'application/x-prolog; charset=UTF-8';
    return this.#continue(request, reply, session, {
      method: 'POST',
      path,
      contentType,
      body: `${event.emitted} .\n`,
    });
  }

  #pull(request: DoorRequest, reply: Reply, session: Session): Promise<DoorReply> {
    const path = `/pengine/pull_response?${new URLSearchParams({ id: session.id, format: reply.format })}`;
    return this.#continue(request, reply, session, { method: 'GET', path });
  }

  /** One request to a pengine that is there. It ends with its caller, and when it does not answer in time. */
  async #continue(
    request: DoorRequest,
    reply: Reply,
    session: Session,
    emitted: PengineRequest,
  ): Promise<DoorReply> {
    if (session.busy) throw busy('requests to this pengine');
    session.busy = true;
    const leave = () => this.#end(session);
    request.gone.addEventListener('abort', leave, { once: true });
    try {
      const engineReply = await this.#room.run(emitted, request);
      this.#took(request, reply, session, engineReply);
      return this.#stamped(engineReply, session.ask, request.nonce);
    } catch (cause) {
      if (asLogicError(cause).code !== 'busy') this.#end(session);
      throw cause;
    } finally {
      request.gone.removeEventListener('abort', leave);
      session.busy = false;
      session.usedAt = this.#parts.world.now();
    }
  }

  #took(request: DoorRequest, reply: Reply, session: Session, engineReply: EngineReply): void {
    const { ended, failed } = readEngineEvent(reply.format, engineReply.body);
    if (ended) {
      this.#sessions.remove(session);
      return;
    }
    if (!failed || !session.destroy) return;
    this.#end(session);
    this.#sessions.remember(session.id, request.caller, this.#parts.world.now());
  }

  async #abort(reply: Reply, session: Session | null): Promise<DoorReply> {
    if (session === null) return unknownPengine(reply.format, reply.id);
    return this.#stamped(await this.#room.tell('abort', { id: session.id }), session.ask, '');
  }

  async #ping(reply: Reply, session: Session): Promise<DoorReply> {
    const parameters = { id: session.id, format: reply.format };
    return this.#stamped(await this.#room.tell('ping', parameters), session.ask, '');
  }

  async #destroyAll(request: DoorRequest, reply: Reply): Promise<DoorReply> {
    reply.format = 'json';
    const ids = (parameters(request).get('ids') ?? '').split(',');
    const own = ids
      .map((id) => this.#sessions.find(id, request.caller))
      .filter((session) => session !== null);
    for (const session of own) this.#sessions.remove(session);
    if (own.length > 0) await this.#room.destroy(own.map(({ id }) => id));
    return {
      status: 200,
      headers: { 'content-type': 'application/json; charset=UTF-8' },
      body: Buffer.from('"ok"'),
    };
  }

  #end(session: Session): void {
    this.#sessions.remove(session);
    void this.#room.destroy([session.id]);
  }

  /** The engine's reply; where a question ran, with the site's stamp and its signature over exactly these bytes. */
  async #stamped(engineReply: EngineReply, ask: string, nonce: string): Promise<DoorReply> {
    const { status, contentType, now, revision, body } = engineReply;
    const headers: Record<string, string> = { 'content-type': contentType, 'cache-control': 'no-store' };
    if (now === null || revision === null) return { status, headers, body };
    return {
      status,
      headers: { ...headers, ...(await this.#stamper.headers({ ask, nonce, now, revision, body })) },
      body,
    };
  }
}

/** How an error to this request will be told. */
interface Reply {
  format: ReplyFormat;
  id: string;
  /** The question as it was received, where there is one. */
  ask: string | null;
}

/** Parameters of the URL, or of a form in the body. */
function parameters(request: DoorRequest): URLSearchParams {
  if (!request.contentType.startsWith('application/x-www-form-urlencoded')) return request.query;
  return new URLSearchParams([...request.query, ...new URLSearchParams(request.body.toString('utf8'))]);
}

function checkNonce({ nonce }: DoorRequest): void {
  if (!/^([0-9a-f]{32})?$/.test(nonce))
    throw new LogicError('bad_request', 'logic-nonce has 32 lower-case hex digits.');
}
