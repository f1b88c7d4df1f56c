/**
 * One completion at a time, the others in the order in which they came, and not many of them: a caller that cannot be served soon hears so
 * at once. One that leaves gives its place back. No I/O, no clock.
 */

export class Queue {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #running = false;

  /** `most`: how many may wait behind the one that runs. */
  constructor(most: number) {
    this.#most = most;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Null where there is no place; else what `job` gives, once its turn has come. Rejects with the signal's reason when it leaves before. */
  run<T>(job: () => Promise<T>, signal: AbortSignal): Promise<T> | null {
    if (this.#running && this.#waiting.length >= this.#most) return null;
    return this.#inTurn(job, signal);
  }

  async #inTurn<T>(job: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#running) await this.#turn(signal);
    this.#running = true;
    try {
      return await job();
    } finally {
      this.#running = false;
      this.#next();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        const at = this.#waiting.indexOf(begin);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal.reason);
      };
      const begin = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(begin);
    });
  }

  /** The place stays taken until the next one has it: nobody who comes meanwhile overtakes. */
  #next(): void {
    const begin = this.#waiting.shift();
    if (begin === undefined) return;
    this.#running = true;
    begin();
  }
}
