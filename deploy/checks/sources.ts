/**
 * The files of this repository that are ours: what checks and tests look at. Taken from the folders,
 * not from git, so that a file counts before it is added.
 */
import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { ROOT } from '../../shared/launch.mjs';

/** Every folder at the top that is ours; STYLE and the issue name exactly these. */
const TOP_FOLDERS = ['coordinator', 'deploy', 'docs', 'kb', 'loadtest', 'node-agent', 'shared'] as const;

/** Paths of all files under the top folders, relative to the root with `/`, sorted. */
export function sourceFiles(): string[] {
  return TOP_FOLDERS.flatMap((folder) => filesUnder(join(ROOT, folder))).sort();
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name === 'node_modules') return [];
    return entry.isDirectory() ? filesUnder(path) : [relative(ROOT, path).split(sep).join('/')];
  });
}
