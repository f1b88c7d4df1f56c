/**
 * What an ask takes and gives, the same for one site (`site.ask`) and for the fleet (`fleet.ask`):
 * both return an `AskResult`, so that every screen and script reads one shape (docs/protocol.md section 5).
 */
import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { ASSUMPTIONS, FLEET_DEADLINE_MAX_MS, FLEET_DEADLINE_MS } from '../limits.ts';

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
  sites: z.array(siteName).min(1).optional(),
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
}

/** What `fleet.stream` tells: each target as it ends, then the whole. */
export type StreamEvent =
  | { readonly kind: 'site'; readonly outcome: SiteOutcome; readonly answers: readonly Answer[] }
  | { readonly kind: 'end'; readonly result: AskResult };
