/**
 * What a coordinator is compared with: a process that holds one session to each site of a fleet and, when told, sends the
 * same question to all of them, reads every reply, and drops it. No registry, no deadline, no checks; the certificates are
 * the coordinator's. By undici as a coordinator has it, or by node:http2.
 *
 *     node fetch-all.ts '{"sites":FILE,"identity":DIR,"body":TEXT,"client":"undici"}'
 *
 * `sites` holds [[NAME,"host:port"],..]. Connects to all and asks all once, then prints {"ready":true,"url":..}: each
 * GET /round asks all again and gives {"ms":..,"bytes":..,"failed":..}.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { SESSION_IDLE_MS } from '@fleet/shared/limits.ts';
import pLimit from 'p-limit';
import { Client } from 'undici';
import { z } from 'zod';

const given = z
  .object({
    sites: z.string(),
    identity: z.string(),
    body: z.string(),
    client: z.enum(['undici', 'http2', 'connect']),
    /** Of `connect`: handshakes under way at once; all, where left out. */
    atOnce: z.int().optional(),
  })
  .parse(JSON.parse(process.argv[2] ?? '{}'));
const sites = z.array(z.tuple([z.string(), z.string()])).parse(JSON.parse(readFileSync(given.sites, 'utf8')));
const secureContext = createSecureContext({
  ca: readFileSync(join(given.identity, 'authority.pem')),
  cert: readFileSync(join(given.identity, 'coordinator.pem')),
  key: readFileSync(join(given.identity, 'coordinator.key.pem')),
  minVersion: 'TLSv1.3',
});

/** Asks its site once more and gives the bytes of the reply's body; rejects where it is not a 200. */
type Ask = () => Promise<number>;

process.stdin.on('end', () => process.exit(0)).resume();
const asks = sites.map(([name, address]) => (given.client === 'undici' ? byUndici : byHttp2)(name, address));
if (given.client === 'connect') {
  const limit = pLimit(given.atOnce ?? sites.length);
  await Promise.all(sites.map(([name, address]) => limit(() => onlyConnect(name, address))));
} else await round();
const server = createServer((_request, response) => {
  void round().then((said) => response.end(JSON.stringify(said)));
});
await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
process.stdout.write(`${JSON.stringify({ ready: true, url: `http://127.0.0.1:${port}/round` })}\n`);

async function round(): Promise<{ ms: number; bytes: number; failed: number }> {
  const began = performance.now();
  const all = await Promise.allSettled(asks.map((ask) => ask()));
  const ms = performance.now() - began;
  const good = all.filter((one) => one.status === 'fulfilled');
  const bytes = good.reduce((sum, one) => sum + one.value, 0);
  return { ms, bytes, failed: all.length - good.length };
}

function headers(): Record<string, string> {
  return { 'content-type': 'application/json', 'logic-nonce': randomBytes(16).toString('hex') };
}

function byUndici(name: string, address: string): Ask {
  const client = new Client(`https://${address}`, {
    keepAliveTimeout: SESSION_IDLE_MS,
    keepAliveMaxTimeout: SESSION_IDLE_MS,
    connect: (_options, callback) => {
      const socket = openTls(name, address);
      socket.setNoDelay(true);
      socket.once('error', (cause) => callback(cause, null));
      socket.once('secureConnect', () => callback(null, socket));
    },
    allowH2: true,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return async () => {
    const reply = await client.request({
      method: 'POST',
      path: '/pengine/create',
      headers: headers(),
      body: given.body,
    });
    let bytes = 0;
    for await (const chunk of reply.body) bytes += (chunk as Buffer).length;
    if (reply.statusCode !== 200) throw new Error(`status ${reply.statusCode}`);
    return bytes;
  };
}

function byHttp2(name: string, address: string): Ask {
  const session = () =>
    connectHttp2(`https://${name}`, { createConnection: () => openTls(name, address).setNoDelay(true) });
  let open: ReturnType<typeof session> | null = null;
  return () =>
    new Promise<number>((resolve, reject) => {
      open ??= session().on('error', reject);
      const stream = open.request({ ':method': 'POST', ':path': '/pengine/create', ...headers() });
      let bytes = 0;
      stream.on('response', ({ ':status': status }) => {
        if (status !== 200) reject(new Error(`status ${status}`));
      });
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      stream.on('end', () => resolve(bytes));
      stream.on('error', reject);
      stream.end(given.body);
    });
}

function onlyConnect(name: string, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    openTls(name, address)
      .once('error', reject)
      .once('secureConnect', () => resolve());
  });
}

function openTls(name: string, address: string) {
  const [host = '', port = ''] = address.split(':');
  return connectTls({ host, port: Number(port), secureContext, servername: name, ALPNProtocols: ['h2'] });
}
