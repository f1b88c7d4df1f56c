/**
 * What the commands of `logic-fleet` share as tRPC clients of a coordinator: the connection, and how
 * results and errors are printed. With --json one object is the last line of standard output, be it a
 * result or `{"error":{"code","message","advice"}}`.
 */

import { readFile } from 'node:fs/promises';
import type { Coverage } from '@fleet/shared/api/ask.ts';
import { asLogicError, ERRORS, isErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { renderCoverage } from '@fleet/shared/render.ts';
import { createTRPCClient, httpLink, TRPCClientError } from '@trpc/client';
import type { Dispatcher } from 'undici';
import { findCoordinator } from './config.ts';
import type { FleetRouter } from './router.ts';

export interface ClientFlags {
  readonly json?: boolean;
  readonly url?: string;
  /** File with the authority's certificate, PEM. */
  readonly ca?: string;
  readonly data: string;
}

/** Exit statuses of docs/protocol.md section 5. */
export const EXIT = { complete: 0, failed: 1, refused: 2, partial: 3 } as const;

type Fetch = NonNullable<Parameters<typeof httpLink>[0]['fetch']>;
type Client = ReturnType<typeof createTRPCClient<FleetRouter>>;

/** Runs `use` with a client; what goes wrong is reported, and is the exit status. */
export async function withCoordinator(
  flags: ClientFlags,
  use: (client: Client, url: string) => Promise<void>,
): Promise<void> {
  await reporting(flags, async () => {
    const url = await findUrl(flags);
    const client = await connect(url, flags);
    await use(client, url).catch((cause: unknown) => {
      throw toLogicError(cause, url);
    });
  });
}

export function findUrl({ url, data }: ClientFlags): Promise<string> {
  return url === undefined ? findCoordinator(data) : Promise.resolve(url);
}

/** Runs `work`; an error that has a name is reported, and is the exit status. */
export async function reporting(flags: Pick<ClientFlags, 'json'>, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof LogicError)) throw cause;
    report(cause, flags.json === true);
    process.exitCode = exitOf(cause);
  }
}

async function connect(url: string, { ca }: ClientFlags): Promise<Client> {
  const token = process.env.LOGIC_TOKEN;
  return createTRPCClient<FleetRouter>({
    links: [
      httpLink({
        url: `${url.replace(/\/$/, '')}/trpc`,
        methodOverride: 'POST', // a query may be longer than a URL can be
        ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
        ...(ca !== undefined && { fetch: fetchBy(await trusting(ca)) }),
      }),
    ],
  });
}

/** Connections that believe this authority and no other. */
async function trusting(file: string): Promise<Dispatcher> {
  const { Agent } = await import('undici');
  const ca = await readFile(file).catch((cause) => {
    throw new LogicError('bad_setup', `--ca ${file}: the file cannot be read`, cause);
  });
  return new Agent({ connect: { ca } });
}

/** `fetch` that goes by this way and no other. */
export function fetchBy(dispatcher: Dispatcher): Fetch {
  const by: unknown = async (input: string, init: object) =>
    (await import('undici')).fetch(input, { ...init, dispatcher });
  return by as Fetch;
}

/** The error that the coordinator named; where there was none, what became of the connection. */
export function toLogicError(cause: unknown, url: string): LogicError {
  if (cause instanceof LogicError) return cause;
  if (!(cause instanceof TRPCClientError)) throw cause;
  const code: unknown = cause.data?.logic?.code;
  if (typeof code === 'string' && isErrorCode(code)) {
    const { coverage } = cause.data?.logic ?? {};
    return new LogicError(code, cause.message, cause, coverage === undefined ? {} : { coverage });
  }
  if (cause.cause instanceof SyntaxError)
    return new LogicError('bad_reply', `what answers at ${url} is no coordinator`, cause);
  const { code: reason } = (cause.cause?.cause ?? {}) as { code?: string };
  if (/CERT|SIGNATURE|ISSUER/.test(reason ?? ''))
    return new LogicError(
      'wrong_fleet',
      `what answers at ${url} is not believed (${reason}): give --ca with the fleet's authority.pem`,
      cause,
    );
  return new LogicError('unreachable', `no coordinator answers at ${url}: npm start runs one`, cause);
}

function exitOf({ code }: LogicError): number {
  if (code === 'partial_coverage') return EXIT.partial;
  return ERRORS[code].outcome === 'refused' && !ERRORS[code].retryable ? EXIT.refused : EXIT.failed;
}

export function print<T>(flags: ClientFlags, result: T, render: (result: T) => string): void {
  process.stdout.write(`${flags.json ? JSON.stringify(result) : render(result).trimEnd()}\n`);
}

/** The end of a command that failed outside of any call; a fault of ours comes with its stack. */
export function fail(cause: unknown, json: boolean): void {
  const error = asLogicError(cause);
  report(error, json);
  if (error.code === 'internal')
    process.stderr.write(`${cause instanceof Error ? cause.stack : String(cause)}\n`);
  process.exitCode = EXIT.failed;
}

/** Says what went wrong, and what to do, on standard error; for scripts also as JSON on standard output. */
function report({ code, message, data }: LogicError, json: boolean): void {
  const { advice } = ERRORS[code];
  const missing = data.coverage === undefined ? '' : `${renderCoverage(data.coverage as Coverage)}\n`;
  process.stderr.write(`logic-fleet: ${code}: ${message}\n  ${advice}\n${missing}`);
  if (json) process.stdout.write(`${JSON.stringify({ error: { ...data, code, message, advice } })}\n`);
}
