/**
 * Clock and randomness of the coordinator, in the one place where they come in. Everything else takes
 * a `World`, so that a test can hand in a clock of its own and a fixed nonce.
 */
import { randomBytes, randomUUID } from 'node:crypto';

export interface World {
  /** Wall clock, milliseconds since 1970 UTC: what replies and certificates are compared with. */
  now(): number;
  /** A clock that only grows, in milliseconds: what durations are measured with. */
  elapsed(): number;
  /** That many random bytes, as hex digits. */
  randomHex(bytes: number): string;
  /** Runs once after that many milliseconds; returns how to call it off. Never keeps the process alive. */
  after(ms: number, run: () => void): () => void;
  uuid(): string;
  /** A number in [0, 1), to spread waits; not for secrets. */
  random(): number;
}

/** Drawn at once for many: a fan-out needs a nonce for each of a thousand sites, and each drawing has its own cost. */
const POOL_BYTES = 4_096;
let pool = Buffer.alloc(0);

/** No byte is given twice. */
function fromPool(bytes: number): Buffer {
  if (bytes > pool.length) pool = randomBytes(Math.max(bytes, POOL_BYTES));
  const drawn = pool.subarray(0, bytes);
  pool = pool.subarray(bytes);
  return drawn;
}

export const realWorld: World = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  randomHex: (bytes) => fromPool(bytes).toString('hex'),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  uuid: () => randomUUID(),
  random: () => Math.random(),
};
