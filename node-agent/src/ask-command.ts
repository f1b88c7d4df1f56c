/**
 * `logic-node ask`, `translations`, `why`, `why-not`, `alerts`, `observe`: one call to a running site through its tRPC interface, the way a script
 * would.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AskResult } from '@fleet/shared/api/ask.ts';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { converse, type Talk, terminalOf } from '@fleet/shared/conversation.ts';
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
  readonly say?: string;
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
export function ask(query: string, flags: AskFlags): Promise<number> {
  const { prove = false, assume = [] } = flags;
  return run(flags, {
    ask: (client) => client.site.ask.query({ query, prove, assume: [...assume] }),
    words: (result) => renderResult(result),
    status: ({ complete }) => (complete ? 0 : 3),
  });
}

/** A sentence instead of a query: what was read, then the answer with its proof. Exit status as `ask`; 4 nobody chose, 5 there is no query. */
export async function say(text: string, flags: AskFlags): Promise<number> {
  const { assume = [] } = flags;
  const json = flags.json === true;
  const talk = (client: Client): Talk<AskResult> => ({
    ...{ program: 'logic-node', json },
    translate: (one) => client.site.translate.query({ text: one }),
    correct: ({ site: _, ...correction }) => client.site.correct.mutate(correction),
    ask: (query) => client.site.ask.query({ query, prove: true, assume: [...assume] }),
    words: (result) => renderResult(result),
    status: ({ complete }) => (complete ? 0 : 3),
  });
  try {
    return await asking(flags, (client) =>
      converse(text, talk(client), {
        terminal: terminalOf(process),
        print: (line) => process.stdout.write(`${line}\n`),
      }),
    );
  } catch (cause) {
    return reportError(cause, json);
  }
}

/** Prints what the site kept of sentences, JSON lines; nothing where it kept nothing. */
export async function translations(flags: AskFlags): Promise<number> {
  try {
    const { lines } = await asking(flags, (client) => client.site.translations.query());
    process.stdout.write(lines);
    return 0;
  } catch (cause) {
    return reportError(cause);
  }
}

/** Prints each answer with its whole proof, rules with their place in the bundle, facts with their age. */
export function why(query: string, flags: AskFlags): Promise<number> {
  const { assume = [] } = flags;
  return run(flags, {
    ask: (client) => client.site.ask.query({ query, prove: true, assume: [...assume] }),
    words: async (result) => {
      const places = await placesOf(result.coverage.sites[0]?.bundle ?? null);
      return renderResult(result, { now: realWorld.now(), places });
    },
    status: ({ complete }) => (complete ? 0 : 3),
  });
}

/** Prints what keeps a goal from holding, or that it holds. */
export function whyNot(query: string, flags: AskFlags): Promise<number> {
  const { assume = [] } = flags;
  return run(flags, {
    ask: (client) => client.site.whyNot.query({ query, assume: [...assume] }),
    words: async ({ why, now }) => {
      if (why === null) return 'It holds: ask why.';
      const { term } = readTerm(why, { bytes: REPLY_BYTES, depth: REPLY_TERM_DEPTH, any: true });
      const { bundle } = await asking(flags, (client) => client.site.info.query());
      return renderWhyNot(term, { now, places: await placesOf(bundle) });
    },
  });
}

/** Prints the alerts that are active, and what changed last. */
export function alerts(flags: AskFlags & { readonly history: string }): Promise<number> {
  return run(flags, {
    ask: (client) => client.site.alerts.query({ history: Number(flags.history) }),
    words: (result) => renderAlerts(result, realWorld.now()),
  });
}

/** Pushes one fact; prints the revision that holds it. */
export function observe(fact: string, flags: AskFlags & { readonly for: string }): Promise<number> {
  const validForMs = Number(flags.for) * 1000;
  return run(flags, {
    ask: (client) => client.site.observe.mutate([{ fact, validForMs }]),
    words: ({ revision }) => `revision ${revision}`,
  });
}

interface Call<T> {
  readonly ask: (client: Client) => Promise<T>;
  /** What a person reads of it. */
  readonly words: (result: T) => string | Promise<string>;
  /** The exit status; 0 where left out. */
  readonly status?: (result: T) => number;
}

/** Asks the site and prints what it says, as JSON or in words. */
async function run<T>(flags: AskFlags, { ask, words, status = () => 0 }: Call<T>): Promise<number> {
  const json = flags.json === true;
  try {
    const result = await asking(flags, ask);
    process.stdout.write(`${json ? JSON.stringify(result) : (await words(result)).trimEnd()}\n`);
    return status(result);
  } catch (cause) {
    return reportError(cause, json);
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
