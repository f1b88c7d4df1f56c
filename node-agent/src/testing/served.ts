/**
 * For tests: a site in processes of its own, as units start it (bin/logic-node.mjs), with its TLS port and tokens, and
 * what these processes took at most of the machine's memory.
 */
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokens } from '@fleet/shared/tokens.ts';
import { realWorld } from '../world.ts';
import { authority, certify } from './certificates.ts';
import { serveChild } from './child.ts';
import type { Ending } from './folder.ts';
import { makeSiteFolder, SITE } from './site.ts';

export interface Served {
  readonly http: string;
  readonly https: string;
  readonly pid: number;
  readonly enginePid: number;
  /** PEM of the authority of the site's certificate. */
  readonly ca: string;
  readonly data: string;
  /** What is sent with a request of that name: a token of a viewer. */
  headers(name: string): Readonly<Record<string, string>>;
  /** The most that Node and swipl held, each at its own worst moment, MiB. */
  peakMebibytes(): number;
  /** What it said on standard error. */
  log(): string;
}

export async function serveSite(t: Ending): Promise<Served> {
  const data = await makeSiteFolder(t);
  const files = {
    cert: join(data, 'tls', 'cert.pem'),
    key: join(data, 'tls', 'key.pem'),
    ca: join(data, 'tls', 'ca.pem'),
  };
  const by = await authority();
  const own = await certify(by, { name: SITE, unit: 'site', key: await readFile(files.key, 'utf8') });
  await writeFile(files.cert, own.cert);
  await writeFile(files.ca, by.cert);
  const flags = [
    ...['--collector', 'none', '--listen', '127.0.0.1:0'],
    ...['--tls-cert', files.cert, '--tls-key', files.key, '--tls-ca', files.ca],
  ];
  const { ready, log } = await serveChild(t, data, { flags });
  const tokens = new Tokens(data, realWorld);
  return {
    ...ready,
    https: ready.https ?? '',
    ca: by.cert,
    data,
    headers: (name) => ({ authorization: `Bearer ${tokens.create(name, 'viewer')}` }),
    peakMebibytes: () => (peakKib(ready.pid) + peakKib(ready.enginePid)) / 1024,
    log,
  };
}

/** The high-water mark of a process's resident set; fails when it is gone. */
function peakKib(pid: number): number {
  const found = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1]);
}
