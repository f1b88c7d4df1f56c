/**
 * Whose question is next on the lane: callers take turns, each in the order in which it asked, and none may have all
 * connections at once. So one that floods the lane, or asks for what takes long, delays itself. No I/O, no clock.
 */

export interface Turn {
  readonly caller: string;
  /** What it takes of what is shared. */
  readonly share: number;
}

export class Turns<T extends Turn> {
  readonly #each: number;
  /** Those who wait, by caller; whose turn is next comes first. */
  readonly #waiting = new Map<string, Set<T>>();
  readonly #running = new Map<string, number>();
  #size = 0;

  /** `each`: what one caller may have running at once, in shares. */
  constructor(each: number) {
    this.#each = each;
  }

  get size(): number {
    return this.#size;
  }

  add(one: T): void {
    const own = this.#waiting.get(one.caller);
    if (own === undefined) this.#waiting.set(one.caller, new Set([one]));
    else own.add(one);
    this.#size += 1;
  }

  /** Takes one out that waits; false where it does not. */
  remove(one: T): boolean {
    const own = this.#waiting.get(one.caller);
    if (own === undefined || !own.delete(one)) return false;
    if (own.size === 0) this.#waiting.delete(one.caller);
    this.#size -= 1;
    return true;
  }

  /** The next that may run and `fits`, which then does until `done`. */
  next(fits: (one: T) => boolean = () => true): T | null {
    for (const [caller, own] of this.#waiting) {
      const running = this.#running.get(caller) ?? 0;
      const [one] = own;
      if (one === undefined || running + one.share > this.#each || !fits(one)) continue;
      this.remove(one);
      // The caller goes to the end of the row.
      if (this.#waiting.delete(caller)) this.#waiting.set(caller, own);
      this.#running.set(caller, running + one.share);
      return one;
    }
    return null;
  }

  done({ caller, share }: Turn): void {
    const left = (this.#running.get(caller) ?? share) - share;
    if (left <= 0) this.#running.delete(caller);
    else this.#running.set(caller, left);
  }

  /** Takes out all that wait. */
  clear(): T[] {
    const all = [...this.#waiting.values()].flatMap((own) => [...own]);
    this.#waiting.clear();
    this.#size = 0;
    return all;
  }
}
