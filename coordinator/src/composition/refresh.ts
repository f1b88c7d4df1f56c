/**
 * Keeps what is known of the sites of coordinators below: their rosters are asked for at the start, now and then, and whenever a reply
 * says that one has changed. What changed is told to the log by name, a changed key as a warning.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import { ROSTER_BYTES, ROSTER_REFRESH_MS, ROSTER_TIMEOUT_MS } from '@fleet/shared/limits.ts';
import type { Logger } from 'pino';
import { readRefusal } from '../query/refusal.ts';
import type { Registry, Site } from '../sites/registry.ts';
import type { World } from '../world.ts';
import type { Below, Coordinator } from './below.ts';
import { readAtMost } from './lines.ts';
import { extend, writePath } from './path.ts';
import { type ReadRoster, readRoster, type Self } from './roster.ts';
import type { CompositionStore } from './store.ts';

export interface RefreshParts {
  readonly registry: Pick<Registry, 'list'>;
  readonly store: CompositionStore;
  readonly below: Below;
  readonly self: Self;
  readonly world: World;
  readonly log: Logger;
}

/** The roster of one coordinator below, checked. @throws LogicError */
export async function fetchRoster(
  { below, self, world }: Pick<RefreshParts, 'below' | 'self' | 'world'>,
  coordinator: Coordinator,
): Promise<ReadRoster> {
  const nonce = world.randomHex(16);
  const path = writePath(extend([], { id: self.id, name: coordinator.name }));
  const signal = AbortSignal.timeout(ROSTER_TIMEOUT_MS);
  const headers = { 'logic-nonce': nonce, 'logic-way': path };
  const reply = await below.ask(coordinator, { method: 'GET', path: '/roster', headers, signal });
  const body = (await readAtMost(reply.body, ROSTER_BYTES)).toString();
  if (reply.statusCode !== 200) throw readRefusal(reply.statusCode, body);
  const signature = String(reply.headers['logic-signature'] ?? '');
  return readRoster({ body, nonce, signature, publicKey: coordinator.publicKey, self: self.id });
}

export interface Rosters {
  /** A reply said that the roster of this coordinator has this digest: where it is another than the last one, it is asked for. */
  seen(coordinator: Site, digest: string): void;
  /** Asks for all rosters now; failures are told to the log. */
  refresh(): Promise<void>;
  /** No more of them after this; those under way end with their sessions. */
  close(): void;
  settled(): Promise<void>;
}

export function openRosters(parts: RefreshParts): Rosters {
  const digests = new Map<string, string>();
  const underWay = new Map<string, Promise<void>>();
  const refreshOne = (coordinator: Site): Promise<void> => {
    const { name } = coordinator;
    const running =
      underWay.get(name) ?? takeOver(parts, coordinator, digests).finally(() => underWay.delete(name));
    underWay.set(name, running);
    return running;
  };
  const refresh = async () => {
    const below = parts.registry.list().filter(({ kind }) => kind === 'coordinator');
    await Promise.all(below.map(refreshOne));
  };
  const timer = setInterval(() => void refresh(), ROSTER_REFRESH_MS);
  timer.unref();
  return {
    refresh,
    seen: (coordinator, digest) => {
      if (digests.get(coordinator.name) !== digest) void refreshOne(coordinator);
    },
    close: () => clearInterval(timer),
    settled: async () => {
      await Promise.all(underWay.values());
    },
  };
}

/** Never rejects: a coordinator that is away keeps the sites that it had. */
async function takeOver(parts: RefreshParts, coordinator: Site, digests: Map<string, string>): Promise<void> {
  const { store, world, log } = parts;
  const { name } = coordinator;
  try {
    const { sites, looped, digest } = await fetchRoster(parts, coordinator);
    const change = store.apply(name, sites, world.now());
    const before = digests.get(name);
    digests.set(name, digest);
    if (change.rekeyed.length > 0)
      log.warn(
        { coordinator: name, sites: change.rekeyed },
        'another key than before: not asked until it is accepted',
      );
    if (looped.length > 0 && before !== digest)
      log.warn(
        { coordinator: name, sites: looped },
        'reached through this coordinator, or through too many: left out',
      );
    if (change.added.length > 0 || change.removed.length > 0)
      log.info({ coordinator: name, ...change }, 'roster changed');
  } catch (cause) {
    const { code, message } =
      cause instanceof LogicError ? cause : { code: 'unreachable', message: String(cause) };
    log.warn({ coordinator: name, code, message }, 'no roster');
  }
}
