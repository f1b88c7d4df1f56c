/** For tests: what a pass of a collector is given, with what it missed to look at afterwards. */
import type { LogicError } from '@fleet/shared/errors.ts';
import type { Pass } from '../telemetry/observation.ts';

export interface SomePass extends Pass {
  readonly misses: LogicError[];
}

export function somePass(signal: AbortSignal = new AbortController().signal): SomePass {
  const misses: LogicError[] = [];
  return { signal, misses, missed: (what) => void misses.push(what) };
}
