/** For tests: the reader of a watch, who checks every event as a coordinator does. */
import { createPublicKey, randomBytes } from 'node:crypto';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { Readable } from 'node:stream';
import type { Answer } from '@fleet/shared/api/ask.ts';
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { checkReply } from '@fleet/shared/check.ts';
import { asLogicError, type ErrorCode } from '@fleet/shared/errors.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { REPLY_BYTES } from '@fleet/shared/limits.ts';
import { questionBody } from '@fleet/shared/pengine.ts';
import { Lines, readWatchEvent } from '@fleet/shared/watch-event.ts';
import { request } from 'undici';
import { SITE } from './site.ts';

export interface Told {
  readonly revision: number;
  /** `a=1,b=2` for each answer, in order; or the code of the error. */
  readonly rows: readonly string[] | ErrorCode;
  readonly answers: readonly Answer[];
  /** On performance.now(). */
  readonly at: number;
}

export interface Watching {
  readonly told: Told[];
  /** Blank lines so far. */
  readonly alive: () => number;
  readonly ended: () => boolean;
  readonly stream: Readable;
  /** The next event that was not taken yet. */
  next(): Promise<Told>;
  leave(): void;
}

export interface WatchOptions {
  readonly manifest: Manifest;
  /** PEM of the site's key: its public half checks the events. */
  readonly key: string;
  readonly prove?: boolean;
  readonly assume?: Parameters<typeof checkAsk>[2];
}

/** The request of a watch. */
export function watchRequest(query: string, { manifest, prove = true, assume }: Omit<WatchOptions, 'key'>) {
  const asked = checkAsk(query, manifest, assume);
  const question = questionBody(asked, prove);
  const nonce = randomBytes(16).toString('hex');
  const headers = { 'content-type': 'application/json', 'logic-nonce': nonce };
  return { asked, question, nonce, headers, prove };
}

/** Watches over plain HTTP. */
export async function watchPlain(url: string, query: string, options: WatchOptions): Promise<Watching> {
  const sent = watchRequest(query, options);
  const { body, statusCode } = await request(`${url}/watch`, {
    method: 'POST',
    headers: sent.headers,
    body: sent.question.body,
  });
  if (statusCode !== 200) throw new Error(`${statusCode} ${await body.text()}`);
  return read(body, sent, options);
}

/** Watches on a stream of that session. */
export function watchStream(session: ClientHttp2Session, query: string, options: WatchOptions): Watching {
  const sent = watchRequest(query, options);
  const stream = session.request({ ':method': 'POST', ':path': '/watch', ...sent.headers });
  stream.end(sent.question.body);
  return read(stream, sent, options);
}

export const sessionTo = (url: string, certificate: { cert: string; key: string; ca: string }) =>
  connect(url, { ...certificate, servername: SITE });

function read(
  stream: Readable,
  { asked, question, nonce, prove }: ReturnType<typeof watchRequest>,
  { manifest, key }: WatchOptions,
): Watching {
  const publicKey = createPublicKey(key);
  const told: Told[] = [];
  const lines = new Lines(2 * REPLY_BYTES);
  let taken = 0;
  let alive = 0;
  let ended = false;
  let wake = () => {};
  const take = (line: string) => {
    const { stamp, body } = readWatchEvent(line);
    const { revision } = stamp;
    const at = performance.now();
    try {
      const { answers } = checkReply({
        ...{ asked, prove, ask: question.ask, body, stamp, publicKey },
        expect: { site: SITE, nonce, manifest, askedAt: Date.now(), receivedAt: Date.now() },
      });
      const rows = answers.map(({ bindings }) => Object.values(bindings).join(' '));
      told.push({ revision, rows, answers, at });
    } catch (cause) {
      told.push({ revision, rows: asLogicError(cause).code, answers: [], at });
    }
  };
  stream.on('data', (chunk: Buffer) => {
    for (const line of lines.take(chunk)) {
      if (line === '') alive += 1;
      else take(line);
    }
    wake();
  });
  stream.on('error', () => {});
  stream.once('close', () => {
    ended = true;
    wake();
  });
  return {
    told,
    alive: () => alive,
    ended: () => ended,
    stream,
    next: async () => {
      while (taken === told.length) {
        if (ended) throw new Error('the watch has ended');
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return told[taken++] as Told;
    },
    leave: () => void stream.destroy(),
  };
}
