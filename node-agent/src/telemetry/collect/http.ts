/**
 * One GET of a source: bounded in size, ended by the pass's signal, and every way in which it can go wrong as one
 * of the `source_...` codes. Connections live for one pass: sources are asked every few seconds at most, and
 * a connection that was never kept cannot be half dead. Redirects are not followed: a token would go along.
 */
import { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { LogicError } from '@fleet/shared/errors.ts';
import { COLLECT_BODY_BYTES } from '@fleet/shared/limits.ts';
import { Agent, buildConnector, type Dispatcher, errors, request } from 'undici';

/** How the certificate of an https source is judged. Both left out: by the authorities that this machine trusts. */
export interface Trust {
  /** SHA-256 of the one certificate that is taken, whoever signed it; `AA:BB:…`. */
  readonly fingerprint?: string | undefined;
  /** PEM of the authority that signs for the source. */
  readonly ca?: string | undefined;
}

export interface GetOptions {
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Get = (url: URL, options: GetOptions) => Promise<string>;

/** Runs `work` with a GET of its own connections, which are gone when it ends. */
export async function withConnections<T>(trust: Trust, work: (get: Get) => Promise<T>): Promise<T> {
  const dispatcher = new Agent({ connect: connector(trust), connections: CONNECTIONS, allowH2: false });
  try {
    return await work((url, options) => getText(url, options, dispatcher));
  } finally {
    await dispatcher.destroy();
  }
}

/** To one source at once. */
const CONNECTIONS = 4;

async function getText(url: URL, { signal, headers }: GetOptions, dispatcher: Dispatcher): Promise<string> {
  try {
    // The pass's signal is the only clock.
    const reply = await request(url, {
      dispatcher,
      signal,
      headers: { ...headers },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    if (reply.statusCode !== 200) throw statusError(url, reply.statusCode);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of reply.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > COLLECT_BODY_BYTES) {
        throw new LogicError(
          'source_unreadable',
          `${place(url)} sent more than ${COLLECT_BODY_BYTES} bytes.`,
        );
      }
      chunks.push(chunk);
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw asSourceError(url, signal, cause);
  }
}

function statusError(url: URL, status: number): LogicError {
  return status === 401 || status === 403
    ? new LogicError('source_refused', `${place(url)} answered HTTP ${status}.`)
    : new LogicError('source_unreadable', `${place(url)} answered HTTP ${status}.`);
}

function asSourceError(url: URL, signal: AbortSignal, cause: unknown): LogicError {
  if (signal.aborted && signal.reason instanceof LogicError) return signal.reason;
  if (cause instanceof LogicError) return cause;
  if (cause instanceof TypeError) {
    return new LogicError('source_unreadable', `${place(url)} sent what is no UTF-8.`, cause);
  }
  const codes = systemCodes(cause);
  const said = codes.join(', ') || 'the connection failed';
  if (codes.some((code) => CERTIFICATE_CODE.test(code)))
    return new LogicError('source_refused', `The certificate of ${place(url)} is not taken: ${said}.`, cause);
  if (codes.some((code) => HANDSHAKE_CODE.test(code)))
    return new LogicError(
      'source_unreadable',
      `${place(url)} does not speak TLS as this agent does: ${said}.`,
      cause,
    );
  // The parser's own error carries no code.
  if (cause instanceof errors.HTTPParserError || cause instanceof errors.HeadersOverflowError)
    return new LogicError('source_unreadable', `${place(url)} does not speak HTTP.`, cause);
  return new LogicError('source_unreachable', `${place(url)}: ${said}.`, cause);
}

const CERTIFICATE_CODE = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|HOSTNAME_MISMATCH)/;
/** The handshake failed before there was a certificate to judge: plain HTTP there, or no common version. */
const HANDSHAKE_CODE = /^(ERR_SSL_|EPROTO$)/;

/** Whether nothing listens there: each address that was tried refused the connection. */
export function isConnectionRefused(cause: unknown): boolean {
  const codes = systemCodes(cause instanceof LogicError ? cause.detail : cause);
  return codes.length > 0 && codes.every((code) => code === 'ECONNREFUSED');
}

/** Codes of the operating system or of undici; a name with several addresses gives one for each. */
function systemCodes(cause: unknown): string[] {
  if (cause instanceof AggregateError) return cause.errors.flatMap(systemCodes);
  if (!(cause instanceof Error)) return [];
  const own = 'code' in cause && typeof cause.code === 'string' ? [cause.code] : [];
  return own.length > 0 ? own : systemCodes(cause.cause);
}

/** Without what may be secret in a URL. */
function place({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

function connector({ fingerprint, ca }: Trust): buildConnector.connector {
  // No cached sessions: a resumed one shows no certificate, and so could not be held against the pin.
  const common = { maxCachedSessions: 0, timeout: 0, allowH2: false };
  if (fingerprint === undefined) return buildConnector({ ...common, ...(ca === undefined ? {} : { ca }) });
  const connect = buildConnector({ ...common, rejectUnauthorized: false });
  return (options, done) => {
    connect(options, (...outcome) => {
      const [error, socket] = outcome;
      if (error !== null) return done(error, null);
      const shown = socket instanceof TLSSocket ? shownFingerprint(socket) : null;
      if (shown === fingerprint) return done(null, socket);
      socket.destroy();
      const seen = shown === null ? 'shows no certificate' : `shows the certificate ${shown}`;
      done(
        new LogicError('source_refused', `${options.hostname} ${seen}, which is not the pinned one.`),
        null,
      );
    });
  };
}

function shownFingerprint(socket: TLSSocket): string | null {
  const { raw } = socket.getPeerCertificate();
  return raw === undefined ? null : new X509Certificate(raw).fingerprint256;
}
