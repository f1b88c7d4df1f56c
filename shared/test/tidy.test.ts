/**
 * The part of our style that a program can hold, over the whole repository. A ratchet is a number
 * measured when it was set: lower it when a file shrinks, never raise it to let one through.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { COORDINATOR_HEAP, HEAP_FLAGS, NODE_VERSION, ROOT, SEMANTIC_HEAP } from '../launch.mjs';
import { ERRORS, isErrorCode } from '../src/errors.ts';
import { COORDINATOR_HEAP_FLAGS, NODE_HEAP_FLAGS, SEMANTIC_HEAP_FLAGS } from '../src/limits.ts';

/** The top of the repository: the issue names the folders, everything else is docs and configuration. */
const TOP = ['coordinator', 'deploy', 'docs', 'kb', 'loadtest', 'node-agent', 'shared'];
const BESIDE = [
  '.ci',
  '.gitignore',
  '.npmrc',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'LICENSE',
  'README.md',
  'biome.json',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
];
/** Made on each machine and ignored by git. */
const MADE_HERE = ['.data', '.git', '.tools', 'node_modules'];

/** What is run by its path; everything else is reached from one of these or from a test. */
const ENTRIES = [
  'coordinator/src/main.ts',
  'coordinator/src/script-client.ts',
  'coordinator/examples/ask-fleet.ts',
  'coordinator/examples/nightly-report.ts',
  'coordinator/examples/watch-and-page.ts',
  'coordinator/src/views/history/writer.ts',
  'node-agent/src/main.ts',
  'node-agent/src/semantic/training/generate.ts',
  'node-agent/src/semantic/training/learn.ts',
  'node-agent/src/semantic/training/settle.ts',
  'node-agent/src/semantic/serve/main.ts',
  'deploy/local/start.ts',
  'deploy/local/site.ts',
  'deploy/checks/run.ts',
  'loadtest/run.ts',
  'loadtest/site/bare.ts',
  'loadtest/swarm/host.ts',
  'loadtest/fanout/fetch-all.ts',
  'loadtest/join/bare-coordinator.ts',
  'loadtest/join/host.ts',
  'loadtest/watched/inside.ts',
  'loadtest/live/bare-route.ts',
];
/** Where the clock and randomness come in, with the reason; everyone else takes a World. */
const WORLDS = new Map([
  ['node-agent/src/world.ts', "the agent's world"],
  ['coordinator/src/world.ts', "the coordinator's world"],
  ['deploy/checks/run.ts', 'tells how long each step took'],
  ['loadtest/run.ts', 'dates its report'],
  ['loadtest/autocannon.ts', 'measures each reply'],
  ['loadtest/fanout/fetch-all.ts', 'measures a round, and draws nonces'],
  ['loadtest/fanout/coordinator.ts', 'measures an ask'],
  ['loadtest/fanout/scenario.ts', 'measures starts, and asks for a while'],
  ['loadtest/faults/scenario.ts', 'measures answers and a restart'],
  ['loadtest/join/returns.ts', 'measures returns, and asks for a while'],
  ['loadtest/join/joins.ts', 'measures joins'],
  ['loadtest/join/host.ts', 'measures joins'],
  ['loadtest/watched/inside.ts', 'says when a request came'],
  ['loadtest/live/scenario.ts', 'measures changes, and keeps a pace'],
  ['loadtest/semantic/scenario.ts', 'measures a translation'],
  ['loadtest/site/idle.ts', 'waits for quiet'],
  ['loadtest/site/lane.ts', 'measures a rate'],
  ['loadtest/site/observe.ts', 'measures a rate, and keeps a pace'],
]);
const LINE_CHARACTERS = { source: 178, test: 220 };
const FILE_LINES = 525;

const files = TOP.flatMap((folder) => filesUnder(folder)).sort();
const code = files.filter((path) => /\.(ts|mjs|mts)$/.test(path));
const texts = new Map(
  files.filter((path) => /\.(ts|mjs|mts|pl|plt)$/.test(path)).map((path) => [path, read(path)]),
);

