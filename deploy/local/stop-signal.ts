/**
 * Ctrl-C, `kill`, and a closed terminal as one AbortSignal. More of them while the stop is under way
 * change nothing: npm and the terminal both pass the same Ctrl-C on.
 */
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopSignal {
  readonly signal: AbortSignal;
  /** The exit status that tells which signal it was; 0 where none came. */
  status(): number;
  /** Back to the system's own handling. */
  release(): void;
}

export function stopSignal(): StopSignal {
  const stop = new AbortController();
  let status = 0;
  const handle = (signal: NodeJS.Signals) => {
    status ||= 128 + constants.signals[signal];
    stop.abort(new Error(`stopped by ${signal}`));
  };
  for (const name of SIGNALS) process.on(name, handle);
  return {
    signal: stop.signal,
    status: () => status,
    release: () => {
      for (const name of SIGNALS) process.off(name, handle);
    },
  };
}
