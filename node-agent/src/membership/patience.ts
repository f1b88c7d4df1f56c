/**
 * How long a site waits before it asks its coordinator again. A thousand sites that were turned away at once must not come back at
 * once: beyond what the coordinator asked for, each wait is drawn evenly from a range that doubles with every try.
 */
import { ERRORS, LogicError } from '@fleet/shared/errors.ts';
import { MEMBERSHIP_LONGEST_WAIT_MS, MEMBERSHIP_RETRY_MS } from '@fleet/shared/limits.ts';
import { ComeAgain } from './coordinator.ts';

/** `tries`: failures in a row so far, at least 1. `random`: in [0, 1). */
export function waitMs(tries: number, cause: unknown, random: number): number {
  const atLeast = cause instanceof ComeAgain ? cause.afterMs : 0;
  const range = Math.min(MEMBERSHIP_LONGEST_WAIT_MS, MEMBERSHIP_RETRY_MS * 2 ** Math.min(tries, 20));
  return Math.round(atLeast + range * random);
}

/** Whether asking again can help, by itself. */
export function mayPass(cause: unknown): boolean {
  if (!(cause instanceof LogicError)) return false;
  return ERRORS[cause.code].retryable || cause.code === 'unreachable';
}
