/**
 * The core of supervision, without I/O: it takes what happened and `now`, and returns the next state and what
 * to do. `engine.ts` beside it does the I/O. A restart waits 50 ms first and doubles up to 10 s; an engine that
 * stayed ready for the longest wait has earned a fresh start of that series.
 */
import { ENGINE_START_MS, RESTART_FIRST_MS, RESTART_LONGEST_MS } from '@fleet/shared/limits.ts';

/** Questions without a reply in a row after which the engine is taken to hang (SHARP-EDGES 9). */
const ABANDONED_IN_A_ROW = 2;

export type EngineState = 'stopped' | 'starting' | 'syncing' | 'ready' | 'ending' | 'waiting' | 'closing';

export interface Supervision {
  readonly state: EngineState;
  /** When this state began, ms on a clock that nobody sets. */
  readonly since: number;
  /** Exits since the engine was last ready for long. */
  readonly failures: number;
  readonly abandoned: number;
  /** Exits so far that nobody asked for. */
  readonly restarts: number;
}

export type SupervisorEvent =
  | { readonly type: 'start' | 'listening' | 'synced' | 'sync_failed' | 'exited' | 'stop' | 'tick' }
  | { readonly type: 'answered' | 'abandoned' | 'unhealthy' };

export type SupervisorAction =
  | { readonly do: 'spawn' | 'sync' | 'kill' | 'end' }
  /** Send a `tick` at that time. */
  | { readonly do: 'wake'; readonly at: number };

export interface Step {
  readonly next: Supervision;
  readonly actions: readonly SupervisorAction[];
}

export const AT_REST: Supervision = { state: 'stopped', since: 0, failures: 0, abandoned: 0, restarts: 0 };

/** How long to wait before the start that follows `failures` exits in a row. */
export function backoffMs(failures: number): number {
  return Math.min(RESTART_FIRST_MS * 2 ** Math.min(failures, 20), RESTART_LONGEST_MS);
}

/** One event in, the next state and the actions out. An event that means nothing in a state changes nothing. */
export function supervise(was: Supervision, event: SupervisorEvent, now: number): Step {
  if (event.type === 'stop') return stop(was, now);
  switch (was.state) {
    case 'stopped':
      return event.type === 'start' ? spawn(was, now) : stay(was);
    case 'starting':
      if (event.type === 'listening') return enter(was, 'syncing', now, [{ do: 'sync' }]);
      return untilReady(was, event, now);
    case 'syncing':
      if (event.type === 'synced') return enter({ ...was, abandoned: 0 }, 'ready', now, []);
      if (event.type === 'sync_failed') return enter(was, 'ending', now, [{ do: 'kill' }]);
      return untilReady(was, event, now);
    case 'ready':
      return whileReady(was, event, now);
    case 'ending':
      return event.type === 'exited' ? exited(was, now) : stay(was);
    case 'waiting':
      return event.type === 'tick' ? wait(was, now) : stay(was);
    case 'closing':
      return event.type === 'exited' ? enter(was, 'stopped', now, []) : stay(was);
  }
}

function untilReady(was: Supervision, event: SupervisorEvent, now: number): Step {
  if (event.type === 'exited') return exited(was, now);
  if (event.type !== 'tick') return stay(was);
  const at = was.since + ENGINE_START_MS;
  return now >= at ? enter(was, 'ending', now, [{ do: 'kill' }]) : wakeAgain(was, at);
}

function wait(was: Supervision, now: number): Step {
  const at = was.since + backoffMs(was.failures - 1);
  return now >= at ? spawn(was, now) : wakeAgain(was, at);
}

/** A timer may fire a little early, and a tick may belong to a wait that is over. */
function wakeAgain(was: Supervision, at: number): Step {
  return { next: was, actions: [{ do: 'wake', at }] };
}

function whileReady(was: Supervision, event: SupervisorEvent, now: number): Step {
  switch (event.type) {
    case 'exited':
      return exited(now - was.since >= RESTART_LONGEST_MS ? { ...was, failures: 0 } : was, now);
    case 'answered':
      return was.abandoned === 0 ? stay(was) : { next: { ...was, abandoned: 0 }, actions: [] };
    case 'abandoned': {
      const counted = { ...was, abandoned: was.abandoned + 1 };
      if (counted.abandoned < ABANDONED_IN_A_ROW) return { next: counted, actions: [] };
      return enter(counted, 'ending', now, [{ do: 'kill' }]);
    }
    case 'unhealthy':
      return enter(was, 'ending', now, [{ do: 'kill' }]);
    default:
      return stay(was);
  }
}

function spawn(was: Supervision, now: number): Step {
  return enter(was, 'starting', now, [{ do: 'spawn' }, { do: 'wake', at: now + ENGINE_START_MS }]);
}

function exited(was: Supervision, now: number): Step {
  const counted = { ...was, failures: was.failures + 1, restarts: was.restarts + 1, abandoned: 0 };
  return enter(counted, 'waiting', now, [{ do: 'wake', at: now + backoffMs(was.failures) }]);
}

function stop(was: Supervision, now: number): Step {
  if (was.state === 'stopped' || was.state === 'closing') return stay(was);
  if (was.state === 'waiting') return enter(was, 'stopped', now, []);
  return enter(was, 'closing', now, [{ do: 'end' }]);
}

function stay(was: Supervision): Step {
  return { next: was, actions: [] };
}

function enter(
  was: Supervision,
  state: EngineState,
  now: number,
  actions: readonly SupervisorAction[],
): Step {
  return { next: { ...was, state, since: now }, actions };
}
