/** What a package costs on the disk: itself, and what nothing else in the lockfile needs. */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../shared/launch.mjs';

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly link?: boolean;
}

/** By path; the root is ''. */
type Lockfile = Readonly<Record<string, Locked>>;

/** Megabytes of 10^6 bytes. */
export function installedMb(name: string): number {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Lockfile;
  };
  const all = reached(packages, null);
  const others = reached(packages, name);
  const own = [...all].filter((path) => !others.has(path));
  return own.reduce((sum, path) => sum + sizeOf(join(ROOT, path)), 0) / 1e6;
}

/** Paths of packages that the workspaces need, when one of them is not there. Only workspaces install what they need for development. */
function reached(packages: Lockfile, without: string | null): Set<string> {
  const found = new Set<string>();
  const visit = (path: string) => {
    const { dependencies, optionalDependencies, devDependencies } = packages[path] ?? {};
    const development = path.includes('node_modules/') ? {} : devDependencies;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...development })) {
      const at = name === without ? undefined : resolved(packages, path, name);
      if (at === undefined || found.has(at)) continue;
      found.add(at);
      // A workspace is a link, and visited for itself.
      if (packages[at]?.link !== true) visit(at);
    }
  };
  for (const path of Object.keys(packages)) if (!path.includes('node_modules/')) visit(path);
  return found;
}

/** As Node finds it: the nearest node_modules upwards. */
function resolved(packages: Lockfile, from: string, name: string): string | undefined {
  const folders = from.split('/');
  const upwards = folders.map((_, at) => folders.slice(0, folders.length - at).join('/'));
  return [...upwards.map((folder) => `${folder}/node_modules/${name}`), `node_modules/${name}`].find(
    (path) => packages[path] !== undefined,
  );
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
