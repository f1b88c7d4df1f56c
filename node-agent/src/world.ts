/**
 * The agent's only source of time and chance. Everything else takes a `World`, so that a test can move the
 * clock and repeat a run; `tidy.test.ts` keeps `Date.now` and random bytes out of the other files.
 */
import { randomBytes, randomUUID } from 'node:crypto';

export interface World {
  /** Milliseconds since 1970 UTC. */
  now(): number;
  /** Milliseconds on a clock that nobody sets: for waiting, never for evidence. */
  elapsed(): number;
  /** Runs once after that many milliseconds; returns how to call it off. Never keeps the process alive. */
  after(ms: number, run: () => void): () => void;
  uuid(): string;
  /** A number in [0, 1), to spread waits; not for secrets. */
  random(): number;
  /** 256 random bits, base64url. */
  secret(): string;
}

export const realWorld: World = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  uuid: () => randomUUID(),
  random: () => Math.random(),
  secret: () => randomBytes(32).toString('base64url'),
};
