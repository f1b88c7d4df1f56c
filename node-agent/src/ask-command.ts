/**
 * `logic-node ask`, `why`, `why-not`, `alerts`, `observe`: one call to a running site through its tRPC interface, the way a script
 * would.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { type ErrorCode, isErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { REPLY_BYTES, REPLY_TERM_DEPTH } from '@fleet/shared/limits.ts';
import { renderResult } from '@fleet/shared/render.ts';
import { renderAlerts } from '@fleet/shared/render-alerts.ts';
import { renderWhyNot } from '@fleet/shared/render-why.ts';
import { readTerm } from '@fleet/shared/term.ts';
import { createTRPCClient, httpLink, TRPCClientError } from '@trpc/client';
import { z } from 'zod';
import { reportError } from './report.ts';
import type { SiteRouter } from './router.ts';
import { realWorld } from './world.ts';

export interface AskFlags {
  readonly prove?: boolean;
  readonly assume?: readonly string[];
  readonly json?: boolean;
  readonly url?: string;
  readonly data: string;
  readonly site?: string;
}

/** The bundle that came with this program. */
const KB = fileURLToPath(new URL('../../kb/', import.meta.url));
/** A token for a site that asks for one: in the environment, as a command line can be read by everyone. */
const TOKEN_VARIABLE = 'LOGIC_TOKEN';
/** Where a site run by hand listens. */
const DEFAULT_URL = 'http://127.0.0.1:8081';

const runFile = z.object({ sites: z.array(z.object({ name: z.string(), http: z.string().nullable() })) });

/** Asks and prints; the exit status: 0 complete, 3 partial, 2 refused query, 1 anything else. */
export async function ask(query: string, flags: AskFlags): Promise<number> {
  try {
    const { prove = false, assume = [] } = flags;
    const result = await asking(flags, (client) =>
      client.site.ask.query({ query, prove, assume: [...assume] }),
    );
    process.stdout.write(
      flags.json === true ? `${JSON.stringify(result)}\n` : `${renderResult(result).trimEnd()}\n`,
    );
    return result.complete ? 0 : 3;
  } catch (cause) {
    return reportError(cause, flags.json === true);
  }
}

/** Prints each answer with its whole proof, rules with their place in the bundle, facts with their age. */
export async function why(query: string, flags: AskFlags): Promise<number> {
  try {
    const { assume = [] } = flags;
    const result = await asking(flags, (client) =>
      client.site.ask.query({ query, prove: true, assume: [...assume] }),
    );
    const places = await placesOf(result.coverage.sites[0]?.bundle ?? null);
    process.stdout.write(`${renderResult(result, { now: realWorld.now(), places }).trimEnd()}\n`);
    return result.complete ? 0 : 3;
  } catch (cause) {
    return reportError(cause);
  }
}

/** Prints what keeps a goal from holding, or that it holds. */
export async function whyNot(query: string, flags: AskFlags): Promise<number> {
  try {
    const { assume = [] } = flags;
    const result = await asking(flags, (client) => client.site.whyNot.query({ query, assume: [...assume] }));
    const { bundle } = await asking(flags, (client) => client.site.info.query());
    if (flags.json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
    else if (result.why === null) process.stdout.write('It holds: ask why.\n');
    else {
      const { term } = readTerm(result.why, { bytes: REPLY_BYTES, depth: REPLY_TERM_DEPTH, any: true });
      const places = await placesOf(bundle);
      process.stdout.write(`${renderWhyNot(term, { now: result.now, places })}\n`);
    }
    return 0;
  } catch (cause) {
    return reportError(cause, flags.json === true);
  }
}

/** Prints the alerts that are active, and what changed last. */
export async function alerts(flags: AskFlags & { readonly history: string }): Promise<number> {
  try {
    const history = Number(flags.history);
    const result = await asking(flags, (client) => client.site.alerts.query({ history }));
    process.stdout.write(
      flags.json === true ? `${JSON.stringify(result)}\n` : renderAlerts(result, realWorld.now()),
    );
    return 0;
  } catch (cause) {
    return reportError(cause, flags.json === true);
  }
}

/** Pushes one fact; prints the revision that holds it. */
export async function observe(fact: string, flags: AskFlags & { readonly for: string }): Promise<number> {
  try {
    const validForMs = Number(flags.for) * 1000;
    const result = await asking(flags, (client) => client.site.observe.mutate([{ fact, validForMs }]));
    process.stdout.write(
      flags.json === true ? `${JSON.stringify(result)}\n` : `revision ${result.revision}\n`,
    );
    return 0;
  } catch (cause) {
    return reportError(cause, flags.json === true);
  }
}

/** Where each clause stands, if this program's bundle is the one that the site proves with. */
async function placesOf(bundle: string | null): Promise<ReadonlyMap<string, string>> {
  const manifest = await loadManifest(KB);
  const same = manifest.bundle === bundle;
  return new Map(same ? [...manifest.clauses].map(([id, { at }]) => [id, `kb/${at}`]) : []);
}

type Client = ReturnType<typeof createTRPCClient<SiteRouter>>;

/** Throws the site's own error, or `unreachable`. */
async function asking<T>(flags: AskFlags, use: (client: Client) => Promise<T>): Promise<T> {
  const url = flags.url ?? findUrl(flags);
  const token = process.env[TOKEN_VARIABLE];
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const client = createTRPCClient<SiteRouter>({
    links: [httpLink({ url: `${url.replace(/\/$/, '')}/trpc`, methodOverride: 'POST', headers })],
  });
  try {
    return await use(client);
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
