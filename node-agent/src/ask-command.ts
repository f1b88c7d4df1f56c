/**
 * `logic-node ask`: one question to a running site through its tRPC interface, the way a script would.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AskResult } from '@fleet/shared/api/ask.ts';
import { type ErrorCode, isErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { renderResult } from '@fleet/shared/render.ts';
import { createTRPCClient, httpLink, TRPCClientError } from '@trpc/client';
import { z } from 'zod';
import { reportError } from './report.ts';
import type { SiteRouter } from './router.ts';

export interface AskFlags {
  readonly prove?: boolean;
  readonly json?: boolean;
  readonly url?: string;
  readonly data: string;
  readonly site?: string;
}

/** Where a site run by hand listens. */
const DEFAULT_URL = 'http://127.0.0.1:8081';

const runFile = z.object({ sites: z.array(z.object({ name: z.string(), http: z.string().nullable() })) });

/** Asks and prints; the exit status: 0 complete, 3 partial, 2 refused query, 1 anything else. */
export async function ask(query: string, flags: AskFlags): Promise<number> {
  try {
    const result = await askUrl(flags.url ?? findUrl(flags), query, flags.prove === true);
    process.stdout.write(
      flags.json === true ? `${JSON.stringify(result)}\n` : `${renderResult(result).trimEnd()}\n`,
    );
    return result.complete ? 0 : 3;
  } catch (cause) {
    return reportError(cause, flags.json === true);
  }
}

/** Throws the site's own error, or `unreachable`. */
async function askUrl(url: string, query: string, prove: boolean): Promise<AskResult> {
  const client = createTRPCClient<SiteRouter>({
    links: [httpLink({ url: `${url.replace(/\/$/, '')}/trpc`, methodOverride: 'POST' })],
  });
  try {
    return await client.site.ask.query({ query, prove });
  } catch (cause) {
    throw clientError(cause, url);
  }
}

function clientError(cause: unknown, url: string): LogicError {
  const code = cause instanceof TRPCClientError ? codeIn(cause.data) : null;
  if (code !== null && cause instanceof Error) return new LogicError(code, cause.message);
  return new LogicError('unreachable', `No site answers at ${url}.`, cause);
}

function codeIn(data: unknown): ErrorCode | null {
  const read = z.object({ logic: z.object({ code: z.string() }) }).safeParse(data);
  return read.success && isErrorCode(read.data.logic.code) ? read.data.logic.code : null;
}

/** The address that a local fleet wrote down. Throws `unknown_site` for a name that is not in it. */
function findUrl({ data, site }: AskFlags): string {
  const sites = readSites(join(data, 'run.json'));
  const found = site === undefined ? sites[0] : sites.find(({ name }) => name === site);
  if (found?.http) return found.http;
  if (site !== undefined) throw new LogicError('unknown_site', `${site} is no running site of ${data}.`);
  return DEFAULT_URL;
}

function readSites(file: string): z.infer<typeof runFile>['sites'] {
  try {
    return runFile.parse(JSON.parse(readFileSync(file, 'utf8'))).sites;
  } catch {
    return [];
  }
}
