/**
 * What sites answered last, between the answer and the disk: rows of a thousand sites are not written with every question, but
 * every few seconds, and what is asked for meanwhile is found here.
 */
import { LAST_KNOWN_EVERY_MS, LAST_KNOWN_WAITING } from '@fleet/shared/limits.ts';
import type { World } from '../../world.ts';
import type { Answered } from './content.ts';
import { type LastAnswers, type SiteAnswers, siteAnswers } from './last-known.ts';

export class RecentAnswers {
  readonly #world: Pick<World, 'elapsed'>;
  /** By question and site. */
  readonly #answers = new Map<string, Map<string, SiteAnswers>>();
  #given: number;

  constructor(world: Pick<World, 'elapsed'>) {
    this.#world = world;
    this.#given = world.elapsed();
  }

  get waiting(): boolean {
    return this.#answers.size > 0;
  }

  get due(): boolean {
    const late = this.#world.elapsed() - this.#given >= LAST_KNOWN_EVERY_MS;
    return this.waiting && (late || this.#answers.size > LAST_KNOWN_WAITING);
  }

  take(answered: Answered): void {
    for (const one of siteAnswers(answered)) this.#keep(one);
  }

  get(question: string, site: string): LastAnswers | null {
    return this.#answers.get(question)?.get(site) ?? null;
  }

  /** All of it, for the disk. */
  give(): SiteAnswers[] {
    const all = [...this.#answers.values()].flatMap((bySite) => [...bySite.values()]);
    this.#answers.clear();
    this.#given = this.#world.elapsed();
    return all;
  }

  /** What the disk did not take, unless something newer has come. */
  takeBack(all: readonly SiteAnswers[]): void {
    for (const one of all) if (this.get(one.question, one.site) === null) this.#keep(one);
  }

  #keep(one: SiteAnswers): void {
    const bySite = this.#answers.get(one.question) ?? new Map<string, SiteAnswers>();
    this.#answers.set(one.question, bySite);
    bySite.set(one.site, one);
  }
}
