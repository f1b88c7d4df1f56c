/**
 * What an ask takes and gives, the same for one site (`site.ask`) and for the fleet (`fleet.ask`):
 * both return an `AskResult`, so that every screen and script reads one shape (docs/protocol.md section 5).
 */
import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import {
  ASSUMPTIONS,
  FLEET_DEADLINE_MAX_MS,
  FLEET_DEADLINE_MS,
  FLEET_ROWS,
  ORDER_KEYS,
  SITE_PATH_CHARACTERS,
  WHERE_CHARACTERS,
} from '../limits.ts';

export const OUTCOMES = [
  'answered',
  'empty',
  'stale',
  'refused',
  'rejected',
  'error',
  'timeout',
  'unreachable',
  'cancelled',
  'skipped',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const STANDINGS = ['verified', 'attested', 'hypothetical', 'unproved', 'rejected'] as const;
export type Standing = (typeof STANDINGS)[number];

/** A site's name: a DNS label, so that it can stand in a certificate, a path and a URL. */
export const siteName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'a site name is a DNS label: a-z, 0-9 and -');

/** A site, or one behind other coordinators: `garage`, `lower/garage`, `a/b/garage`. */
export const sitePath = z
  .string()
  .max(SITE_PATH_CHARACTERS)
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    'a site is a DNS label, or several with / between them',
  );

export const siteAskInput = z.object({
  query: z.string().min(1),
  /** Without proofs, answers stand as `unproved`. */
  prove: z.boolean().default(true),
  /** What-if: facts that are to hold, or `\\+ fact` for one that is not to; answers then stand as `hypothetical`. */
  assume: z.array(z.string().min(1)).max(ASSUMPTIONS).default([]),
});
export type SiteAskInput = z.input<typeof siteAskInput>;

/** A goal without variables. */
export const whyNotInput = siteAskInput.omit({ prove: true });
export type WhyNotInput = z.input<typeof whyNotInput>;

export const fleetAskInput = siteAskInput.extend({
  /** Targets by name; all enrolled sites where left out. */
  sites: z.array(sitePath).min(1).optional(),
  /** Targets by an expression over labels and names: `region=eu, !(tier=edge); name=shop*` (docs/fleet.md). */
  where: z.string().min(1).max(WHERE_CHARACTERS).optional(),
  /** Over what an aggregate is folded, or a `top/3` taken: the whole fleet where left out. */
  groupBy: z.union([z.enum(['fleet', 'site']), z.strictObject({ label: z.string().min(1) })]).optional(),
  /** Order of the rows over the fleet; ties go by site name, then as the site gave them. */
  orderBy: z
    .array(z.strictObject({ variable: z.string().min(1), descending: z.boolean().default(false) }))
    .max(ORDER_KEYS)
    .default([]),
  /** The first rows only. */
  limit: z.int().min(1).max(FLEET_ROWS).optional(),
  /** How much of the fleet the answer must rest on: below it the question fails with `partial_coverage`. */
  mode: z
    .union([z.enum(['partial', 'strict']), z.strictObject({ share: z.number().gt(0).max(1) })])
    .default('partial'),
  /** A site whose proofs cite an observation older than this is `stale`. */
  maxAgeMs: z.int().min(1).optional(),
  /** From the view that stands for this question, where there is one: no site is asked (docs/live.md). */
  live: z.boolean().optional(),
  deadlineMs: z.number().int().min(50).max(FLEET_DEADLINE_MAX_MS).default(FLEET_DEADLINE_MS),
});
export type FleetAskInput = z.input<typeof fleetAskInput>;

/** A ground value as JSON: docs/protocol.md section 5 says which term becomes which. */
export type JsonValue =
  | string
  | number
  | { readonly integer: string }
  | readonly JsonValue[]
  | { readonly functor: string; readonly args: readonly JsonValue[] };

export interface Answer {
  readonly site: string;
  readonly bindings: Readonly<Record<string, JsonValue>>;
  readonly standing: Standing;
  /** Canonical text of the proof; null where none was asked for. */
  readonly proof: string | null;
}

export interface SiteOutcome {
  readonly site: string;
  readonly outcome: Outcome;
  readonly code: ErrorCode | null;
  readonly message: string | null;
  /** From sending the question to its outcome. */
  readonly ms: number;
  readonly revision: number | null;
  readonly bundle: string | null;
  readonly answers: number;
}

export type Coverage = {
  readonly targets: number;
  readonly complete: boolean;
  readonly sites: readonly SiteOutcome[];
} & Readonly<Record<Outcome, number>>;

