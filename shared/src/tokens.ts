/**
 * Tokens of people and scripts, each with a name and a role, at a site and at a coordinator alike. `tokens.json` in the
 * data folder keeps their hashes only; the token itself is shown once, when it is made. A token is 256 random bits, so a plain SHA-256 is enough:
 * there is nothing to guess. The file is read again when it changes, so a revoked token is refused a moment later.
 */
import { hash } from 'node:crypto';
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { LogicError } from './errors.ts';

/** In rising order: each may do what those before it may. viewer asks, operator also observes and invites, admin everything. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Who asks, and what they may do. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
}

/** What is needed of a World here. */
export interface TokenWorld {
  /** Milliseconds since 1970 UTC. */
  now(): number;
  /** Milliseconds on a clock that nobody sets. */
  elapsed(): number;
  /** 256 random bits, base64url. */
  secret(): string;
}

const entry = z.object({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a token name has a-z, 0-9 and -'),
  role: z.enum(ROLES),
  /** SHA-256 of the token, hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** ms since 1970 UTC */
  createdAt: z.int(),
});
type TokenEntry = z.infer<typeof entry>;
const file = z.array(entry);

const LOOK_AGAIN_MS = 200;

export function mayDo(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Throws `forbidden` for a role that may not. */
export function needs(role: Role, caller: Caller): void {
  if (!mayDo(caller.role, role))
    throw new LogicError('forbidden', `${caller.name} is ${caller.role}; this needs ${role}.`);
}

/** Whose token an `authorization` header holds; null where there is no such header. Throws `unauthorized` for any other. */
export function tokenCaller(authorization: string | undefined, tokens: Tokens): Caller | null {
  if (authorization === undefined) return null;
  const [, token] = /^Bearer ([\w-]{1,128})$/.exec(authorization) ?? [];
  const found = token === undefined ? null : tokens.find(token);
  if (found === null) throw new LogicError('unauthorized', 'The token is not known here.');
  return { name: `token:${found.name}`, role: found.role };
}

export class Tokens {
  readonly #path: string;
  readonly #world: TokenWorld;
  #read: { readonly at: number; readonly byHash: ReadonlyMap<string, TokenEntry> } = {
    at: 0,
    byHash: new Map(),
  };

  #lookAgainAt = 0;

  constructor(data: string, world: TokenWorld) {
    this.#world = world;
    this.#path = join(data, 'tokens.json');
  }

  /** Whose token it is; null for one that is unknown or revoked. Throws `bad_setup` where the file cannot be read. */
  find(token: string): TokenEntry | null {
    this.#refresh();
    return this.#read.byHash.get(hashOf(token)) ?? null;
  }

  list(): readonly TokenEntry[] {
    this.#refresh();
    return [...this.#read.byHash.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Makes a token and returns it. Throws `bad_request` for a name that is taken or is none. */
  create(name: string, role: Role): string {
    const all = this.list();
    if (all.some((one) => one.name === name))
      throw new LogicError('bad_request', `There is a token named ${name} already: revoke it first.`);
    const token = `lt_${this.#world.secret()}`;
    const made = entry.safeParse({ name, role, hash: hashOf(token), createdAt: this.#world.now() });
    if (!made.success) throw new LogicError('bad_request', made.error.issues[0]?.message ?? 'No token name.');
    this.#write([...all, made.data]);
    return token;
  }

  /** Throws `not_found`. */
  revoke(name: string): void {
    const all = this.list();
    const left = all.filter((one) => one.name !== name);
    if (left.length === all.length) throw new LogicError('not_found', `There is no token named ${name}.`);
    this.#write(left);
  }

  #write(entries: readonly TokenEntry[]): void {
    writeFileSync(`${this.#path}.next`, `${JSON.stringify(entries, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${this.#path}.next`, this.#path);
    this.#read = { at: 0, byHash: new Map() };
    this.#lookAgainAt = 0;
  }

  /** Looks at the file's date, a few microseconds: at most as often as a person can tell. */
  #refresh(): void {
    const now = this.#world.elapsed();
    if (now < this.#lookAgainAt) return;
    this.#lookAgainAt = now + LOOK_AGAIN_MS;
    const at = statSync(this.#path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (at === this.#read.at) return;
    this.#read = { at, byHash: new Map(this.#load(at).map((one) => [one.hash, one])) };
  }

  #load(at: number): readonly TokenEntry[] {
    if (at === 0) return [];
    try {
      return file.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch (cause) {
      throw new LogicError('bad_setup', `${this.#path} is not a list of tokens.`, cause);
    }
  }
}

function hashOf(token: string): string {
  return hash('sha256', token);
}
