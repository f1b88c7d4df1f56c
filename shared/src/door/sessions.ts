/**
 * Who owns which pengine. An id is known to the caller that made it and to nobody else; a caller is a
 * certificate's fingerprint, or `loopback`. A pengine that ended after an error is remembered for a moment, since
 * stock clients then send `destroy` and wait for its reply.
 */
import { AGENT_REPLY_MS, PENGINE_IDLE_MS } from '../limits.ts';

export interface Session {
  readonly id: string;
  readonly caller: string;
  /** The question asked last, as it was received. */
  ask: string;
  /** The server ends the pengine with its question. */
  readonly destroy: boolean;
  usedAt: number;
  /** A request of it is under way. */
  busy: boolean;
}

/** Pengines remembered after their end; the oldest is forgotten first. */
const REMEMBERED = 256;

export class Sessions {
  readonly #open = new Map<string, Session>();
  readonly #ended = new Map<string, { caller: string; at: number }>();

  get size(): number {
    return this.#open.size;
  }

  add(session: Session): void {
    this.#open.set(session.id, session);
  }

  countOf(caller: string): number {
    return [...this.#open.values()].filter((session) => session.caller === caller).length;
  }

  /** The caller's own pengine of that id. */
  find(id: string, caller: string): Session | null {
    const session = this.#open.get(id);
    return session?.caller === caller ? session : null;
  }

  /** Whether this caller's pengine of that id ended a moment ago. */
  endedLately(id: string, caller: string, now: number): boolean {
    const ended = this.#ended.get(id);
    return ended?.caller === caller && now - ended.at < AGENT_REPLY_MS;
  }

  remove(session: Session): void {
    this.#open.delete(session.id);
  }

  /** Remembers the end of a pengine whose caller does not know of it yet. */
  remember(id: string, caller: string, now: number): void {
    this.#ended.set(id, { caller, at: now });
    const oldest = this.#ended.keys().next();
    if (this.#ended.size > REMEMBERED && !oldest.done) this.#ended.delete(oldest.value);
  }

  /** Takes out the pengines that nobody used for long. */
  takeIdle(now: number): Session[] {
    const idle = [...this.#open.values()].filter(
      (session) => !session.busy && now - session.usedAt >= PENGINE_IDLE_MS,
    );
    for (const session of idle) this.remove(session);
    return idle;
  }

  /** The engine is gone, and every pengine with it. */
  clear(): void {
    this.#open.clear();
    this.#ended.clear();
  }
}
