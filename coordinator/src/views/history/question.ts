/** What makes two questions the same one: the query, whatever its white space, and what it assumes, in whatever order. */
import { hash } from 'node:crypto';
import { QUERY_TEXT_BYTES, TERM_DEPTH } from '@fleet/shared/limits.ts';
import { readTerm, writeTerm } from '@fleet/shared/term.ts';
import { canonicalJson } from './canonical.ts';

export function questionKey(query: string, assume: readonly string[] = []): string {
  return hash('sha256', canonicalJson([normal(query), assume.map(normal).sort()]));
}

function normal(text: string): string {
  try {
    return writeTerm(readTerm(text, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term);
  } catch {
    return text.trim();
  }
}
