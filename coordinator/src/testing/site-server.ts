/**
 * For tests: a small fleet whose sites are real HTTP/2 servers with real mutual TLS, each doing what
 * the test tells it to. Registry, authority and sessions are the coordinator's own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newKey, signingRequest } from '@fleet/shared/signing-request.ts';
import { type Authority, openAuthority } from '../sites/authority.ts';
import { enrol } from '../sites/enrol.ts';
import { openRegistry, type Registry, type Site } from '../sites/registry.ts';
import { openSessions, type Sessions } from '../sites/sessions.ts';

export interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
export type Handler = (stream: ServerHttp2Stream, asked: Asked) => void;

export interface TestServer {
  readonly address: string;
  /** Sockets open now, and TLS sessions ever made. */
  readonly sockets: Set<Socket>;
  sessions: number;
  /** Ends its sockets as a killed process would, and stops listening. */
  kill(): Promise<void>;
  /** Listens again where it did. */
  revive(): Promise<void>;
}

export interface TestSite extends TestServer {
  readonly name: string;
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
  row(): Site;
}

export interface TestFleet {
  readonly dir: string;
  readonly authority: Authority;
  readonly registry: Registry;
  readonly sessions: Sessions;
  /** Adds an enrolled site that answers with `handler`. */
  site(name: string, handler: Handler): Promise<TestSite>;
  close(): Promise<void>;
}

export async function openTestFleet(): Promise<TestFleet> {
  const dir = await mkdtemp(join(tmpdir(), 'fleet-'));
  const authority = await openAuthority(join(dir, 'ca'));
  const registry = openRegistry(join(dir, 'fleet.sqlite'));
  const sessions = openSessions(authority);
  const sites: TestSite[] = [];
  return {
    dir,
    authority,
    registry,
    sessions,
    site: async (name, handler) => {
      const site = await startSite({ authority, registry, name, handler });
      sites.push(site);
      return site;
    },
    close: async () => {
      await sessions.close();
      await Promise.all(sites.map((site) => site.kill()));
      registry.close();
      await rm(dir, { recursive: true });
    },
  };
}

interface Start {
  readonly authority: Authority;
  readonly registry: Registry;
  readonly name: string;
  readonly handler: Handler;
}

async function startSite({ authority, registry, name, handler }: Start): Promise<TestSite> {
  const key = newKey();
  const request = await signingRequest(name, key);
  const { certificate } = await enrol({ authority, registry, site: name, request, address: '127.0.0.1:0' });
  const served = await serveAs({ key, certificate, authority }, handler);
  registry.setAddress(name, served.address);
  return Object.assign(served, { name, key, certificate, row: () => registry.get(name) as Site });
}

interface Holder {
  /** PEM, both. */
  readonly key: string;
  readonly certificate: string;
  readonly authority: Authority;
}

/** A server that shows this certificate and wants one of the fleet's authority. */
export async function serveAs(
  { key, certificate, authority }: Holder,
  handler: Handler,
): Promise<TestServer> {
  const ca = authority.certificate;
  const server = createSecureServer({
    key,
    cert: certificate,
    ca,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => answer(stream, headers, handler));
  const port = await listen(server, 0);
  const served: TestServer = {
    address: `127.0.0.1:${port}`,
    sockets,
    sessions: 0,
    kill: () => kill(server, sockets),
    revive: async () => {
      await listen(server, port);
    },
  };
  server.on('session', () => {
    served.sessions += 1;
  });
  return served;
}

function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, handler: Handler): void {
  const chunks: Buffer[] = [];
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    if (!stream.destroyed) handler(stream, { headers, body: Buffer.concat(chunks).toString() });
  });
}

export async function listen(
  server: { listen(port: number, host: string, done: () => void): unknown; address(): unknown },
  port: number,
): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function kill(server: Http2SecureServer, sockets: Set<Socket>): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  for (const socket of sockets) socket.resetAndDestroy();
  if (server.listening) await closed;
}
