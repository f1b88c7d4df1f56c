/**
 * What a site says when its HTTP status is not 200: a code of our table with a sentence, in one of the
 * shapes that an agent or a Pengine server uses, or else just the status. The text is a stranger's:
 * it is shortened and stripped of what could steer a terminal before anyone sees it.
 */
import { ERRORS, type ErrorCode, isErrorCode, LogicError } from '@fleet/shared/errors.ts';
import { SITE_MESSAGE_CHARACTERS } from '@fleet/shared/limits.ts';
import { z } from 'zod';

const said = z.object({ code: z.string(), message: z.string() });
const pengineEvent = z.object({ event: z.literal('error'), code: z.string(), data: z.string() });
const refusal = z.union([
  said,
  z.object({ error: said }).transform(({ error }) => error),
  pengineEvent.transform(({ code, data }) => ({ code, message: data })),
]);

/** The error that a reply with this status stands for. Never throws. */
export function readRefusal(status: number, body: string): LogicError {
  const parsed = refusal.safeParse(parseJson(body));
  if (parsed.success && isErrorCode(parsed.data.code) && isOwnWord(parsed.data.code))
    return new LogicError(parsed.data.code, plainText(parsed.data.message));
  return new LogicError(codeOf(status), `the site answered with HTTP status ${status}`);
}

/** A site may say that it refused or failed, not that it was unreachable, late, or is to be rejected. */
function isOwnWord(code: ErrorCode): boolean {
  return ERRORS[code].outcome === 'refused' || ERRORS[code].outcome === 'error';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function codeOf(status: number): ErrorCode {
  switch (status) {
    case 403:
      return 'forbidden';
    case 404:
      return 'not_found';
    case 413:
      return 'too_large';
    case 429:
      return 'busy';
    case 502:
    case 503:
    case 504:
      return 'not_ready';
    default:
      return status >= 500 ? 'internal' : 'bad_reply';
  }
}

/** A stranger's text on one line, without control and format characters, and not too long. */
export function plainText(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length > SITE_MESSAGE_CHARACTERS ? `${line.slice(0, SITE_MESSAGE_CHARACTERS - 1)}…` : line;
}
