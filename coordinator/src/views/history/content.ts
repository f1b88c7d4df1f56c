/**
 * One row of the history as bytes and back: lines of canonical JSON, a header first, then the outcomes of sites and the
 * answers in portions. The answers stand as they were given, with their proofs and in their order. It is written
 * a portion at a time with a turn of the event loop between, since a large answer is many megabytes.
 */
import { createHash, hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Answer, FleetResult, Outcome, SiteOutcome } from '@fleet/shared/api/ask.ts';
import type { HistoryAsked, HistoryRow, HistoryRun } from '@fleet/shared/api/history.ts';
import { HISTORY_PORTION, HISTORY_ROW_BYTES } from '@fleet/shared/limits.ts';
import { z } from 'zod';
import { canonicalJson } from './canonical.ts';
import { questionKey } from './question.ts';

/** A fleet answer, and who was given it. */
export interface Answered {
  readonly result: FleetResult;
  readonly asked: HistoryAsked;
  /** `loopback`, or the name of a token. */
  readonly askedBy: string;
  /** When it was asked, ms since 1970 UTC, and how long it took. */
  readonly at: number;
  readonly ms: number;
}

/** The same answer given again, to one asker. */
export interface Again {
  readonly of: number;
  readonly askedBy: string;
  readonly times: number;
  readonly at: number;
  readonly last: number;
}

/** What the table has of a row to search it by. All of it follows from the content, and is checked against it. */
export interface Columns {
  readonly kind: 'run' | 'again';
  readonly at: number;
  readonly ms: number;
  readonly askedBy: string;
  readonly question: string;
  readonly query: string;
  /** The row whose answer this is again. */
  readonly of: number | null;
  readonly times: number;
  readonly complete: boolean;
  readonly targets: number;
  readonly answers: number;
  /** SHA-256 of the list of sites it was meant for, and the letter of each one's outcome in that order. */
  readonly siteSet: string;
  readonly outcomes: string;
}

export interface Encoded {
  readonly columns: Columns;
  /** Canonical JSON of the list of sites. */
  readonly sites: string;
  /** SHA-256 of the content, hex. */
  readonly digest: string;
  /** The content, deflated. */
  readonly packed: Buffer;
}

/** One letter an outcome. */
export const LETTERS: Readonly<Record<Outcome, string>> = {
  answered: 'a',
  empty: 'e',
  stale: 's',
  refused: 'r',
  rejected: 'j',
  error: 'x',
  timeout: 't',
  unreachable: 'u',
  cancelled: 'c',
  skipped: 'k',
};

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** `lost` answers before this one found no place. */
export async function encodeRun(answered: Answered, lost: number): Promise<Encoded> {
  const { result, ...given } = answered;
  const { answers, coverage, warnings: _, ...whole } = result;
  const rest = { ...whole, lastKnown: [] }; // what earlier answers said is in their rows
  const { sites, ...counts } = coverage;
  const digest = createHash('sha256');
  const lines: string[] = [];
  for (const portion of portions(sites)) {
    lines.push(canonicalJson({ sites: portion }));
    if (portion.length === HISTORY_PORTION) await setImmediate();
  }
  for (const portion of portions(answers)) {
    const pairs = portion.map(({ proof, ...what }) => {
      const text = canonicalJson(what);
      digest.update(`${text}\n`);
      return `[${text},${JSON.stringify(proof)}]`;
    });
    lines.push(`{"answers":[${pairs.join(',')}]}`);
    if (portion.length === HISTORY_PORTION) await setImmediate();
  }
  const bundles = [...new Set(sites.flatMap(({ bundle }) => bundle ?? []))].sort();
  const digests = { answers: digest.digest('hex'), bundles };
  const header = { format: 1, kind: 'run', ...given, lost, digests, result: { ...rest, coverage: counts } };
  return pack(columnsOfRun(answered), siteList(result), [canonicalJson(header), ...lines]);
}

export async function encodeAgain(again: Again, run: Encoded): Promise<Encoded> {
  const columns = columnsOfAgain(again, run.columns);
  return pack(columns, run.sites, [canonicalJson({ format: 1, ...again, columns })]);
}

async function pack(columns: Columns, sites: string, lines: readonly string[]): Promise<Encoded> {
  const digest = createHash('sha256');
  const buffers: Buffer[] = [];
  for (const line of lines) {
    const bytes = Buffer.from(`${line}\n`);
    digest.update(bytes);
    buffers.push(bytes);
  }
  const packed = await deflate(Buffer.concat(buffers), { level: 1 });
  return { columns, sites, digest: digest.digest('hex'), packed };
}