export interface WhyNotResult {
  readonly site: string;
  readonly query: string;
  readonly holds: boolean;
  /** Canonical text of the explanation (kb/proof/explain.pl); null where the goal holds. */
  readonly why: string | null;
  /** The site's clock, ms since 1970 UTC. */
  readonly now: number;
  readonly revision: number;
}

export interface AskResult {
  /** The caller's text, letter for letter. */
  readonly query: string;
  /** Answer variables in order of first occurrence: the columns of a table of answers. */
  readonly variables: readonly string[];
  readonly answers: readonly Answer[];
  readonly coverage: Coverage;
  readonly complete: boolean;
  /** What went wrong beside the answer, which stands. */
  readonly warnings?: readonly FleetWarning[];
}

export interface FleetWarning {
  readonly code: ErrorCode;
  readonly message: string;
}

/** How a number over part of the fleet stands to the number over all of it. */
export type Bound = 'exact' | 'at_least' | 'at_most' | 'unknown';

/** One group of a fold or of a `top/3`: what the coordinator computed from the answers of its sites. */
export interface FleetGroup {
  /** A site's name or a label's value; null for the whole fleet, and for the sites without the label. */
  readonly group: string | null;
  /** Null where there is nothing to fold, where the bound is `unknown`, and for `top/3`, whose rows are the answers. */
  readonly value: JsonValue | null;
  readonly bound: Bound;
  readonly unknownSites: readonly string[];
  /** The weakest of the answers that it rests on; null where it rests on none. */
  readonly standing: Standing | null;
  /** The sites whose answers it rests on. */
  readonly sites: readonly string[];
}

/** How many answers there are: over partial coverage `at_least` so many, and of no answer nothing more is known. */
export interface Found {
  readonly value: number;
  readonly bound: 'exact' | 'at_least';
  readonly unknownSites: readonly string[];
}

/** One goal of a join, asked at its targets; `at(Site, Goal)` in the query. */
export interface JoinPart {
  readonly query: string;
  /** Of a site, the name; of a variable, the variable. */
  readonly at: { readonly site: string } | { readonly variable: string };
  readonly negated: boolean;
  readonly variables: readonly string[];
  readonly answers: readonly Answer[];
  readonly coverage: Coverage;
}

export interface JoinRow {
  /** By the result's variables; a site variable has the site's name. */
  readonly bindings: Readonly<Record<string, JsonValue>>;
  readonly standing: Standing;
  /** The answers it rests on: `parts[part].answers[answer]`. */
  readonly rests: readonly { readonly part: number; readonly answer: number }[];
}

export interface FleetJoin {
  readonly parts: readonly JoinPart[];
  readonly rows: readonly JoinRow[];
}

/** The sites that run one set of core rules, by what their signed replies say. */
export interface BundleGroup {
  readonly bundle: string;
  /** The coordinator's own rules: only these sites are merged. */
  readonly own: boolean;
  /** Whether the coordinator has the manifest that their proofs are checked against. */
  readonly known: boolean;
  readonly sites: readonly string[];
  /** Checked, and shown apart; empty for the own bundle, whose answers are the result's. */
  readonly answers: readonly Answer[];
}

/** What a site that is missing said the last time. Never part of the answer. */
export interface LastKnownAnswers {
  readonly site: string;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  readonly answers: readonly Answer[];
}

/** What `fleet.ask` gives (docs/fleet.md). `answers` are those of the sites; what is computed from them stands beside. */
export interface FleetResult extends AskResult {
  readonly kind: 'rows' | 'fold' | 'top' | 'join';
  /** Answers of the sites, before `limit`; for a join its rows. */
  readonly found: Found;
  /** The weakest standing of all that the result rests on; null where it rests on nothing. */
  readonly standing: Standing | null;
  readonly groups: readonly FleetGroup[];
  readonly join: FleetJoin | null;
  readonly bundles: readonly BundleGroup[];
  /** Answers of the sites whose outcome is `stale`: shown, never merged. */
  readonly stale: readonly Answer[];
  readonly lastKnown: readonly LastKnownAnswers[];
  /** There where the answer comes from a view: since when that stands, and when each site told its part; ms since 1970 UTC. */
  readonly live?: { readonly since: number; readonly toldAt: Readonly<Record<string, number>> };
}

/** What `fleet.stream` tells: each target as it ends, then the whole. */
export type StreamEvent =
  | { readonly kind: 'site'; readonly outcome: SiteOutcome; readonly answers: readonly Answer[] }
  | { readonly kind: 'end'; readonly result: FleetResult };
