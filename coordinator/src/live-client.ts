/**
 * The connection of commands that are told things: WebSocket, which Node has by itself. The first connection has to come about, or the
 * command fails and says so; one that is lost later is made again, and the subscription goes on by itself.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import { createTRPCClient, createWSClient, type TRPCClient, wsLink } from '@trpc/client';
import type { FleetRouter } from './router.ts';

export interface LiveConnection {
  readonly client: TRPCClient<FleetRouter>;
  /** Rejects when the first connection does not come about. */
  readonly failed: Promise<never>;
  close(): void;
}

export interface LiveOptions {
  /** Told when a connection that was there is lost. */
  readonly lost?: () => void;
  readonly back?: () => void;
  /** How long the first connection may take. */
  readonly openMs?: number;
}

/** A coordinator on this machine or near it has answered /healthz: one that then says nothing hangs. */
const OPEN_MS = 10_000;

export async function connectLive(
  url: string,
  { lost = () => {}, back = () => {}, openMs = OPEN_MS }: LiveOptions = {},
): Promise<LiveConnection> {
  const base = url.replace(/\/$/, '');
  // WebSocket says nothing of a port that it may not use, and tries others for ever.
  const reached = await fetch(`${base}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
  if (!reached) throw unreachable(url);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  let opened = false;
  let closed = false;
  const notOpened = () => {
    if (!opened) reject(unreachable(url));
  };
  // Node's WebSocket waits for ever for the reply to its upgrade.
  const late = setTimeout(notOpened, openMs);
  const socket = createWSClient({
    url: `${base.replace(/^http/, 'ws')}/trpc`,
    retryDelayMs: (attempt) => Math.min(5_000, 100 * 2 ** attempt),
    onOpen: () => {
      if (opened) back();
      opened = true;
      clearTimeout(late);
    },
    onClose: () => {
      if (opened && !closed) lost();
      notOpened();
    },
    onError: notOpened,
  });
  return {
    client: createTRPCClient<FleetRouter>({ links: [wsLink({ client: socket })] }),
    failed,
    close: () => {
      closed = true;
      clearTimeout(late);
      void socket.close();
      // It waits for the end of an opening that has not come about, and would keep the process.
      if (!opened) socket.connection?.ws?.close();
    },
  };
}

function unreachable(url: string): LogicError {
  return new LogicError('unreachable', `no coordinator answers at ${url}: npm start runs one`);
}
