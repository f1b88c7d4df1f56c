/** What a question to a stock Pengine server needs beside the ordinary way: it knows no assumptions, and pengines outlive their errors. */
import { REFUSAL_BYTES, STOCK_FAREWELL_MS } from '@fleet/shared/limits.ts';
import { leftBehind } from '@fleet/shared/stock.ts';
import type { Session } from '../sites/sessions.ts';

/** The outcome where a question rests on assumptions. */
export const NO_ASSUMPTIONS = {
  kind: 'none',
  outcome: 'skipped',
  error: null,
  reason: 'a stock Pengine server knows no assumptions',
} as const;

/**
 * Ends the pengine that a reply left at its server: one whose question failed, or had more answers than were asked for. Nobody
 * waits for it; a server that does not do it ends the pengine by its own limit.
 */
export function endLeftBehind(session: Session, body: Buffer): void {
  const id = leftBehind(body.toString());
  if (id === null) return;
  const path = `/pengine/send?${new URLSearchParams({ id, format: 'prolog' })}`;
  const headers = { 'content-type': 'application/x-prolog; charset=UTF-8' };
  const signal = AbortSignal.timeout(STOCK_FAREWELL_MS);
  session
    .post({ path, headers, body: 'destroy .\n', signal, most: () => REFUSAL_BYTES })
    .catch(() => undefined);
}
