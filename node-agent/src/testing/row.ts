/** For tests: a row of the journal about which only the fact matters. */
import type { JournalRow } from '../telemetry/journal.ts';

export function row(fact: string, observedAt = 1): JournalRow {
  return { fact, source: 'test', observedAt, validUntil: 2, removed: false };
}
