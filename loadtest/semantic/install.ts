/** What a package costs on the disk: itself, and what nothing else in the lockfile needs. */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../shared/launch.mjs';

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly link?: boolean;
  readonly resolved?: string;
}

/** Megabytes of 10^6 bytes. */
export function installedMb(name: string): number {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const all = reached(packages, null);
  const others = reached(packages, name);
  const own = [...all].filter((path) => !others.has(path));
  return own.reduce((sum, path) => sum + sizeOf(join(ROOT, path)), 0) / 1e6;
}

/** Paths of packages that the workspaces need, when one of them is not there. */
function reached(packages: Readonly<Record<string, Locked>>, without: string | null): Set<string> {
  const found = new Set<string>();
  const visit = (path: string, parts: Locked) => {
    for (const name of Object.keys({
      ...parts.dependencies,
      ...parts.optionalDependencies,
      ...parts.devDependencies,
    })) {
      const at = name === without ? undefined : resolved(packages, path, name);
      if (at === undefined || found.has(at)) continue;
      found.add(at);
      const one = packages[at] ?? {};
      const target = one.link === true && one.resolved !== undefined ? one.resolved : at;
      // Only workspaces install what they need for development.
      const { devDependencies, ...needed } = packages[target] ?? {};
      visit(
        target,
        one.link === true
          ? { ...needed, ...(devDependencies === undefined ? {} : { devDependencies }) }
          : needed,
      );
    }
  };
  for (const [path, one] of Object.entries(packages)) if (!path.includes('node_modules')) visit(path, one);
  return found;
}

/** As Node finds it: the nearest node_modules upwards. */
function resolved(
  packages: Readonly<Record<string, Locked>>,
  from: string,
  name: string,
): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (folder === '') return undefined;
    if (!folder.includes('/node_modules/')) folder = '';
    if (folder === '' && packages[`node_modules/${name}`] !== undefined) return `node_modules/${name}`;
    if (folder === '') return undefined;
  }
}

function sizeOf(path: string): number {
  if (!existsSync(path)) return 0;
  const found = lstatSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce(
    (sum, name) => sum + (name === 'node_modules' ? 0 : sizeOf(join(path, name))),
    0,
  );
}
