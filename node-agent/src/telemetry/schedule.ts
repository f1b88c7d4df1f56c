/**
 * Runs one job at a fixed pace with one timer: a pass that takes longer than its turn delays the next one, two
 * never overlap, and turns that were missed are not made up for.
 */
import type { World } from '../world.ts';

export class Schedule {
  readonly #everyMs: number;
  readonly #job: () => Promise<void>;
  readonly #world: World;
  #callOff: () => void = () => {};
  #running: Promise<void> = Promise.resolve();
  #stopped = true;

  constructor(everyMs: number, job: () => Promise<void>, world: World) {
    this.#everyMs = everyMs;
    this.#job = job;
    this.#world = world;
  }

  /** Runs the job once now; resolves after that first pass. */
  start(): Promise<void> {
    this.#stopped = false;
    return this.#turn();
  }

  /** Resolves when a pass under way has ended. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#callOff();
    return this.#running;
  }

  #turn(): Promise<void> {
    const began = this.#world.elapsed();
    this.#running = this.#job().finally(() => {
      if (this.#stopped) return;
      const waitMs = Math.max(0, began + this.#everyMs - this.#world.elapsed());
      this.#callOff = this.#world.after(waitMs, () => void this.#turn());
    });
    return this.#running;
  }
}
