/**
 * `logic-fleet ask` and `logic-fleet sites`: tRPC clients of a coordinator, and how their results and
 * errors are printed. With --json one object is the last line of standard output, be it a result or
 * `{"error":{"code","message","advice"}}`.
 */
import { ERRORS, isErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { renderResult } from '@fleet/shared/render.ts';
import { createTRPCClient, httpLink, TRPCClientError } from '@trpc/client';
import { findCoordinator } from './config.ts';
import type { FleetRouter, SiteListing } from './router.ts';

export interface ClientFlags {
  readonly json?: boolean;
  readonly url?: string;
  readonly data: string;
}
export interface AskFlags extends ClientFlags {
  readonly site?: readonly string[];
  /** Milliseconds. */
  readonly deadline?: number;
  readonly prove: boolean;
  readonly assume?: readonly string[];
}

/** Exit statuses of docs/protocol.md section 5. */
const EXIT = { complete: 0, failed: 1, refused: 2, partial: 3 } as const;

export async function askCommand(query: string, flags: AskFlags): Promise<void> {
  await withCoordinator(flags, async (client) => {
    const result = await client.fleet.ask.query({
      query,
      prove: flags.prove,
      ...(flags.assume && { assume: [...flags.assume] }),
      ...(flags.site && { sites: [...flags.site] }),
      ...(flags.deadline && { deadlineMs: flags.deadline }),
    });
    print(flags, result, renderResult);
    process.exitCode = result.complete ? EXIT.complete : EXIT.partial;
  });
}

export async function sitesCommand(flags: ClientFlags): Promise<void> {
  await withCoordinator(flags, async (client) => print(flags, await client.fleet.sites.query(), renderSites));
}

type Client = ReturnType<typeof createTRPCClient<FleetRouter>>;

async function withCoordinator(flags: ClientFlags, use: (client: Client) => Promise<void>): Promise<void> {
  const url = flags.url ?? (await findCoordinator(flags.data));
  try {
    // POST: a query may be longer than a URL can be.
    await use(
      createTRPCClient<FleetRouter>({
        links: [httpLink({ url: `${url.replace(/\/$/, '')}/trpc`, methodOverride: 'POST' })],
      }),
    );
  } catch (cause) {
    const error = toLogicError(cause, url);
    report(error, flags.json === true);
    process.exitCode = isRefusedQuery(error) ? EXIT.refused : EXIT.failed;
  }
}

/** The error that the coordinator named; where there was none, what became of the connection. */
function toLogicError(cause: unknown, url: string): LogicError {
  if (!(cause instanceof TRPCClientError)) throw cause;
  const code: unknown = cause.data?.logic?.code;
  if (typeof code === 'string' && isErrorCode(code)) return new LogicError(code, cause.message, cause);
  if (cause.cause instanceof SyntaxError)
    return new LogicError('bad_reply', `what answers at ${url} is no coordinator`, cause);
  return new LogicError('unreachable', `no coordinator answers at ${url}: npm start runs one`, cause);
}

function isRefusedQuery({ code }: LogicError): boolean {
  return ERRORS[code].outcome === 'refused' && !ERRORS[code].retryable;
}

function print<T>(flags: ClientFlags, result: T, render: (result: T) => string): void {
  process.stdout.write(`${flags.json ? JSON.stringify(result) : render(result).trimEnd()}\n`);
}

/** Says what went wrong, and what to do, on standard error; for scripts also as JSON on standard output. */
export function report({ code, message }: LogicError, json: boolean): void {
  const { advice } = ERRORS[code];
  process.stderr.write(`logic-fleet: ${code}: ${message}\n  ${advice}\n`);
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, advice } })}\n`);
}

function renderSites(sites: readonly SiteListing[]): string {
  if (sites.length === 0) return 'No site is enrolled.';
  const width = Math.max(...sites.map(({ name }) => name.length));
  return sites
    .map(
      ({ name, address, fingerprint, validUntil }) =>
        `${name.padEnd(width)}  ${address}  certificate ${fingerprint.slice(0, 16)}… until ${new Date(validUntil).toISOString().slice(0, 10)}`,
    )
    .join('\n');
}
