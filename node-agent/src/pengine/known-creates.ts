/**
 * Creates that were read before, by their bytes: dashboards, coordinators and standing queries ask the same again and again, and
 * what the door makes of a body depends on nothing but the body. Only accepted ones are kept, the least lately used is forgotten.
 * The engine remembers the same of its own (`known/5` in node-agent/prolog/lane.pl).
 */

import type { CreateRequest } from '@fleet/shared/door/request.ts';
import { KNOWN_CREATE_BYTES, KNOWN_CREATES } from '@fleet/shared/limits.ts';

export class KnownCreates {
  /** In the order of use, by content type and body. */
  readonly #kept = new Map<string, CreateRequest>();

  find(contentType: string, body: Buffer): CreateRequest | null {
    if (body.length > KNOWN_CREATE_BYTES) return null;
    const key = keyOf(contentType, body);
    const found = this.#kept.get(key);
    if (found === undefined) return null;
    this.#kept.delete(key);
    this.#kept.set(key, found);
    return found;
  }

  keep(contentType: string, body: Buffer, wish: CreateRequest): void {
    if (body.length > KNOWN_CREATE_BYTES) return;
    this.#kept.set(keyOf(contentType, body), wish);
    if (this.#kept.size <= KNOWN_CREATES) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  get size(): number {
    return this.#kept.size;
  }
}

/** Each byte one character, so that bodies that are no UTF-8 stay apart. */
function keyOf(contentType: string, body: Buffer): string {
  return `${contentType}\n${body.toString('latin1')}`;
}
