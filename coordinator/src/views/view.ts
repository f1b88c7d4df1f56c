/**
 * One standing question over its targets: a stream for each site, and what all of them come to. Readers that ask the same share it.
 * The targets are those of the registry at each moment: `retarget` is told when that changed.
 */
import type { LastKnownAnswers } from '@fleet/shared/api/ask.ts';
import type { WatchEvent, WatchState } from '@fleet/shared/api/watch.ts';
import { coverageOf } from '@fleet/shared/coverage.ts';
import { VIEW_FIRST_MS } from '@fleet/shared/limits.ts';
import { holds } from '@fleet/shared/live.ts';
import { setApart } from '../query/apart.ts';
import type { Reply } from '../query/fanout.ts';
import type { Part } from '../query/part.ts';
import type { Fleet } from '../query/pipeline.ts';
import type { Targets } from '../query/select.ts';
import { type Verdict, verify } from '../query/verify.ts';
import type { Site } from '../sites/registry.ts';
import { SiteStream, type StreamParts } from './site-stream.ts';
import { newSite, type SiteView, take } from './site-view.ts';

export interface ViewParts extends StreamParts {
  readonly fleet: Fleet;
  readonly query: string;
  readonly part: Part;
  /** Those that the question is meant for, by the registry of now. */
  readonly targets: () => Targets;
}

/** Whoever follows a view. */
export interface Follower {
  /** Every target has an outcome, or they were waited for long enough. */
  ready(): void;
  event(event: WatchEvent): void;
}

interface Watched {
  readonly row: Site;
  /** Null where the site is not asked. */
  readonly stream: SiteStream | null;
}

export class View {
  readonly #parts: ViewParts;
  readonly #watched = new Map<string, Watched>();
  readonly #sites = new Map<string, SiteView>();
  /** Sites without an outcome so far. */
  readonly #pending = new Set<string>();
  readonly #followers = new Set<Follower>();
  readonly since: number;
  #ready = false;
  #version = 0;
  #callOff: () => void = () => {};

  constructor(parts: ViewParts) {
    this.#parts = parts;
    this.since = parts.world.now();
  }

  begin(): void {
    this.retarget();
    this.#callOff = this.#parts.world.after(VIEW_FIRST_MS, () => this.#becomeReady());
  }

