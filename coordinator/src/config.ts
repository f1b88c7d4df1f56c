/**
 * What the coordinator is told on its command line, parsed once: addresses, and where its files are.
 * Plain HTTP is served on loopback only; any other address is refused here, before anything starts.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { LogicError } from '@fleet/shared/errors.ts';
import { z } from 'zod';

export interface HostPort {
  /** Name or address; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** Where a coordinator keeps its files, under its data directory. */
export function coordinatorFiles(
  data: string,
): Record<
  'registry' | 'authority' | 'manifests' | 'history' | 'alerts' | 'alertSettings' | 'composition',
  string
> {
  return {
    registry: join(data, 'fleet.sqlite'),
    authority: join(data, 'ca'),
    manifests: join(data, 'manifests'),
    history: join(data, 'history.sqlite'),
    alerts: join(data, 'fleet-alerts.sqlite'),
    alertSettings: join(data, 'fleet-alerts.json'),
    composition: join(data, 'composition.sqlite'),
  };
}

/** The coordinator's own certificate and key, PEM, in the folder of its authority. */
export function identityFiles(authority: string): { certificate: string; key: string } {
  return { certificate: join(authority, 'coordinator.pem'), key: join(authority, 'coordinator.key.pem') };
}

/**
 * `host:port` or `[v6]:port` as a pair. Port 0 stands for a free one.
 * @throws LogicError `bad_request`
 */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (!host || port > 65535 || (match?.[1] !== undefined && isIP(host) !== 6)) {
    throw new LogicError('bad_request', `not an address: ${text} (write host:port, such as 127.0.0.1:8080)`);
  }
  return { host, port };
}

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach `host`. A name other than `localhost` could be anywhere. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** An address that stands for all of this machine's: nobody can be told to come there. */
export function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/**
 * The TLS listener, and where others reach it.
 * @throws LogicError `bad_request`, or `bad_setup` where nobody could know where to come
 */
export function parseTls(
  tls: string | undefined,
  publicAddress: string | undefined,
): { readonly listen: HostPort; readonly public?: HostPort | undefined } | null {
  if (tls === undefined) {
    if (publicAddress === undefined) return null;
    throw new LogicError('bad_setup', '--public names where --tls HOST:PORT is reached: give that too');
  }
  const listen = parseHostPort(tls);
  const reached = publicAddress === undefined ? undefined : parseHostPort(publicAddress);
  if (reached === undefined && isUnspecified(listen.host)) {
    throw new LogicError(
      'bad_setup',
      `--tls ${tls} listens on all addresses: say with --public HOST:PORT where sites reach it`,
    );
  }
  return { listen, public: reached };
}

/**
 * The address to serve plain HTTP on.
 * @throws LogicError `bad_request` or, where it is not on loopback, `bad_setup`: another address needs TLS and a token.
 */
export function parseListen(text: string): HostPort {
  const address = parseHostPort(text);
  if (!isLoopback(address.host)) {
    throw new LogicError(
      'bad_setup',
      `${text} is not a loopback address: this version serves plain HTTP on loopback only`,
    );
  }
  return address;
}

const runFile = z.object({ coordinator: z.object({ url: z.url() }).nullable() });
const DEFAULT_URL = 'http://127.0.0.1:8080';

/** URL of the coordinator that a local fleet in `data` has written to its run.json; the default one where there is none. */
export async function findCoordinator(data: string): Promise<string> {
  const text = await readFile(join(data, 'run.json'), 'utf8').catch(() => null);
  if (text === null) return DEFAULT_URL;
  return runFile.parse(JSON.parse(text)).coordinator?.url ?? DEFAULT_URL;
}