function* portions<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < all.length; i += HISTORY_PORTION) yield all.slice(i, i + HISTORY_PORTION);
}

/** Canonical JSON of the sites that an answer was meant for. */
export function siteList({ coverage }: FleetResult): string {
  return canonicalJson(coverage.sites.map(({ site }) => site));
}

export function columnsOfRun({ result, asked, askedBy, at, ms }: Answered): Columns {
  const { sites } = result.coverage;
  return {
    kind: 'run',
    at,
    ms,
    askedBy,
    question: questionKey(asked.query, asked.assume),
    query: asked.query,
    of: null,
    times: 1,
    complete: result.complete,
    targets: sites.length,
    answers: result.answers.length,
    siteSet: hash('sha256', siteList(result)),
    outcomes: sites.map(({ outcome }) => LETTERS[outcome]).join(''),
  };
}

function columnsOfAgain({ of, askedBy, times, at }: Again, run: Columns): Columns {
  return { ...run, kind: 'again', of, askedBy, times, at, ms: 0 };
}

// ---- and back ----

const columns = z.object({
  kind: z.enum(['run', 'again']),
  at: z.number(),
  ms: z.number(),
  askedBy: z.string(),
  question: z.string(),
  query: z.string(),
  of: z.number().nullable(),
  times: z.number(),
  complete: z.boolean(),
  targets: z.number(),
  answers: z.number(),
  siteSet: z.string(),
  outcomes: z.string(),
});
const runHeader = z.object({
  format: z.literal(1),
  kind: z.literal('run'),
  at: z.number(),
  ms: z.number(),
  askedBy: z.string(),
  asked: z.looseObject({ query: z.string(), assume: z.array(z.string()).optional() }),
  lost: z.number(),
  digests: z.object({ answers: z.string(), bundles: z.array(z.string()) }),
  result: z.looseObject({ complete: z.boolean(), coverage: z.looseObject({ targets: z.number() }) }),
});
const againHeader = z.object({
  format: z.literal(1),
  of: z.number(),
  askedBy: z.string(),
  times: z.number(),
  at: z.number(),
  last: z.number(),
  columns,
});
const portion = z.union([
  z.object({ sites: z.array(z.custom<SiteOutcome>()) }),
  z.object({
    answers: z.array(z.tuple([z.custom<Omit<Answer, 'proof'>>(), z.string().nullable()])),
  }),
]);

/** The content of a row as it was hashed. @throws where it is not deflated, or far too large */
export function unpack(packed: Uint8Array): Promise<Buffer> {
  return inflate(packed, { maxOutputLength: HISTORY_ROW_BYTES });
}

/** What a row holds, and the columns that follow from it. */
export interface Decoded {
  readonly row: HistoryRow;
  readonly columns: Columns;
  /** Null for an answer given again. */
  readonly sites: string | null;
}

/** What the content of row `id` says. @throws for bytes of another form */
export async function decode(id: number, content: Uint8Array): Promise<Decoded> {
  const [first = '', ...lines] = Buffer.from(content).toString().trimEnd().split('\n');
  const head: unknown = JSON.parse(first);
  const again = againHeader.safeParse(head);
  if (again.success) {
    const { format: _, columns, ...given } = again.data;
    return { row: { id, kind: 'again', ...given }, columns, sites: null };
  }
  const { format: _, result, ...given } = runHeader.parse(head);
  const { sites, answers } = await readPortions(lines);
  const whole = { ...result, answers, coverage: { ...result.coverage, sites } } as unknown as FleetResult;
  const row = { id, ...given, result: whole } as HistoryRun;
  return { row, columns: columnsOfRun(row), sites: siteList(whole) };
}

async function readPortions(lines: readonly string[]): Promise<{ sites: SiteOutcome[]; answers: Answer[] }> {
  const sites: SiteOutcome[] = [];
  const answers: Answer[] = [];
  for (const line of lines) {
    const read = portion.parse(JSON.parse(line));
    if ('sites' in read) sites.push(...read.sites);
    else answers.push(...read.answers.map(([what, proof]) => ({ ...what, proof })));
    await setImmediate();
  }
  return { sites, answers };
}
