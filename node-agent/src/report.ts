/**
 * How an error reaches a person and a script at the command line, and which exit status they see: 2 for a query
 * that is refused, 1 for anything else (docs/protocol.md section 5).
 */
import { asLogicError, ERRORS } from '@fleet/shared/errors.ts';

/**
 * Writes the error and what to do about it to standard error, with `json` also as the last line of standard output;
 * returns the exit status.
 */
export function reportError(cause: unknown, json = false): number {
  const error = asLogicError(cause);
  const { code, message } = error;
  const { advice, outcome, retryable } = ERRORS[code];
  process.stderr.write(`logic-node: ${code}: ${message}\n  ${advice}\n`);
  if (code === 'internal') process.stderr.write(`${detailOf(error.detail ?? cause)}\n`);
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, advice } })}\n`);
  return outcome === 'refused' && !retryable ? 2 : 1;
}

function detailOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
