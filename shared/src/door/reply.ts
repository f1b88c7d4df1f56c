/**
 * Replies of the Pengine protocol: those that Node makes itself, in the two formats that stock clients read, and
 * what the door has to know of those that the engine makes (whose they are, and whether the pengine lives on).
 */
import { ERRORS, type LogicError } from '../errors.ts';
import { writeAtom } from '../term.ts';
import type { ReplyFormat } from './request.ts';

export interface DoorReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A busy site can be asked again after this. */
const RETRY_AFTER_S = 1;

const CONTENT_TYPE: Readonly<Record<ReplyFormat, string>> = {
  json: 'application/json; charset=UTF-8',
  prolog: 'text/x-prolog; charset=UTF-8',
};

/** Errors that belong to the transport: an HTTP status, and JSON whatever the format. */
const TRANSPORT_CODES: readonly string[] = ['too_large', 'busy', 'forbidden', 'not_found', 'loop'];

/** An error that Node found, as an event of the pengine `id`. */
export function errorReply(format: ReplyFormat, id: string, error: LogicError): DoorReply {
  const message = error.message.normalize('NFC');
  if (TRANSPORT_CODES.includes(error.code)) return transportReply(id, error);
  if (format === 'json')
    return eventReply(format, JSON.stringify({ event: 'error', id, code: error.code, data: message }));
  return eventReply(format, `error(${writeAtom(id)},error(logic(${error.code},${writeAtom(message)}),_)).\n`);
}

function transportReply(id: string, error: LogicError): DoorReply {
  const headers: Record<string, string> = { 'content-type': CONTENT_TYPE.json, 'cache-control': 'no-store' };
  if (error.code === 'busy') headers['retry-after'] = String(RETRY_AFTER_S);
  const body = Buffer.from(JSON.stringify({ event: 'error', id, code: error.code, data: error.message }));
  return { status: ERRORS[error.code].http, headers, body };
}

/** The protocol's own reply for a pengine that is not there (or not this caller's). */
export function unknownPengine(format: ReplyFormat, id: string): DoorReply {
  if (format === 'prolog') {
    return eventReply(
      format,
      `error(${writeAtom(id)},error(existence_error(pengine,${writeAtom(id)}),_)).\n`,
    );
  }
  const data = 'No such pengine: it ended, or it is not yours.';
  return eventReply(
    format,
    JSON.stringify({ event: 'error', id, code: 'existence_error', arg1: 'pengine', arg2: id, data }),
  );
}

/** An event that carries nothing but its pengine: `died`, `destroy`. */
export function plainEvent(format: ReplyFormat, event: 'died' | 'destroy', id: string): DoorReply {
  return eventReply(
    format,
    format === 'json' ? JSON.stringify({ event, id }) : `${event}(${writeAtom(id)}).\n`,
  );
}

function eventReply(format: ReplyFormat, text: string): DoorReply {
  return {
    status: 200,
    headers: { 'content-type': CONTENT_TYPE[format], 'cache-control': 'no-store' },
    body: Buffer.from(text),
  };
}

export interface EngineEvent {
  readonly id: string | null;
  /** The pengine is gone. */
  readonly ended: boolean;
  /** The question met an error; before it runs, the stock server then forgets `destroy`. */
  readonly failed: boolean;
}

const UUID = '[0-9a-fA-F-]{36}';
/** `create(Id,[slave_limit(3),answer(destroy(Id,error(` down to the third event, as far as they go. */
const PROLOG_EVENTS = new RegExp(
  `^(\\w+)\\('(${UUID})'(?:,\\[(?:slave_limit\\(\\d+\\),)?answer\\((\\w+)\\('${UUID}')?(?:,(\\w+)\\()?`,
);

/** What an engine's reply says of its pengine. A reply that says nothing names no id. */
export function readEngineEvent(format: ReplyFormat, body: Buffer): EngineEvent {
  const { id, events } = format === 'json' ? jsonEvents(body) : prologEvents(body);
  const ended = events.includes('destroy') || events.includes('died');
  return { id, ended, failed: events.includes('error') };
}

function prologEvents(body: Buffer): { id: string | null; events: readonly string[] } {
  const [, event = '', id = null, answer = '', inner = ''] =
    PROLOG_EVENTS.exec(body.subarray(0, 300).toString()) ?? [];
  return { id, events: [event, answer, inner] };
}

function jsonEvents(body: Buffer): { id: string | null; events: readonly string[] } {
  const event = parseObject(body);
  const answer = isObject(event.answer) ? event.answer : event;
  const inner = isObject(answer.data) ? answer.data : {};
  const id = typeof event.id === 'string' && new RegExp(`^${UUID}$`).test(event.id) ? event.id : null;
  return { id, events: [event.event, answer.event, inner.event].filter((name) => typeof name === 'string') };
}

function parseObject(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