function filesUnder(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return [];
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function isTest(path: string): boolean {
  return /\.test\.ts$|\.plt$|\/(test|testing)\//.test(path);
}

/** Module names that `path` imports, types included. */
function importsOf(path: string): { from: string; typeOnly: boolean }[] {
  const found = read(path).matchAll(
    /\b(import|export)\s+(type\s+)?(?:[^'"`;]*?\bfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/g,
  );
  return [...found].map(([, , type, from, lazy]) => ({
    from: from ?? lazy ?? '',
    typeOnly: type !== undefined,
  }));
}

/** What a package of ours gives under a name of its own (its package.json, `exports`). */
const EXPORTED = new Map([['@fleet/coordinator/client', 'coordinator/src/script-client.ts']]);

/** The file of ours that `from` names in `path`, or null for a package. */
function resolved(path: string, from: string): string | null {
  if (from.startsWith('.')) return normalize(join(dirname(path), from));
  const exported = EXPORTED.get(from);
  if (exported !== undefined) return exported;
  const own = /^@fleet\/([^/]+)\/(.+)$/.exec(from);
  return own ? `${own[1]}/src/${own[2]}` : null;
}

function offenders(
  check: (path: string, text: string) => boolean,
  paths: readonly string[] = code,
): string[] {
  return paths.filter((path) => check(path, texts.get(path) ?? ''));
}

test('the top of the repository holds exactly the folders and files that are listed here', () => {
  const there = readdirSync(ROOT)
    .filter((name) => !MADE_HERE.includes(name))
    .sort();
  assert.deepEqual(there, [...TOP, ...BESIDE].sort());
});

test('no line and no file is longer than the ratchets', () => {
  const long = [...texts].flatMap(([path, text]) => {
    const limit = isTest(path) ? LINE_CHARACTERS.test : LINE_CHARACTERS.source;
    const lines = text.split('\n');
    const wide = lines.flatMap((line, at) =>
      line.length > limit ? [`${path}:${at + 1} has ${line.length}`] : [],
    );
    return lines.length > FILE_LINES ? [...wide, `${path} has ${lines.length} lines`] : wide;
  });
  assert.deepEqual(long, []);
});

test('every module opens with a comment that says what it is for', () => {
  const modules = code.filter((path) => !path.endsWith('.test.ts'));
  assert.deepEqual(
    offenders((_, text) => !/^(#!.*\n)?\/\*\*/.test(text), modules),
    [],
  );
});

test('TypeScript has no any, no enum, no default export and no index.ts', () => {
  const sources = code.filter(
    (path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && path !== 'shared/test/tidy.test.ts',
  );
  assert.deepEqual(
    offenders((_, text) => /:\s*any\b|\bas\s+any\b|<any\b|\bany\[\]|,\s*any>/.test(stripped(text)), sources),
    [],
  );
  assert.deepEqual(
    offenders((_, text) => /^\s*(export\s+)?(const\s+)?enum\s/m.test(text), sources),
    [],
  );
  assert.deepEqual(
    offenders((path, text) => /^export default/m.test(text) || path.endsWith('/index.ts'), sources),
    [],
  );
});

/** Without comments and quoted text, in which the words may stand. */
function stripped(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replace(/'[^'\n]*'|`[^`]*`/g, "''");
}

test('relative imports end in .ts or .mjs and name a file that is there', () => {
  const broken = code.flatMap((path) =>
    importsOf(path).flatMap(({ from }) => {
      const target = resolved(path, from);
      return target === null || (/\.(ts|mjs)$/.test(target) && existsSync(join(ROOT, target)))
        ? []
        : [`${path}: ${from}`];
    }),
  );
  assert.deepEqual(broken, []);
});

test('no workspace imports another except shared; deploy and loadtest may import all', () => {
  const crossings = code.flatMap((path) =>
    importsOf(path).flatMap(({ from }) => {
      const own = path.split('/')[0] ?? '';
      const other = resolved(path, from)?.split('/')[0] ?? own;
      return other === own || other === 'shared' || own === 'deploy' || own === 'loadtest'
        ? []
        : [`${path}: ${from}`];
    }),
  );
  assert.deepEqual(crossings, []);
});

test('clock and randomness come in at the places listed here and nowhere else', () => {
  const source =
    /\b(Date\.now|Math\.random|performance\.now|randomBytes|randomUUID|randomInt)\b|\bnew Date\(\)/;
  const found = offenders(
    (_, text) => source.test(stripped(text)),
    code.filter((path) => !isTest(path)),
  );
  assert.deepEqual(
    found.filter((path) => !WORLDS.has(path)),
    [],
  );
});

test('every TypeScript file is reached from an entry, and what only tests use stands in a test folder', () => {
  const sources = code.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'));
  const shipped = reachedFrom(ENTRIES);
  const tested = reachedFrom(sources.filter((path) => path.endsWith('.test.ts')));
  const orphans = sources.filter((path) => !shipped.has(path) && !(isTest(path) && tested.has(path)));
  assert.deepEqual(orphans, []);
});

function reachedFrom(entries: readonly string[]): Set<string> {
  const reached = new Set(entries);
  for (const path of reached) {
    if (!existsSync(join(ROOT, path))) continue;
    for (const { from } of importsOf(path)) {
      const target = resolved(path, from);
      if (target !== null) reached.add(target);
    }
  }
  return reached;
}

test('every file that ARCHITECTURE.md names exists', () => {
  const named = [...read('ARCHITECTURE.md').matchAll(/`([\w.-]+(?:\/[\w.-]+)+)`/g)].map(
    ([, path]) => path ?? '',
  );
  assert.ok(named.length > 20);
  const roots = named.filter((path) => TOP.includes(path.split('/')[0] ?? ''));
  assert.deepEqual(
    roots.filter((path) => !existsSync(join(ROOT, path)) && !path.startsWith('kb/state/')),
    [],
  );
});

test('docs/errors.md shows every row of the error table and nothing else', () => {
  const rows = read('docs/errors.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const cells = rows.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const table = Object.entries(ERRORS).map(([name, row]) => [
    `\`${name}\``,
    String(row.http),
    row.trpc,
    row.outcome,
    row.retryable ? 'yes' : 'no',
    row.advice,
  ]);
  assert.deepEqual(cells, table);
});

test('Prolog refuses with codes of the error table only', () => {
  const used = [...texts]
    .filter(([path]) => path.endsWith('.pl'))
    .flatMap(([path, text]) => {
      return [...text.matchAll(/\b(?:refuse|logic)\(([a-z][a-z_]*),/g)].map(([, name]) => ({
        path,
        name: name ?? '',
      }));
    });
  assert.ok(used.length > 10);
  assert.deepEqual(
    used.filter(({ name }) => !isErrorCode(name)),
    [],
  );
});

test('npm ci can install from the lockfile: every optional dependency has its entry, and every version is exact', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, Record<string, Record<string, string>>>;
  };
  // Pinned to a version that there is not, so that npm leaves them out: 640 MB of other processors and GPUs.
  const { overrides } = JSON.parse(read('package.json')) as {
    overrides: Record<string, Record<string, string>>;
  };
  const leftOut = Object.keys(overrides['node-llama-cpp'] ?? {});
  const missing = Object.values(lock.packages)
    .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
    .filter((name) => lock.packages[`node_modules/${name}`] === undefined && !leftOut.includes(name));
  assert.deepEqual(
    missing,
    [],
    'npm install left these out: put their entries back as the commit before had them',
  );
  const manifests = ['package.json', ...TOP.map((folder) => `${folder}/package.json`)].filter((path) =>
    existsSync(join(ROOT, path)),
  );
  for (const path of manifests) {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(read(path)) as Record<
      string,
      Record<string, string>
    >;
    for (const version of Object.values({ ...dependencies, ...devDependencies }))
      assert.match(version, /^\d+\.\d+\.\d+$/, path);
  }
});

test('the launcher, which cannot read limits.ts, has the same heap flags and a whole version of Node', () => {
  assert.deepEqual(HEAP_FLAGS, NODE_HEAP_FLAGS);
  assert.deepEqual(COORDINATOR_HEAP, COORDINATOR_HEAP_FLAGS);
  assert.deepEqual(SEMANTIC_HEAP, SEMANTIC_HEAP_FLAGS);
  assert.match(NODE_VERSION, /^\d+\.\d+\.\d+$/);
});
