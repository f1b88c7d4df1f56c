/**
 * Which sites a local fleet has: this machine with its real telemetry, and sample sites whose seeds
 * are fixed by name, so that the same sample site tells the same story on every machine.
 */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';

export interface LocalSite {
  readonly name: string;
  readonly kind: 'host' | 'sample';
  /** What the sample collector draws from; unused by `host`. */
  readonly seed: number;
  /** Absolute path of the site's own folder. */
  readonly data: string;
}

const SAMPLES = ['garage', 'shop', 'plant'] as const;

/** This machine first, then `samples` sample sites, each with its folder under `data`. */
export function localSites(samples: number, data: string): LocalSite[] {
  const names = sampleNames(samples);
  const host = hostSiteName(hostname(), names);
  return [site(host, 'host', data), ...names.map((name) => site(name, 'sample', data))];
}

export function hostSite(data: string): LocalSite {
  return site(hostSiteName(hostname(), []), 'host', data);
}

export function sampleNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => SAMPLES[index] ?? `sample-${index + 1}`);
}

/** The machine's name as a DNS label that no sample site has. */
export function hostSiteName(machine: string, taken: readonly string[]): string {
  const label = (machine.split('.')[0] ?? '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 56)
    .replace(/^-+|-+$/g, '');
  const name = label === '' || /^\d+$/.test(label) ? `host${label && `-${label}`}` : label;
  const samples = new Set<string>([...SAMPLES, ...taken]);
  return samples.has(name) ? `${name}-host` : name;
}

function site(name: string, kind: LocalSite['kind'], data: string): LocalSite {
  const seed = createHash('sha256').update(name).digest().readUInt32BE() % 1_000_000;
  return { name, kind, seed, data: join(data, 'sites', name) };
}
