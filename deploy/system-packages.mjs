/**
 * The system packages that this project needs: one list for running, one for testing.
 *
 * Plain JavaScript for Node >= 18, read by bootstrap.mjs before anything is installed. A need is
 * met by a program on the PATH of at least the version named; how it is installed is said for each
 * package manager. Only apt is driven (it is what a fresh-machine test can hold true); for the
 * others the exact command is printed.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

const SWI_PROLOG = {
  what: 'SWI-Prolog',
  program: 'swipl',
  atLeast: '9.0.4',
  packages: { apt: 'swi-prolog-nox', dnf: 'pl', pacman: 'swi-prolog', apk: 'swi-prolog', brew: 'swi-prolog' },
};

/** The client of load tests. */
const H2LOAD = {
  what: 'h2load',
  program: 'h2load',
  atLeast: '1.43.0',
  packages: { apt: 'nghttp2-client', dnf: 'nghttp2', pacman: 'nghttp2', apk: 'nghttp2', brew: 'nghttp2' },
};

/** Tests of collectors ask the real ones. */
const NODE_EXPORTER = {
  what: 'Prometheus node_exporter',
  program: 'prometheus-node-exporter',
  orElse: ['node_exporter'],
  atLeast: '1.3.0',
  packages: {
    apt: 'prometheus-node-exporter',
    dnf: 'node-exporter',
    pacman: 'prometheus-node-exporter',
    apk: 'prometheus-node-exporter',
    brew: 'node_exporter',
  },
};
/** Debian's `upsd` on the PATH of root is a script that runs it only if /etc/nut says so. */
const NUT_SERVER = {
  what: 'the server of Network UPS Tools',
  program: '/lib/nut/upsd',
  orElse: ['/usr/lib/nut/upsd', '/usr/libexec/nut/upsd', 'upsd'],
  versionFlag: '-V',
  atLeast: '2.7.4',
  packages: { apt: 'nut-server', dnf: 'nut', pacman: 'nut', apk: 'nut', brew: 'nut' },
};

/** An example for scripts is in Python, and tests run it. */
const PYTHON = {
  what: 'Python',
  program: 'python3',
  atLeast: '3.9.0',
  packages: { apt: 'python3', dnf: 'python3', pacman: 'python', apk: 'python3', brew: 'python3' },
};

export const FOR_START = [SWI_PROLOG];
export const FOR_LOADTEST = [SWI_PROLOG, H2LOAD];
export const FOR_TEST = [...FOR_START, NODE_EXPORTER, NUT_SERVER, PYTHON];

const MANAGERS = [
  { name: 'apt', program: 'apt-get', command: (names) => `apt-get update && apt-get install -y ${names}` },
  { name: 'dnf', program: 'dnf', command: (names) => `dnf install -y ${names}` },
  { name: 'pacman', program: 'pacman', command: (names) => `pacman -S --noconfirm ${names}` },
  { name: 'apk', program: 'apk', command: (names) => `apk add ${names}` },
  { name: 'brew', program: 'brew', command: (names) => `brew install ${names}`, asUser: true },
];

/** Path of `program` on the PATH, or null; an absolute path is looked at as it is. */
export function find(program) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const paths = isAbsolute(program) ? [program] : folders.map((folder) => join(folder || '.', program));
  for (const path of paths) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return null;
}

/** Why `need` is not met, or null where it is. */
export function lacking(need) {
  const path = [need.program, ...(need.orElse ?? [])].map(find).find((found) => found !== null);
  if (path === undefined) return `${need.what} is not installed`;
  const said = spawnSync(path, [need.versionFlag ?? '--version'], { encoding: 'utf8', timeout: 10_000 });
  const version = /\d+\.\d+\.\d+/.exec(said.stdout ?? '')?.[0];
  if (version === undefined) return `${path} does not run`;
  return isOlder(version, need.atLeast) ? `${path} is ${version}, older than ${need.atLeast}` : null;
}

function isOlder(version, than) {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  const at = a.findIndex((part, index) => part !== b[index]);
  return at >= 0 && a[at] < b[at];
}

/** The shell command with which a person installs `needs` on this machine. */
export function commandFor(needs) {
  const manager = MANAGERS.find(({ program }) => find(program) !== null);
  if (manager === undefined) {
    return needs.map(({ what, atLeast }) => `# install ${what} ${atLeast} or newer`).join('\n');
  }
  const command = manager.command(needs.map(({ packages }) => packages[manager.name]).join(' '));
  return isRoot() || manager.asUser ? command : `sudo sh -c '${command}'`;
}

/**
 * Installs `needs` with apt; throws an Error that says why it cannot. Package lists are brought up
 * to date only when the first try fails.
 */
export function install(needs) {
  if (find('apt-get') === null) throw new Error('there is no apt-get here');
  const become = isRoot() ? [] : ['sudo', '-n'];
  if (!isRoot() && (find('sudo') === null || spawnSync('sudo', ['-n', 'true']).status !== 0)) {
    throw new Error('installing needs root, and sudo asks for a password or is not there');
  }
  const apt = (...args) => {
    const bounded = [
      '-qq',
      '-o',
      'Acquire::Retries=1',
      '-o',
      'Acquire::http::Timeout=20',
      '-o',
      'DPkg::Lock::Timeout=60',
    ];
    const [program, ...rest] = [
      ...become,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      ...bounded,
      ...args,
    ];
    return spawnSync(program, rest, { stdio: ['ignore', 2, 2] }).status === 0;
  };
  const names = needs.map(({ packages }) => packages.apt);
  const packages = () => apt('-o', 'Dpkg::Use-Pty=0', 'install', '-y', '--no-install-recommends', ...names);
  if (!packages()) {
    apt('update');
    if (!packages()) throw new Error(`apt-get could not install ${names.join(' ')} (no network?)`);
  }
}

function isRoot() {
  return process.getuid?.() === 0;
}
