/**
 * What can be wrong with a site of a swarm, and which sites it befalls: drawn by a seed, so that a run can be repeated. No
 * I/O here; front.ts makes it so.
 */
import { chance } from '@fleet/node-agent/random.ts';
import type { Outcome } from '@fleet/shared/api/ask.ts';

interface Kind {
  /** Of all sites. */
  readonly share: number;
  readonly says: string;
  /** What becomes of such a site; `as before` is the outcome that it has when nothing is wrong. */
  readonly outcomes: readonly (Outcome | 'as before')[];
  /** Only where there is an answer to lie about. */
  readonly lies?: true;
}

export const FAULTS = {
  dead: { share: 0.1, says: 'nothing listens', outcomes: ['unreachable'] },
  hole: { share: 0.025, says: 'accepts connections and never says a word', outcomes: ['timeout'] },
  frozen: { share: 0.025, says: 'holds its session, and nothing comes any more', outcomes: ['timeout'] },
  slow: { share: 0.05, says: 'answers late, within the deadline', outcomes: ['as before'] },
  proof: {
    share: 0.007,
    says: 'a fact of its proof changed, signed by itself',
    outcomes: ['rejected'],
    lies: true,
  },
  key: { share: 0.007, says: 'signed with another key', outcomes: ['rejected'], lies: true },
  stale: {
    share: 0.007,
    says: 'its reply of an earlier revision, sent again',
    outcomes: ['rejected'],
    lies: true,
  },
  garbage: { share: 0.005, says: 'bytes that are no reply', outcomes: ['rejected'] },
  // It is cut at REPLY_BYTES; a machine that cannot carry as much by then meets the deadline first.
  endless: { share: 0.005, says: 'a body without an end', outcomes: ['rejected', 'timeout'] },
  goaway: { share: 0.005, says: 'GOAWAY in the middle of its answer', outcomes: ['error'] },
  reset: { share: 0.005, says: 'its stream reset in the middle of its answer', outcomes: ['error'] },
} as const satisfies Readonly<Record<string, Kind>>;
export type FaultKind = keyof typeof FAULTS;
export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[];

export const isLie = (kind: FaultKind): boolean => 'lies' in FAULTS[kind];

export interface Fault {
  readonly kind: FaultKind;
  /** Of a slow site, how late. */
  readonly delayMs: number;
}

export interface Draw {
  readonly names: readonly string[];
  /** Those that answer something when nothing is wrong. */
  readonly answering: ReadonlySet<string>;
  readonly deadlineMs: number;
  readonly seed: number;
}

/** Slow sites are late by this part of the deadline. */
const SLOW = { least: 0.1, most: 0.5 };

/** Who has which fault; every kind befalls one site at least. */
export function drawFaults({ names, answering, deadlineMs, seed }: Draw): ReadonlyMap<string, Fault> {
  const left = names.toSorted((a, b) => chance(seed, a, 'order') - chance(seed, b, 'order'));
  const drawn = new Map<string, Fault>();
  // Liars first: they are taken from those who have something to lie about.
  for (const kind of FAULT_KINDS.toSorted((a, b) => Number(isLie(b)) - Number(isLie(a)))) {
    const count = Math.max(1, Math.round(names.length * FAULTS[kind].share));
    for (let at = 0; at < count; at += 1) {
      const index = left.findIndex((name) => !isLie(kind) || answering.has(name));
      const [name] = index < 0 ? [] : left.splice(index, 1);
      if (name === undefined) throw new Error(`there is no site left to be ${kind}`);
      const late = SLOW.least + (SLOW.most - SLOW.least) * chance(seed, name, 'late');
      drawn.set(name, { kind, delayMs: Math.round(deadlineMs * late) });
    }
  }
  return drawn;
}
