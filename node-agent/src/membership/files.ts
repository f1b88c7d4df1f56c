/**
 * What a member of a fleet keeps in `tls/` of its data folder: its key, its certificate, the authority's, and where its coordinator
 * is. A join writes all of it into `tls/joining/` first and moves it over file by file, the certificate last; one
 * that was interrupted is finished by whoever looks next. So key and certificate always belong together.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { siteName } from '@fleet/shared/api/ask.ts';
import { readSettings } from '@fleet/shared/settings.ts';
import { z } from 'zod';

const MEMBERSHIP_FILE_BYTES = 16 * 1024;

const shape = z.object({
  site: siteName,
  /** host:port of the coordinator. */
  coordinator: z.string(),
  /** SHA-256 of the authority's public key (SPKI), hex. */
  pin: z.string(),
  /** Where the coordinator is to reach this site; null: where this machine is seen from there. */
  address: z.string().nullable(),
});
export type Member = z.infer<typeof shape>;

/** In the order in which a join moves them over. */
const NAMES = {
  key: 'key.pem',
  request: 'request.pem',
  authority: 'authority.pem',
  member: 'membership.json',
  certificate: 'certificate.pem',
} as const;
type Name = keyof typeof NAMES;

export type MemberFiles = Readonly<Record<Name, string>>;

export function memberFiles(data: string): MemberFiles {
  return paths(join(data, 'tls'));
}

function paths(folder: string): MemberFiles {
  const named = Object.entries(NAMES).map(([name, file]) => [name, join(folder, file)]);
  return Object.fromEntries(named) as MemberFiles;
}

/** Where a join prepares; made where it is missing. */
export function joiningFiles(data: string): MemberFiles {
  const folder = join(data, 'tls', 'joining');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return paths(folder);
}

/** Moves over what a join has ready; nothing where it has no certificate yet. */
export function finishJoin(data: string): void {
  const folder = join(data, 'tls', 'joining');
  const [from, to] = [paths(folder), memberFiles(data)];
  if (!existsSync(from.certificate)) return;
  for (const name of Object.keys(NAMES) as Name[])
    if (existsSync(from[name])) renameSync(from[name], to[name]);
  rmSync(folder, { recursive: true });
}

/** Null for a site that has not joined. Throws `bad_setup` for a file that cannot be read. */
export function readMember(data: string): Member | null {
  finishJoin(data);
  return readSettings(memberFiles(data).member, MEMBERSHIP_FILE_BYTES, shape);
}

/** What a renewal brings. The authority's first: it holds for the old certificate as well. */
export async function keepRenewed(
  data: string,
  { certificate, authority }: { readonly certificate: string; readonly authority: string },
): Promise<void> {
  const files = memberFiles(data);
  await replace(files.authority, authority);
  await replace(files.certificate, certificate);
}

export async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}.next`, text, { mode: 0o600, flush: true });
  await rename(`${file}.next`, file);
}

export function readText(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}
