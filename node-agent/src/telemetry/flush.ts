/**
 * Group flush: one sync to the disk serves all who wrote before it began. Whoever comes while one runs waits for the next, which
 * begins when it ends and serves everyone who came meanwhile.
 */
export class Flush {
  readonly #flush: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(flush: () => Promise<void>) {
    this.#flush = flush;
  }

  /** Resolves when a flush that began after this call has ended; rejects as that flush did. */
  afterNow(): Promise<void> {
    if (this.#running === null) return this.#begin();
    this.#next ??= this.settled().then(() => {
      this.#next = null;
      return this.#begin();
    });
    return this.#next;
  }

  /** Resolves when the flush under way has ended, well or not. */
  async settled(): Promise<void> {
    await this.#running?.catch(() => {});
  }

  #begin(): Promise<void> {
    this.#running = this.#flush().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }
}
