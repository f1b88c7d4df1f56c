/** A coordinator in a process of its own over a fleet that is there, and an asker that reads and drops what it gives. */
import { join } from 'node:path';
import type { FleetAskInput, FleetResult } from '@fleet/shared/api/ask.ts';
import { Pool } from 'undici';
import { z } from 'zod';
import { startService } from '../../deploy/local/service.ts';
import { COORDINATOR_HEAP, ROOT } from '../../shared/launch.mjs';

export interface Coordinator {
  readonly pid: number;
  readonly url: string;
  /** host:port of its TLS listener; null without `tls`. */
  readonly tls: string | null;
  /** Asks and reads the result. Throws what the coordinator refused. */
  ask(input: FleetAskInput): Promise<FleetResult>;
  /** Asks, drops the result, and gives what it took. Throws where it was refused. */
  time(input: FleetAskInput): Promise<{ readonly ms: number; readonly bytes: number }>;
  stop(): Promise<void>;
}

export interface CoordinatorOptions {
  /** For its Node, beside those of its heap. */
  readonly nodeFlags?: readonly string[];
  /** host:port where sites are to join. */
  readonly tls?: string;
}

const ready = z.object({ http: z.url(), tls: z.string().nullable(), pid: z.int() });

/** Ready when it listens, with no session open yet. */
export async function startCoordinator(
  data: string,
  log: string,
  { nodeFlags = [], tls: joinAt }: CoordinatorOptions = {},
): Promise<Coordinator> {
  const listen = ['--listen', '127.0.0.1:0', ...(joinAt === undefined ? [] : ['--tls', joinAt])];
  const service = startService({
    name: 'coordinator',
    entry: join(ROOT, 'coordinator/src/main.ts'),
    args: ['serve', '--data', data, ...listen, '--kb', join(ROOT, 'kb'), '--follow-parent'],
    log,
    heapFlags: [...COORDINATOR_HEAP, ...nodeFlags],
  });
  const { http, tls, pid } = ready.parse(await service.ready);
  const pool = new Pool(http, { headersTimeout: 0, bodyTimeout: 0 });
  const post = (input: FleetAskInput) =>
    pool.request({
      method: 'POST',
      path: '/trpc/fleet.ask',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(input),
    });
  return {
    pid,
    url: http,
    tls,
    ask: async (input) => {
      const reply = await post(input);
      const text = await reply.body.text();
      if (reply.statusCode !== 200) throw new Error(`fleet.ask: ${reply.statusCode} ${text.slice(0, 300)}`);
      return (JSON.parse(text) as { result: { data: FleetResult } }).result.data;
    },
    time: async (input) => {
      const began = performance.now();
      const reply = await post(input);
      let bytes = 0;
      for await (const chunk of reply.body) bytes += (chunk as Buffer).length;
      if (reply.statusCode !== 200) throw new Error(`fleet.ask: status ${reply.statusCode}`);
      return { ms: performance.now() - began, bytes };
    },
    stop: async () => {
      await pool.destroy();
      await service.stop();
    },
  };
}
