/**
 * All live views of this coordinator. Two readers of the same question share one, which stays for a while after its last reader left,
 * so that one who comes back at once finds it. Nothing polls: sites push, and the two timers here serve all views together (what
 * has been silent too long; whether the registry changed, a comparison).
 */
import type { FleetAskInput } from '@fleet/shared/api/ask.ts';
import type { FleetWatchInput, WatchEvent } from '@fleet/shared/api/watch.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import {
  FLEET_VIEWS,
  REGISTRY_LOOK_MS,
  VIEW_BACKLOG_EVENTS,
  VIEW_LINGER_MS,
  VIEW_LOOK_MS,
  VIEW_OPENINGS_AT_ONCE,
} from '@fleet/shared/limits.ts';
import pLimit from 'p-limit';
import type { Fleet } from '../query/pipeline.ts';
import { type Plan, planQuestion } from '../query/plan.ts';
import { isNamed, select, type Targets, targetsOf } from '../query/select.ts';
import type { Site } from '../sites/registry.ts';
import { Feed } from './feed.ts';
import { type Follower, View } from './view.ts';

export class Views {
  readonly #fleet: Fleet;
  readonly #views = new Map<string, View>();
  readonly #lingering = new Map<View, () => void>();
  readonly #shared = { opening: pLimit(VIEW_OPENINGS_AT_ONCE), held: { bytes: 0 } };
  #registry: unknown = null;
  #callOffs: (() => void)[] = [];

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  get size(): number {
    return this.#views.size;
  }

  has(view: View): boolean {
    return [...this.#views.values()].includes(view);
  }

  stop(): void {
    for (const callOff of this.#callOffs) callOff();
    this.#callOffs = [];
    for (const view of this.#views.values()) view.end();
    this.#views.clear();
  }

  /**
   * Follows the view of that question for a reader: the state, then each change. Throws for a question that may not be asked, or that
   * cannot stand; `busy` where there are too many views.
   */
  watch(input: FleetWatchInput): Feed<WatchEvent> {
    let leave = () => {};
    const feed: Feed<WatchEvent> = new Feed({
      most: VIEW_BACKLOG_EVENTS,
      overrun: () => view.state(),
      left: () => leave(),
    });
    const follower = { ready: () => feed.restart(), event: (event: WatchEvent) => feed.push(event) };
    const { view, leave: left } = this.follow(input, follower);
    leave = left;
    return feed;
  }

  /** The same for one who keeps up by himself. */
  follow(input: FleetWatchInput, follower: Follower): { readonly view: View; readonly leave: () => void } {
    const plan = standingPlan(input, this.#fleet);
    const key = keyOf(plan, input);
    const view = this.#views.get(key) ?? this.#open(key, plan, input);
    this.#lingering.get(view)?.();
    this.#lingering.delete(view);
    const unfollow = view.follow(follower);
    let inside = true;
    return {
      view,
      leave: () => {
        if (!inside) return;
        inside = false;
        unfollow();
        if (view.followers === 0) this.#linger(key, view);
      },
    };
  }

  /** The view that stands for this question, where there is one that knows enough to answer. */
  find(plan: Plan, input: Pick<FleetAskInput, 'sites' | 'where'>): View | null {
    if (plan.targets.some((site) => whyNotLive(site) !== null)) return null;
    const view = plan.join === null ? this.#views.get(keyOf(plan, input)) : undefined;
    return view?.ready ? view : null;
  }

  #open(key: string, plan: Plan, input: FleetWatchInput): View {
    if (this.#views.size >= FLEET_VIEWS) this.#endLingering();
    if (this.#views.size >= FLEET_VIEWS)
      throw new LogicError('busy', `${FLEET_VIEWS} questions stand already: end one that nobody reads`);
    const { sessions, world, registry } = this.#fleet;
    const view = new View({
      ...{ ...this.#shared, sessions, world, fleet: this.#fleet, query: input.query },
      part: plan.parts[0] as Plan['parts'][number],
      targets: () => targetsNow(registry, input),
    });
    this.#views.set(key, view);
    if (this.#views.size === 1) this.#startLooking();
    view.begin();
    return view;
  }

  #linger(key: string, view: View): void {
    const callOff = this.#fleet.world.after(VIEW_LINGER_MS, () => this.#end(key, view));
    this.#lingering.set(view, callOff);
  }

  /** One that nobody reads makes room. */
  #endLingering(): void {
    for (const [key, view] of this.#views) if (this.#lingering.has(view)) return void this.#end(key, view);
  }

  #end(key: string, view: View): void {
    this.#lingering.get(view)?.();
    this.#lingering.delete(view);
    view.end();
    this.#views.delete(key);
    if (this.#views.size > 0) return;
    for (const stop of this.#callOffs) stop();
    this.#callOffs = [];
  }

  #startLooking(): void {
    const { world, registry } = this.#fleet;
    this.#registry = registry.list();
    const every = (ms: number, look: () => void) => {
      let callOff = () => {};
      const arm = () => {
        callOff = world.after(ms, () => {
          arm();
          look();
        });
      };
      arm();
      this.#callOffs.push(() => callOff());
    };
    every(VIEW_LOOK_MS, () => {
      for (const view of this.#views.values()) view.look();
    });
    every(REGISTRY_LOOK_MS, () => this.#lookAtRegistry());
  }

  #lookAtRegistry(): void {
    const list = this.#fleet.registry.list();
    if (list === this.#registry) return;
    this.#registry = list;
    for (const view of this.#views.values()) view.retarget();
  }
}

function standingPlan(input: FleetWatchInput, fleet: Fleet): Plan {
  const plan = planQuestion(input, fleet);
  if (plan.join === null) return plan;
  throw new LogicError('bad_request', 'a join cannot stand: watch its goals, or ask it');
}

/** The same question to the same targets is the same view. */
function keyOf({ parts }: Plan, { sites, where }: Pick<FleetAskInput, 'sites' | 'where'>): string {
  const names = sites === undefined ? null : [...new Set(sites)].sort();
  return JSON.stringify([parts[0]?.question.body, names, where ?? null]);
}

/** A site that was named and is no member any more is no target any more; that is told, and no error. */
function targetsNow(
  registry: Fleet['registry'],
  { sites, where }: Pick<FleetAskInput, 'sites' | 'where'>,
): Targets {
  const members = registry.list();
  const wanted = sites && members.filter((site) => isNamed(site, new Set(sites))).map(({ name }) => name);
  try {
    return onlyLive(select({ list: () => members }, { sites: wanted, where }));
  } catch (cause) {
    if (cause instanceof LogicError && cause.code === 'unknown_site') return targetsOf([]);
    throw cause;
  }
}

/** Who cannot push is a target all the same: it is skipped, with the reason. */
function onlyLive({ all, asked, skipped }: Targets): Targets {
  const without = asked.flatMap((site) => {
    const reason = whyNotLive(site);
    return reason === null ? [] : [{ site, reason }];
  });
  if (without.length === 0) return { all, asked, skipped };
  const left = new Set(without.map(({ site }) => site));
  return { all, asked: asked.filter((site) => !left.has(site)), skipped: [...skipped, ...without] };
}

function whyNotLive({ kind, via }: Site): string | null {
  if (via !== undefined) return `a live view does not reach through ${via.coordinator.name}: watch it there`;
  if (kind === 'stock') return 'a stock Pengine server does not tell what changes';
  return kind === 'coordinator' ? 'its sites are not known yet' : null;
}
