/**
 * Manifests of other core rules than the coordinator's own, in a folder: `<bundle digest>.json` each, put there by whoever
 * installs a new bundle before all sites have it. A file is read when a reply first speaks of its bundle.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, readManifest } from '@fleet/shared/catalogue.ts';

export interface Manifests {
  /** Null where there is none, or where the file is not the manifest that its name says. */
  of(bundle: string): Promise<Manifest | null>;
}

export function openManifests(folder: string | null): Manifests {
  const known = new Map<string, Manifest>();
  return {
    of: async (bundle) => {
      const before = known.get(bundle);
      if (before !== undefined || folder === null || !/^[0-9a-f]{64}$/.test(bundle)) return before ?? null;
      const manifest = await read(join(folder, `${bundle}.json`));
      if (manifest?.bundle !== bundle) return null;
      known.set(bundle, manifest);
      return manifest;
    },
  };
}

async function read(file: string): Promise<Manifest | null> {
  try {
    return readManifest(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return null;
  }
}
