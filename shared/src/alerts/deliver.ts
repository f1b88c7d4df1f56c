/**
 * Delivers what is owed to webhooks, to each address in order and one at a time: a `resolved` never overtakes its
 * `firing`. A delivery leaves the queue when its receiver said 2xx, and only then; until that it is tried again, with waits
 * that double and jitter. A kill between the receiver's word and ours repeats a delivery: `logic-delivery` has the same id
 * then, so that a receiver can tell.
 */

import type { Logger } from 'pino';
import { request } from 'undici';
import { backoff } from '../backoff.ts';
import { WEBHOOK_LONGEST_WAIT_MS, WEBHOOK_RETRY_MS, WEBHOOK_TIMEOUT_MS } from '../limits.ts';
import type { Delivery, DeliveryQueue } from './queue.ts';

interface Waits {
  after(ms: number, run: () => void): () => void;
  random(): number;
}

export interface DeliverParts {
  readonly urls: readonly string[];
  readonly queue: DeliveryQueue;
  readonly world: Waits;
  readonly log: Pick<Logger, 'warn'>;
  /** The first wait after a failure. */
  readonly retryMs?: number;
  /** How long a receiver may take. */
  readonly timeoutMs?: number;
}

export class Deliveries {
  readonly #lanes: readonly Address[];
  readonly #parts: DeliverParts;

  constructor(parts: DeliverParts) {
    this.#parts = parts;
    this.#lanes = parts.urls.map((url) => new Address(url, parts));
  }

  start(): void {
    const { queue, urls, log } = this.#parts;
    const forgotten = queue.forgetOthers(urls);
    if (forgotten > 0) log.warn({ forgotten }, 'deliveries to webhooks that are configured no more');
    this.wake();
  }

  /** Something may be owed. */
  wake(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.stop()));
  }
}

class Address {
  readonly #url: string;
  readonly #parts: DeliverParts;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #busy = false;
  #callOff: () => void = () => {};
  #failures = 0;

  constructor(url: string, parts: DeliverParts) {
    this.#url = url;
    this.#parts = parts;
  }

  wake(): void {
    if (this.#busy || this.#stopping.signal.aborted) return;
    this.#busy = true;
    this.#running = this.#deliverAll();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#callOff();
    await this.#running;
  }

  async #deliverAll(): Promise<void> {
    const { queue } = this.#parts;
    for (let owed = queue.next(this.#url); owed !== null; owed = queue.next(this.#url)) {
      const failure = (await this.#post(owed)) ?? this.#noteDelivered(owed);
      if (this.#stopping.signal.aborted) return;
      if (failure !== null) return this.#retryLater(owed, failure);
      this.#failures = 0;
    }
    // In the same turn as the last look: what is queued from now on wakes it.
    this.#busy = false;
  }

  /** A disk that is full keeps the delivery in the queue: it is repeated, under its id. */
  #noteDelivered({ id }: Delivery): string | null {
    try {
      this.#parts.queue.delivered(id);
      return null;
    } catch (cause) {
      return `delivered, but not noted: ${said(cause)}`;
    }
  }

  /** Null when the receiver has it, else why not. */
  async #post({ id, body }: Delivery): Promise<string | null> {
    const { timeoutMs = WEBHOOK_TIMEOUT_MS } = this.#parts;
    try {
      const { statusCode, body: said } = await request(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'logic-delivery': id },
        body,
        signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(timeoutMs)]),
      });
      await said.dump();
      return statusCode >= 200 && statusCode < 300 ? null : `status ${statusCode}`;
    } catch (cause) {
      return said(cause);
    }
  }

  #retryLater(owed: Delivery, failure: string): void {
    const { world, log, retryMs = WEBHOOK_RETRY_MS } = this.#parts;
    this.#failures += 1;
    const waitMs = backoff({
      everyMs: retryMs,
      longestWaitMs: WEBHOOK_LONGEST_WAIT_MS,
      failures: this.#failures,
      random: world.random(),
    });
    // The address may hold a secret: the log names its host only.
    log.warn({ host: new URL(this.#url).host, delivery: owed.id, failure, waitMs }, 'webhook not delivered');
    this.#callOff = world.after(waitMs, () => {
      this.#busy = false;
      this.wake();
    });
  }
}

function said(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
