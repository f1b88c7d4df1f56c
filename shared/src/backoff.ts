/** How long to wait after failures in a row, so that whoever failed together does not come back together. */

export interface BackoffInput {
  readonly everyMs: number;
  readonly longestWaitMs: number;
  /** In a row. */
  readonly failures: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * The first failure costs one turn, each further one doubles it; of that, the last quarter is drawn. Without a failure, one turn.
 */
export function backoff({ everyMs, longestWaitMs, failures, random }: BackoffInput): number {
  if (failures === 0) return everyMs;
  const longest = Math.max(everyMs, longestWaitMs);
  const full = Math.min(longest, everyMs * 2 ** Math.min(failures - 1, 30));
  return full * (0.75 + 0.25 * random);
}
