/** What a fan-out is compared with, each measured in the same run: bare clients of the same swarm, and what a signature check costs. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signReply, verifyReply } from '@fleet/shared/reply.ts';
import { z } from 'zod';
import { startService } from '../../deploy/local/service.ts';
import { COORDINATOR_HEAP } from '../../shared/launch.mjs';

export type BareClient = 'undici' | 'http2' | 'connect';

export interface Bare {
  readonly pid: number;
  /** Asks every site once more. Throws where one of them did not answer. */
  round(): Promise<{ readonly ms: number; readonly bytes: number }>;
  stop(): Promise<void>;
}

export interface BareOptions {
  readonly folder: string;
  /** host:port by name. */
  readonly addresses: ReadonlyMap<string, string>;
  /** The folder of the coordinator's certificate. */
  readonly identity: string;
  readonly body: string;
  /** Of `connect`: handshakes under way at once; all, where left out. */
  readonly atOnce?: number;
}

const ready = z.object({ url: z.url() });
const said = z.object({ ms: z.number(), bytes: z.number(), failed: z.number() });

/** Ready when it is connected to all and, but for `connect`, has asked each once. */
export async function startBare(client: BareClient, options: BareOptions): Promise<Bare> {
  const { folder, addresses, identity, body, atOnce } = options;
  const sites = join(folder, `bare-${client}.json`);
  writeFileSync(sites, JSON.stringify([...addresses]));
  const service = startService({
    name: `bare ${client}`,
    entry: fileURLToPath(new URL('fetch-all.ts', import.meta.url)),
    args: [JSON.stringify({ sites, identity, body, client, atOnce })],
    log: join(folder, `bare-${client}.log`),
    heapFlags: COORDINATOR_HEAP,
  });
  const { url } = ready.parse(await service.ready);
  return {
    pid: service.pid,
    round: async () => {
      const { ms, bytes, failed } = said.parse(await (await fetch(url)).json());
      if (failed > 0) throw new Error(`${failed} of ${addresses.size} sites did not answer the bare loop`);
      return { ms, bytes };
    },
    stop: () => service.stop(),
  };
}

const CHECKS = 1000;

/** CPU microseconds of checking one signature over a reply of that size. */
export function signatureCost(bytes: number): number {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const hex = '0'.repeat(64);
  const statement = {
    site: 's',
    ask: 'a(X)',
    nonce: hex.slice(32),
    now: 0,
    revision: 1,
    bundle: hex,
    body: 'x'.repeat(bytes),
  };
  const signature = signReply(statement, privateKey);
  const before = process.cpuUsage();
  for (let at = 0; at < CHECKS; at += 1) verifyReply(statement, { signature, path: '' }, publicKey);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CHECKS;
}
