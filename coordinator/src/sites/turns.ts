/**
 * Whose turn it is to open a TLS session: so many at once, in the order in which they came. One that hangs, as at a site that takes
 * connections and says nothing, gives its turn to the next and goes on. It hangs when it takes several times as long as those
 * that came about lately: where a thousand come back at once, all of them are slow, and more at once would make them slower.
 */
import { HANDSHAKE_SLOT_MOST_MS, HANDSHAKE_SLOT_MS, HANDSHAKES_AT_ONCE } from '@fleet/shared/limits.ts';
import type { World } from '../world.ts';

/** A handshake keeps its turn for so many times as long as one takes. */
const TIMES = 4;
/** Of the newest one in what handshakes are thought to take. */
const WEIGHT = 1 / 8;

/** Begins a handshake; `over` is to be called when it has ended, however it ended. */
export type Handshake = (over: (cameAbout: boolean) => void) => void;

export class Turns {
  readonly #world: Pick<World, 'elapsed' | 'after'>;
  readonly #waiting: Handshake[] = [];
  #taken = 0;
  #usualMs = 0;

  constructor(world: Pick<World, 'elapsed' | 'after'>) {
    this.#world = world;
  }

  take(handshake: Handshake): void {
    this.#waiting.push(handshake);
    this.#next();
  }

  #next(): void {
    while (this.#taken < HANDSHAKES_AT_ONCE) {
      const handshake = this.#waiting.shift();
      if (handshake === undefined) return;
      this.#begin(handshake);
    }
  }

  #begin(handshake: Handshake): void {
    this.#taken += 1;
    const began = this.#world.elapsed();
    const took = () => this.#world.elapsed() - began;
    let callOff = () => {};
    let mine = true;
    const giveBack = () => {
      if (!mine) return;
      mine = false;
      callOff();
      this.#taken -= 1;
      this.#next();
    };
    const lookAfter = (ms: number) => {
      callOff = this.#world.after(ms, () => {
        const left = this.#slotMs() - took();
        if (left > 0) lookAfter(left);
        else giveBack();
      });
    };
    lookAfter(this.#slotMs());
    handshake((cameAbout) => {
      if (cameAbout) this.#usualMs += (took() - this.#usualMs) * WEIGHT;
      giveBack();
    });
  }

  #slotMs(): number {
    return Math.min(HANDSHAKE_SLOT_MOST_MS, Math.max(HANDSHAKE_SLOT_MS, TIMES * this.#usualMs));
  }
}
