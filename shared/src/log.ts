/**
 * Where a program's log goes: standard error, a line at a time, as it is written. A line that cannot be written, because the
 * disk is full that standard error stands on or nobody reads it any more, is lost, and nothing else is: pino's own destination
 * ends the process for it, and waits at its exit, without end, until there is room (found by `npm run loadtest -- faults`).
 */
import { writeSync } from 'node:fs';

const STANDARD_ERROR = 2;
/** A pipe whose reader is behind is tried again so often, a millisecond apart. */
const TRIES = 100;
const pause = new Int32Array(new SharedArrayBuffer(4));

export interface LogDestination {
  write(line: string): void;
}

export function logTo(fd: number = STANDARD_ERROR): LogDestination {
  return { write: (line) => writeWhole(fd, Buffer.from(line)) };
}

function writeWhole(fd: number, line: Buffer): void {
  let left = line;
  for (let tries = 0; left.length > 0 && tries < TRIES; ) {
    try {
      left = left.subarray(writeSync(fd, left));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      tries += 1;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}
