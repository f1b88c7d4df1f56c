/**
 * Changes on their way from sites to a client, and the judgement of what came: each is another number, so that an event says which
 * change it is of. Of each site the last one must have come, none twice, none after a later one, and nothing that was never sent.
 * One that is overtaken by the next of its site is no fault: a site tells what it is, not what it was.
 */
import type { Point } from '../page.ts';

interface Sent {
  readonly number: number;
  readonly at: number;
  came: boolean;
}

export class Changes {
  readonly #began: number;
  /** By site, then by the reading, in the order in which they were sent. */
  readonly #sent = new Map<string, Map<number, Sent>>();
  /** The latest of each site that came. */
  readonly #latest = new Map<string, number>();
  /** Seconds since the beginning, and the milliseconds that the change took. */
  readonly took: Point[] = [];
  twice = 0;
  /** Came after a later one of the same site. */
  late = 0;
  /** Came without having been sent. */
  strange = 0;

  /** `began`: on the clock of the times that are given. */
  constructor(began: number) {
    this.#began = began;
  }

  send(site: string, reading: number, at: number): void {
    const own = this.#sent.get(site) ?? new Map<number, Sent>();
    own.set(reading, { number: own.size, at, came: false });
    this.#sent.set(site, own);
  }

  came(site: string, reading: number, at: number): void {
    const one = this.#sent.get(site)?.get(reading);
    if (one === undefined) {
      this.strange += 1;
      return;
    }
    if (one.came) this.twice += 1;
    else this.took.push([(one.at - this.#began) / 1000, at - one.at]);
    one.came = true;
    const latest = this.#latest.get(site) ?? -1;
    if (one.number < latest) this.late += 1;
    this.#latest.set(site, Math.max(latest, one.number));
  }

  /** Sites whose last change has not come. */
  missing(): string[] {
    return [...this.#sent].flatMap(([site, own]) => (this.#latest.get(site) === own.size - 1 ? [] : [site]));
  }
}