  end(): void {
    this.#callOff();
    for (const { stream } of this.#watched.values()) stream?.end();
    this.#watched.clear();
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Grows with every change, be it one that readers are told of or not. */
  get version(): number {
    return this.#version;
  }

  get followers(): number {
    return this.#followers.size;
  }

  /** Returns how to leave. */
  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    if (this.#ready) follower.ready();
    return () => void this.#followers.delete(follower);
  }

  look(): void {
    for (const { stream } of this.#watched.values()) stream?.look();
  }

  /** Follows the registry: new targets are watched, those that are none any more are forgotten, those that changed begin anew. */
  retarget(): void {
    const { all, skipped } = this.#parts.targets();
    const reasons = new Map(skipped.map(({ site, reason }) => [site.name, reason]));
    const names = new Set(all.map(({ name }) => name));
    for (const name of this.#watched.keys()) if (!names.has(name)) this.#forget(name);
    for (const site of all) {
      const known = this.#watched.get(site.name);
      if (known !== undefined && sameRow(known.row, site)) continue;
      known?.stream?.end();
      this.#watch(site, reasons.get(site.name) ?? null);
    }
    if (this.#pending.size === 0) this.#becomeReady();
  }

  /** What is known of one target; undefined where it is none. */
  site(name: string): (SiteView & { readonly pending: boolean }) | undefined {
    const site = this.#sites.get(name);
    return site && { ...site, pending: this.#pending.has(name) };
  }

  /** By name. */
  get sites(): readonly SiteView[] {
    return [...this.#sites.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, site]) => site);
  }

  state(): WatchState {
    const { query, part } = this.#parts;
    const { sites } = this;
    const coverage = coverageOf(sites.map(({ verdict }) => verdict.outcome));
    return {
      kind: 'state',
      query,
      variables: part.admitted.asked.variables,
      answers: sites.flatMap(({ verdict, rows }) => (holds(verdict.outcome) ? rows : [])),
      lastKnown: this.lastKnown(),
      coverage,
      complete: coverage.complete && sites.every(({ verdict }) => verdict.apart === undefined),
    };
  }

  /** What sites that are missing told last. */
  lastKnown(): LastKnownAnswers[] {
    return this.sites.flatMap(({ verdict: { outcome }, rows, rowsAt }) =>
      holds(outcome) || rowsAt === null ? [] : [{ site: outcome.site, at: rowsAt, answers: rows }],
    );
  }

  #watch(row: Site, reason: string | null): void {
    const { fleet, part, world, query: _, targets: __, ...streams } = this.#parts;
    const { name } = row;
    if (reason !== null) {
      this.#watched.set(name, { row, stream: null });
      this.#take(name, { kind: 'none', site: row, ms: 0, outcome: 'skipped', error: null, reason });
      return;
    }
    const check = { ...part.admitted, ...fleet, question: part.question };
    const stream: SiteStream = new SiteStream({
      ...streams,
      world,
      site: row,
      question: part.question,
      tell: async (reply) => {
        const verdict = await verify(check, reply);
        // Meanwhile the site may have left, or have come back as another.
        if (this.#watched.get(name)?.stream !== stream) return;
        this.#took(name, setApart(verdict, reply, { own: fleet.manifest.bundle, maxAgeMs: null }));
      },
    });
    this.#watched.set(name, { row, stream });
    const known = this.#sites.get(name);
    // What was told before a new certificate counts for nothing against it.
    if (known !== undefined) this.#sites.set(name, { ...known, revision: -1 });
    else {
      const reply = {
        kind: 'none',
        site: row,
        ms: 0,
        outcome: 'timeout',
        error: null,
        reason: WAITING,
      } as const;
      this.#sites.set(name, newSite(outcomeOf(reply), world.now()));
      this.#pending.add(name);
      this.#tell(null);
    }
    stream.begin();
  }

  #forget(name: string): void {
    this.#watched.get(name)?.stream?.end();
    this.#watched.delete(name);
    this.#pending.delete(name);
    if (this.#sites.delete(name)) this.#tell({ kind: 'gone', site: name, at: this.#parts.world.now() });
  }

  /** An outcome that needs no checking. */
  #take(name: string, reply: Reply & { kind: 'none' }): void {
    this.#took(name, { outcome: outcomeOf(reply), answers: [] });
  }

  #took(name: string, verdict: Verdict): void {
    const { world } = this.#parts;
    const now = world.now();
    const before = this.#sites.get(name) ?? newSite({ ...verdict.outcome, outcome: 'timeout' }, now);
    const { site, change } = take(before, verdict, now);
    this.#sites.set(name, site);
    const first = this.#pending.delete(name);
    this.#tell(change);
    if (first && this.#pending.size === 0) this.#becomeReady();
  }

  #tell(event: WatchEvent | null): void {
    this.#version += 1;
    if (event === null || !this.#ready) return;
    for (const follower of this.#followers) follower.event(event);
  }

  #becomeReady(): void {
    if (this.#ready) return;
    this.#ready = true;
    this.#callOff();
    for (const follower of this.#followers) follower.ready();
  }
}

const WAITING = 'it has not told its answer yet';

function outcomeOf({ site, outcome, error, reason }: Reply & { kind: 'none' }): Verdict['outcome'] {
  return {
    ...{ site: site.name, outcome, code: error?.code ?? null, message: error?.message ?? reason ?? null },
    ...{ ms: 0, revision: null, bundle: null, answers: 0 },
  };
}

function sameRow(a: Site, b: Site): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
