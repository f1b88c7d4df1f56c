/**
 * One engine that holds many sites, as a load test needs: each has its share, which is to it what an engine of its own
 * would be. The facts of each stand in a module of their own and the core rules are loaded once (kb/proof/facts.pl), so
 * vetting, answering and committing are the same code in the same order. Only whole Pengine sessions are not served.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import type { Logger } from 'pino';
import type { World } from '../world.ts';
import type { Bridge } from './bridge.ts';
import { Engine, type EngineParts, type SiteEngine } from './engine.ts';

/** A site's own engine, or its share: it begins and ends with the site. */
export interface EngineOfSite extends SiteEngine {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface Tenant extends Pick<EngineParts, 'restore' | 'onReady' | 'onLost'> {
  readonly site: string;
  /** Holds its inventory and state, in a place that the engine may read. */
  readonly folder: string;
}

export interface SharedEngineParts extends Pick<EngineParts, 'spawn'> {
  readonly world: World;
  readonly log: Logger;
}

export class SharedEngine {
  readonly #engine: Engine;
  /** Those whose facts the engine holds. */
  readonly #restored = new Set<Tenant>();
  readonly #tenants = new Set<Tenant>();

  constructor(parts: SharedEngineParts) {
    this.#engine = new Engine({
      ...parts,
      restore: async (bridge) => {
        for (const tenant of this.#tenants) await this.#open(tenant, bridge);
      },
      onReady: (bridge) => {
        for (const tenant of this.#restored) tenant.onReady(bridge.at(moduleOf(tenant)));
      },
      onLost: () => {
        this.#restored.clear();
        for (const tenant of this.#tenants) tenant.onLost();
      },
    });
  }

  get pid(): number | null {
    return this.#engine.pid;
  }

  start(): Promise<void> {
    return this.#engine.start();
  }

  stop(): Promise<void> {
    return this.#engine.stop();
  }

  /** What is that site's of the engine; its facts are there when `start` has resolved. */
  share(tenant: Tenant): EngineOfSite {
    const engine = this.#engine;
    const bridge = (): Bridge => {
      if (!this.#restored.has(tenant)) throw new LogicError('not_ready', 'The site is starting its engine.');
      return engine.bridge().at(moduleOf(tenant));
    };
    return {
      get state() {
        return engine.state;
      },
      get restarts() {
        return engine.restarts;
      },
      get pid() {
        return engine.pid;
      },
      get confinement() {
        return engine.confinement;
      },
      bridge,
      report: (event) => engine.report(event),
      start: async () => {
        this.#tenants.add(tenant);
        await this.#open(tenant, engine.bridge());
        tenant.onReady(bridge());
      },
      stop: async () => {
        this.#tenants.delete(tenant);
        this.#restored.delete(tenant);
      },
    };
  }

  async #open(tenant: Tenant, bridge: Bridge): Promise<void> {
    const own = bridge.at(moduleOf(tenant));
    await own.openSite(tenant.folder);
    await tenant.restore(own);
    this.#restored.add(tenant);
  }
}

/** No module of Prolog's libraries or of ours has a name like that. */
function moduleOf({ site }: Tenant): string {
  return `site/${site}`;
}
