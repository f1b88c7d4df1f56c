/** A bounded number of places, and a smaller number for each caller, so that one cannot keep the others out. */
import { LogicError } from '../errors.ts';

export interface PlaceLimits {
  /** What is bounded, in the plural: for the message. */
  readonly what: string;
  readonly all: number;
  readonly each: number;
}

export class Places {
  readonly #limits: PlaceLimits;
  readonly #taken = new Map<string, number>();
  #all = 0;

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
  }

  get taken(): number {
    return this.#all;
  }

  /** Throws `busy`; else calling the result, once, gives the place back. */
  enter(caller: string): () => void {
    const own = this.#taken.get(caller) ?? 0;
    if (this.#all >= this.#limits.all) throw busy(this.#limits.what);
    if (own >= this.#limits.each) throw busy(`${this.#limits.what} of one caller`);
    this.#all += 1;
    this.#taken.set(caller, own + 1);
    return () => this.#leave(caller);
  }

  #leave(caller: string): void {
    this.#all -= 1;
    const left = (this.#taken.get(caller) ?? 1) - 1;
    if (left === 0) this.#taken.delete(caller);
    else this.#taken.set(caller, left);
  }
}

export function busy(what: string): LogicError {
  return new LogicError('busy', `Too many ${what} at once.`);
}
