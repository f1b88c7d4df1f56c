/**
 * What happens somewhere, as an async iteration for one reader: pushed there, pulled here. It ends when it is ended or fails, and
 * when its reader leaves, which runs `left`. For a reader that falls behind by more than `most`, nothing is kept: it gets what
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

  /** Nothing comes after what waits. */
  end(): void {
    this.#ended ??= 'well';
    this.#wake();
  }

  /** After what waits, the reader gets this error. */
  fail(cause: unknown): void {
    this.#ended ??= { cause };
    this.#wake();
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
    this.#ended = 'well';
    this.#options.left?.();
    this.#wake();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
