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
import { type Authority, openAuthority } from '../sites/authority.ts';
import { enrol } from '../sites/enrol.ts';
import { openRegistry, type Registry, type Site } from '../sites/registry.ts';
import { openSessions, type Sessions } from '../sites/sessions.ts';
import { signingRequest } from './signing-request.ts';

export interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
export type Handler = (stream: ServerHttp2Stream, asked: Asked) => void;

export interface TestSite {
  readonly name: string;
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
  readonly server: Http2SecureServer;
  /** Sockets open now, and TLS sessions ever made. */
  readonly sockets: Set<Socket>;
  sessions: number;
  row(): Site;
  /** Ends its sockets as a killed process would, and stops listening. */
  kill(): Promise<void>;
  /** Listens again where it did. */
  revive(): Promise<void>;
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
  const { request, key } = await signingRequest(name);
  const { certificate } = await enrol({ authority, registry, site: name, request, address: '127.0.0.1:1' });
  const server = createSecureServer({
    key,
    cert: certificate,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const sockets = new Set<Socket>();
  const site: TestSite = {
    name,
    key,
    certificate,
    server,
    sockets,
    sessions: 0,
    row: () => registry.get(name) as Site,
    kill: () => kill(server, sockets),
    revive: async () => {
      await listen(server, Number(site.row().address.split(':')[1]));
    },
  };
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('session', () => {
    site.sessions += 1;
  });
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => answer(stream, headers, handler));
  registry.setAddress(name, `127.0.0.1:${await listen(server, 0)}`);
  return site;
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
