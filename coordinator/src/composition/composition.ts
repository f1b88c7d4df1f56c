/** What composition needs of a running coordinator, opened and closed as one: the store, ways to those below, and the door to those above. */
import type { Logger } from 'pino';
import { FleetDoor } from '../door/door.ts';
import type { Fleet } from '../query/pipeline.ts';
import type { Authority } from '../sites/authority.ts';
import type { Registry } from '../sites/registry.ts';
import type { World } from '../world.ts';
import type { Through } from './ask-through.ts';
import { openBelow } from './below.ts';
import { selfOf } from './introduce.ts';
import { openRosters } from './refresh.ts';
import type { CompositionRoutes } from './routes.ts';
import { type CompositionStore, openComposition } from './store.ts';
import { type Targets, withLeaves } from './targets.ts';

export interface CompositionParts {
  /** Of the store. */
  readonly file: string;
  readonly authority: Authority;
  readonly registry: Registry;
  readonly world: World;
  readonly log: Logger;
}

export interface Composition {
  /** The registry with leaves in the place of coordinators: what targets come from. */
  readonly registry: Targets;
  readonly through: Through;
  readonly store: CompositionStore;
  /** What is served of the fleet that has been made with these; rosters are asked for from now on. */
  serve(fleet: Fleet): CompositionRoutes;
  close(): Promise<void>;
}

export function startComposition({ file, authority, registry, world, log }: CompositionParts): Composition {
  const store = openComposition(file);
  const self = selfOf(authority);
  const below = openBelow(store, authority.coordinator.key);
  const rosters = openRosters({ registry, store, below, self, world, log });
  let door: FleetDoor | null = null;
  return {
    registry: withLeaves(registry, store),
    through: { below, self, rosters },
    store,
    serve: (fleet) => {
      door = new FleetDoor(fleet);
      void rosters.refresh();
      return { fleet, door, self, store, log };
    },
    close: async () => {
      rosters.close();
      door?.close();
      await below.close();
      await rosters.settled();
      store.close();
    },
  };
}
