/** For tests: a reader of `fleet.watch`, who keeps what it is told as a client would. */
import type { WatchEvent } from '@fleet/shared/api/watch.ts';
import { follow, holds, type LiveView } from '@fleet/shared/live.ts';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import type { FleetRouter } from '../router.ts';

export interface Watching {
  /** Every event, with when it came on performance.now(). */
  readonly events: { readonly event: WatchEvent; readonly at: number }[];
  readonly view: () => LiveView;
  /** `value value` for each row that holds now, sorted; by site. */
  rows(site: string): string[];
  outcome(site: string): string | undefined;
  /** Resolves when `holds` is true after an event, at once where it is already. */
  until(holds: () => boolean, what: string, withinMs?: number): Promise<void>;
  leave(): void;
}

export type LiveClient = ReturnType<typeof createTRPCClient<FleetRouter>>;

export function connectLive(url: string): { readonly client: LiveClient; close(): void } {
  const socket = createWSClient({ url: `${url.replace('http', 'ws')}/trpc`, retryDelayMs: () => 50 });
  return {
    client: createTRPCClient<FleetRouter>({ links: [wsLink({ client: socket })] }),
    close: () => void socket.close(),
  };
}

export function watch(
  client: LiveClient,
  input: { query: string; sites?: string[]; where?: string; prove?: boolean },
): Watching {
  const events: Watching['events'] = [];
  const errors: unknown[] = [];
  let view: LiveView = new Map();
  let wake = () => {};
  const subscription = client.fleet.watch.subscribe(input, {
    onData: (event) => {
      events.push({ event, at: performance.now() });
      view = follow(view, event);
      wake();
    },
    onError: (error) => {
      errors.push(error);
      wake();
    },
  });
  const site = (name: string) => view.get(name);
  return {
    events,
    view: () => view,
    rows: (name) => {
      const known = site(name);
      if (known === undefined || !holds(known.outcome)) return [];
      return known.rows.map(({ bindings }) => Object.values(bindings).join(' ')).sort();
    },
    outcome: (name) => site(name)?.outcome.outcome,
    until: async (met, what, withinMs = 15_000) => {
      const timer = setTimeout(() => wake(), withinMs);
      const limit = performance.now() + withinMs;
      while (!met()) {
        if (errors.length > 0) throw errors[0];
        if (performance.now() >= limit) throw new Error(`not within ${withinMs} ms: ${what}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      clearTimeout(timer);
    },
    leave: () => subscription.unsubscribe(),
  };
}
