/**
 * The events of a watch on the wire (docs/protocol.md section 8): JSON, one a line, a blank line as a sign of life. A codec without
 * I/O; an event is a reply with its stamp beside it, and check.ts says whether it holds.
 */
import { z } from 'zod';
import { LogicError } from './errors.ts';
import { type ReplyStamp, readStamp } from './reply.ts';

export interface WatchEvent {
  readonly stamp: ReplyStamp;
  /** The event's text, as the reply to one question has it. */
  readonly body: string;
}

export function writeWatchEvent({ stamp, body }: WatchEvent): string {
  return `${JSON.stringify({ stamp, body })}\n`;
}

const event = z.object({
  stamp: z.object({
    site: z.string(),
    now: z.number(),
    revision: z.number(),
    bundle: z.string(),
    nonce: z.string(),
    signature: z.string(),
    path: z.string(),
  }),
  body: z.string(),
});

/** Throws `bad_reply` for what is no event. */
export function readWatchEvent(line: string): WatchEvent {
  const parsed = event.safeParse(parseJson(line));
  if (!parsed.success) throw new LogicError('bad_reply', 'The site sent what is no event of a watch.');
  const { stamp, body } = parsed.data;
  return { stamp: readStamp(stampLines(stamp)), body };
}

/** A stamp as a reply's header lines have it. */
export function stampLines(stamp: ReplyStamp): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(stamp).map(([name, value]) => [`logic-${name}`, String(value)]));
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** Cuts what comes into lines. */
export class Lines {
  readonly #most: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** `most`: bytes of a line. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes of a line that has not ended. */
  get held(): number {
    return this.#bytes;
  }

  /** The lines that this chunk ends, without their ends. Throws `bad_reply` for one that is too long. */
  take(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#hold(chunk.subarray(from, end));
      lines.push(this.#parts.length === 1 ? String(this.#parts[0]) : Buffer.concat(this.#parts).toString());
      this.#parts = [];
      this.#bytes = 0;
      from = end + 1;
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from));
    return lines;
  }

  #hold(part: Buffer): void {
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes > this.#most)
      throw new LogicError('bad_reply', `A line is longer than ${this.#most} bytes.`);
  }
}
