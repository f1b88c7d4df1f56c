/** What `fleet.history`, `fleet.historyRow`, `fleet.historyCheck` and `fleet.diff` take and give (docs/fleet-history.md). */
import { z } from 'zod';
import { HISTORY_CHECKPOINT_BYTES, HISTORY_PAGE, HISTORY_PAGE_MOST } from '../limits.ts';
import {
  type Answer,
  type FleetAskInput,
  type FleetGroup,
  type FleetResult,
  type JoinRow,
  OUTCOMES,
  type SiteOutcome,
} from './ask.ts';

export const historyInput = z.object({
  /** Questions whose query has this text in it. */
  query: z.string().min(1).optional(),
  /** Questions that were meant for this site. */
  site: z.string().min(1).optional(),
  /** Those with a site of this outcome; with `site`, where that site had it. */
  outcome: z.enum(OUTCOMES).optional(),
  /** Older than this row: the next page. */
  before: z.int().min(1).optional(),
  limit: z.int().min(1).max(HISTORY_PAGE_MOST).default(HISTORY_PAGE),
});
export type HistoryInput = z.input<typeof historyInput>;

export const historyRowInput = z.object({ id: z.int().min(1) });

/** `against`: text of a checkpoint that was kept elsewhere. */
export const historyCheckInput = z
  .object({ against: z.string().max(HISTORY_CHECKPOINT_BYTES).optional() })
  .default({});

export const diffInput = z.union([
  z.strictObject({ a: z.int().min(1), b: z.int().min(1) }),
  /** The last two runs of a question. */
  z.strictObject({ last: z.string().min(1), assume: z.array(z.string().min(1)).default([]) }),
]);
export type DiffInput = z.input<typeof diffInput>;

/** The question as it came in. */
export type HistoryAsked = FleetAskInput;

/** A row as the list has it. */
export interface HistoryListing {
  readonly id: number;
  /** `again`: the answer of row `of`, given so many more times. */
  readonly kind: 'run' | 'again';
  readonly of: number | null;
  readonly times: number;
  /** When it was asked, ms since 1970 UTC, and how long it took. */
  readonly at: number;
  readonly ms: number;
  /** `loopback`, or the name of a token. */
  readonly askedBy: string;
  readonly query: string;
  readonly complete: boolean;
  readonly targets: number;
  readonly answers: number;
  /** How many sites had which outcome; those that occur. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** The row's hash in the chain. */
  readonly hash: string;
}

export interface HistoryPage {
  /** The newest first. */
  readonly rows: readonly HistoryListing[];
  /** More rows match: ask `before` the last one's id. */
  readonly more: boolean;
}

export interface HistoryRun {
  readonly id: number;
  readonly kind: 'run';
  readonly at: number;
  readonly ms: number;
  readonly askedBy: string;
  readonly asked: HistoryAsked;
  /** Answers before this one that found no place on the disk. */
  readonly lost: number;
  readonly digests: { readonly answers: string; readonly bundles: readonly string[] };
  /** As it was given, but for what was offered beside it of earlier answers. */
  readonly result: FleetResult;
}

export interface HistoryAgain {
  readonly id: number;
  readonly kind: 'again';
  readonly of: number;
  readonly times: number;
  readonly askedBy: string;
  /** The first and the last time. */
  readonly at: number;
  readonly last: number;
}

export type HistoryRow = HistoryRun | HistoryAgain;

export const HISTORY_FAULTS = [
  'edited',
  'missing',
  'unreadable',
  'index',
  'head',
  'truncated',
  'unsigned',
  'checkpoint',
  'last_known',
  'aside',
] as const;
export type HistoryFault = (typeof HISTORY_FAULTS)[number];

export interface HistoryCheck {
  readonly ok: boolean;
  readonly rows: number;
  readonly first: number;
  readonly last: number;
  /** Hash of the last row. */
  readonly hash: string;
  readonly faults: readonly {
    readonly fault: HistoryFault;
    readonly id: number | null;
    readonly what: string;
  }[];
}

export type DiffAnswer = Pick<Answer, 'site' | 'bindings' | 'standing'>;

/** One run of the two, without its answers. */
export type DiffRun = Pick<HistoryListing, 'id' | 'at' | 'askedBy' | 'query' | 'complete'>;

/** What run `b` has that run `a` had not. */
export interface HistoryDiff {
  readonly a: DiffRun;
  readonly b: DiffRun;
  readonly sites: {
    /** Targets of one run only. */
    readonly added: readonly string[];
    readonly removed: readonly string[];
    /** Targets of both, with another outcome. */
    readonly changed: readonly {
      readonly site: string;
      readonly from: Pick<SiteOutcome, 'outcome' | 'code'>;
      readonly to: Pick<SiteOutcome, 'outcome' | 'code'>;
    }[];
  };
  /** Of the sites whose answers are known in both runs. */
  readonly answers: {
    readonly added: readonly DiffAnswer[];
    readonly removed: readonly DiffAnswer[];
    readonly changed: readonly { readonly from: DiffAnswer; readonly to: DiffAnswer }[];
    readonly same: number;
  };
  /** Values over the fleet (a count, a maximum) that are others now; null where a run has no such group. */
  readonly groups: readonly {
    readonly group: string | null;
    readonly from: Pick<FleetGroup, 'value' | 'bound'> | null;
    readonly to: Pick<FleetGroup, 'value' | 'bound'> | null;
  }[];
  /** Rows of a join, where both runs are complete; else null, and for all that is no join. */
  readonly joined: {
    readonly added: readonly Pick<JoinRow, 'bindings' | 'standing'>[];
    readonly removed: readonly Pick<JoinRow, 'bindings' | 'standing'>[];
  } | null;
  /** Sites whose answers are known in one run and not in the other: what changed there nobody knows. */
  readonly unknown: readonly string[];
}
