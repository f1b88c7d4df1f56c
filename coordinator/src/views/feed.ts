/**
 * What happens somewhere, as an async iteration for one reader: pushed there, pulled here. It is over when it is
 * ended, when it fails and when its reader leaves; then `left` runs, once. For a reader that falls behind by more than `most`, nothing is kept: it gets what
 * `overrun` says, once, in the place of all that waited.
 */
export interface FeedOptions<T> {
  readonly most: number;
  /** Needed where `most` can be reached. */
  readonly overrun?: () => T;
  readonly left?: () => void;
}

export class Feed<T> implements AsyncIterableIterator<T> {
  readonly #options: FeedOptions<T>;
  #waiting: T[] = [];
  #overrun = false;
  #ended: { readonly cause: unknown } | 'well' | null = null;
  #wake: () => void = () => {};

  constructor(options: FeedOptions<T>) {
    this.#options = options;
  }

  push(one: T): void {
    if (this.#ended !== null || this.#overrun) return;
    this.#waiting.push(one);
    if (this.#waiting.length > this.#options.most) {
      this.#waiting = [];
      this.#overrun = true;
    }
    this.#wake();
  }

  /** In the place of all that waits, the reader gets what `overrun` says. */
  restart(): void {
    this.#waiting = [];
    this.#overrun = true;
    this.#wake();
  }

  /** Nothing comes after what waits. */
  end(): void {
    this.#over('well');
  }

  /** After what waits, the reader gets this error. */
  fail(cause: unknown): void {
    this.#over({ cause });
  }

  async next(): Promise<IteratorResult<T>> {
    for (;;) {
      if (this.#overrun && this.#options.overrun !== undefined) {
        this.#overrun = false;
        return { done: false, value: this.#options.overrun() };
      }
      if (this.#waiting.length > 0) return { done: false, value: this.#waiting.shift() as T };
      if (this.#ended === 'well') return { done: true, value: undefined };
      if (this.#ended !== null) throw this.#ended.cause;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  async return(): Promise<IteratorResult<T>> {
    this.#waiting = [];
    this.#overrun = false;
    this.#over('well');
    this.#ended = 'well';
    return { done: true, value: undefined };
  }

  #over(how: { readonly cause: unknown } | 'well'): void {
    if (this.#ended === null) {
      this.#ended = how;
      this.#options.left?.();
    }
    this.#wake();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
