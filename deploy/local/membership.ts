/**
 * Makes each site of a local fleet and enrols it with the local authority, the first time; at later
 * starts there is nothing to do, and the authority's code (the largest import) is not even loaded.
 *
 * The registry holds exactly the sites that this start runs: a sample site left out this time is not
 * a target of this fleet. So a registry with others is made anew, and everyone enrols again with the
 * key and the authority they have. Addresses are set once the agents have their ports.
 */
import { existsSync, rmSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { coordinatorFiles } from '@fleet/coordinator/config.ts';
import { openRegistry, type Registry } from '@fleet/coordinator/sites/registry.ts';
import { realWorld } from '@fleet/coordinator/world.ts';
import { initSite } from '@fleet/node-agent/init.ts';
import { CERTIFICATE_RENEW_DAYS } from '@fleet/shared/limits.ts';
import type { LocalSite } from './sites.ts';

/** Until its agent listens, a site is at an address where nothing can answer. */
const NOWHERE = '127.0.0.1:0';
const DAY_MS = 86_400_000;

export interface TlsFiles {
  readonly key: string;
  readonly certificate: string;
  readonly authority: string;
}

export function tlsFiles(site: LocalSite): TlsFiles {
  const file = (name: string) => join(site.data, 'tls', name);
  return { key: file('key.pem'), certificate: file('certificate.pem'), authority: file('authority.pem') };
}

export async function initLocalSite(site: LocalSite): Promise<void> {
  await initSite({ data: site.data, site: site.name, inventory: site.kind, seed: site.seed });
}

/** The registry of the fleet in `data`; an empty one where it knew a site that is not among `sites`. */
export function openLocalRegistry(sites: readonly LocalSite[], data: string): Registry {
  const file = coordinatorFiles(join(data, 'coordinator')).registry;
  const registry = openRegistry(file);
  if (registry.list().every(({ name }) => sites.some((site) => site.name === name))) return registry;
  registry.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
  return openRegistry(file);
}

/** Makes every site a member; returns the names of those that were not before. */
export async function enrolSites(
  sites: readonly LocalSite[],
  registry: Registry,
  data: string,
): Promise<string[]> {
  const missing = sites.filter((site) => !isMember(site, registry));
  if (missing.length === 0) return [];
  const { openAuthority } = await import('@fleet/coordinator/sites/authority.ts');
  const { enrol } = await import('@fleet/coordinator/sites/enrol.ts');
  const authority = await openAuthority(coordinatorFiles(join(data, 'coordinator')).authority);
  for (const site of missing) {
    const files = tlsFiles(site);
    const request = await readFile(join(site.data, 'tls', 'request.pem'), 'utf8');
    const labels = { telemetry: site.kind };
    const membership = await enrol({
      authority,
      registry,
      site: site.name,
      request,
      address: NOWHERE,
      labels,
    });
    await replace(files.authority, membership.authority);
    await replace(files.certificate, membership.certificate);
  }
  return missing.map((site) => site.name);
}

function isMember(site: LocalSite, registry: Registry): boolean {
  const { certificate, authority } = tlsFiles(site);
  const row = registry.get(site.name);
  const good = row?.status === 'active' && row.validUntil - realWorld.now() > CERTIFICATE_RENEW_DAYS * DAY_MS;
  return good && existsSync(certificate) && existsSync(authority);
}

async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
}
