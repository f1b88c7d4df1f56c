/**
 * The short way of a question over HTTP/2: `POST /pengine/create` is read from its stream and answered on it. The request and reply
 * objects of node:http2's compatibility layer and of fastify cost more than all that the agent itself does for a question. Every other
 * request, and HTTP/1.1, takes the routes of server.ts; both ways end in the same door, with the same caller.
 */
import type { Http2SecureServer, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { DoorReply } from '@fleet/shared/door/reply.ts';
import { asLogicError, LogicError } from '@fleet/shared/errors.ts';
import { REQUEST_BODY_BYTES } from '@fleet/shared/limits.ts';
import type { Logger } from 'pino';
import type { CallerOf } from './access/callers.ts';
import type { PengineDoor } from './pengine/door.ts';
import { refusalOf } from './refusal.ts';

export interface QuestionParts {
  readonly door: PengineDoor;
  readonly callerOf: CallerOf;
  readonly log: Logger;
}

const PATH = '/pengine/create';
const NO_PARAMETERS = new URLSearchParams();
/** A body over the limit is read on, and dropped, up to this: a sender then gets to read the refusal. */
export const DRAINED_BYTES = 32 * 1024 * 1024;

/** Takes the questions out of the streams that `server`'s listeners are given until now. */
export function takeQuestions(server: Http2SecureServer, parts: QuestionParts): void {
  const others = server.listeners('stream');
  server.removeAllListeners('stream');
  server.on('stream', (stream, headers, ...rest) => {
    if (headers[':path'] === PATH && headers[':method'] === 'POST') return take(stream, headers, parts);
    for (const other of others) other.call(server, stream, headers, ...rest);
  });
}

function take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, parts: QuestionParts): void {
  // A stream that its asker reset leaks unless it is destroyed (SHARP-EDGES 10).
  stream.once('aborted', () => stream.destroy());
  stream.on('error', () => {}); // the asker is gone, and 'close' follows
  const chunks: Buffer[] = [];
  let bytes = 0;
  const collect = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= REQUEST_BODY_BYTES) chunks.push(chunk);
    else refuseLarge(stream, collect);
  };
  stream.on('data', collect);
  stream.once('end', () => {
    if (bytes <= REQUEST_BODY_BYTES) void answer(stream, headers, Buffer.concat(chunks), parts);
  });
}

/** The rest is dropped, within reason, so that the sender gets to read why. */
function refuseLarge(stream: ServerHttp2Stream, collect: (chunk: Buffer) => void): void {
  stream.off('data', collect);
  let left = DRAINED_BYTES;
  stream.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) stream.close();
  });
  const error = new LogicError('too_large', `A request has at most ${REQUEST_BODY_BYTES} bytes.`);
  stream.once('end', () => send(stream, refusalOf(error)));
}

async function answer(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  body: Buffer,
  { door, callerOf, log }: QuestionParts,
): Promise<void> {
  try {
    const caller = callerOf({
      headers,
      connection: stream.session ?? stream,
      socket: () => stream.session?.socket as TLSSocket,
    });
    const gone = new AbortController();
    // Making an abort's reason costs more than a question: only where somebody is to be told.
    stream.once('close', () => {
      if (!stream.headersSent) gone.abort();
    });
    const reply = await door.handle({
      method: 'POST',
      action: 'create',
      query: NO_PARAMETERS,
      contentType: headers['content-type'] ?? '',
      body,
      nonce: typeof headers['logic-nonce'] === 'string' ? headers['logic-nonce'] : '',
      caller: caller.name,
      gone: gone.signal,
    });
    send(stream, reply);
  } catch (cause) {
    const error = asLogicError(cause);
    if (error.code === 'internal') log.error({ err: cause }, 'request failed');
    send(stream, refusalOf(error));
  }
}

function send(
  stream: ServerHttp2Stream,
  { status, headers, body }: Pick<DoorReply, 'status' | 'headers'> & { readonly body: Buffer | string },
): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ':status': status, ...headers });
  stream.end(body);
}
