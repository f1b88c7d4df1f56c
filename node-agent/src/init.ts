/**
 * Makes a site's folder: the rules (copied each time, so that they are this program's), an inventory where there
 * is none yet, and a key that never leaves the folder, with the request for its certificate. Safe to run again.
 */
import { cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newKey, signingRequest } from '@fleet/shared/signing-request.ts';
import { hostLabel } from './config.ts';
import { hostInventory, sampleInventory } from './inventories.ts';

export interface InitOptions {
  readonly data: string;
  readonly site: string;
  readonly inventory: 'host' | 'sample';
  readonly seed: number;
}

export interface InitResult {
  readonly main: string;
  readonly key: string;
  /** The certificate signing request, PEM. */
  readonly request: string;
}

const REPOSITORY_KB = fileURLToPath(new URL('../../kb/', import.meta.url));
/** What every site has alike; site and state are its own. */
const BUNDLE = ['main.pl', 'manifest.json', 'core', 'proof', 'search'] as const;

/** Makes or brings up to date the folder `data`. */
export async function initSite(options: InitOptions): Promise<InitResult> {
  const kb = join(options.data, 'kb');
  await mkdir(join(kb, 'site'), { recursive: true });
  await mkdir(join(kb, 'state'), { recursive: true });
  await copyBundle(kb);
  await writeOnce(join(kb, 'site', 'inventory.pl'), () => inventoryOf(options), 0o644);
  const { key, request } = await makeKey(options);
  return { main: join(kb, 'main.pl'), key, request };
}

async function copyBundle(kb: string): Promise<void> {
  for (const part of BUNDLE) {
    const from = join(REPOSITORY_KB, part);
    if (!(await exists(from))) continue;
    await rm(join(kb, part), { recursive: true, force: true });
    await cp(from, join(kb, part), { recursive: true, filter: (path) => !path.endsWith('.plt') });
  }
}

async function inventoryOf({ site, inventory, seed }: InitOptions): Promise<string> {
  return inventory === 'sample' ? sampleInventory(site, seed) : hostInventory(site, hostLabel());
}

/** The site's key, made here and kept here, and a request for its certificate. */
async function makeKey({ data, site }: InitOptions): Promise<{ key: string; request: string }> {
  const tls = join(data, 'tls');
  await mkdir(tls, { recursive: true, mode: 0o700 });
  const key = join(tls, 'key.pem');
  const request = join(tls, 'request.pem');
  await writeOnce(key, async () => newKey(), 0o600);
  await writeOnce(request, async () => signingRequest(site, await readFile(key, 'utf8')), 0o644);
  return { key, request };
}

/** Writes a file that is not there yet, whole or not at all. */
async function writeOnce(file: string, text: () => Promise<string>, mode: number): Promise<void> {
  if (await exists(file)) return;
  await writeFile(`${file}.next`, await text(), { mode });
  await rename(`${file}.next`, file);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
