/** `logic-fleet sites`: the registry as a table. */
import type { Command } from 'commander';
import { type ClientFlags, print, withCoordinator } from '../client.ts';
import type { SiteListing } from '../router.ts';
import { SITE_KINDS, type SiteKind } from '../sites/kinds.ts';
import { clientOptions } from './options.ts';

export function registerSites(program: Command): void {
  clientOptions(program.command('sites').description('list the sites of the registry')).action(sitesCommand);
}

async function sitesCommand(flags: ClientFlags): Promise<void> {
  await withCoordinator(flags, async (client) => print(flags, await client.fleet.sites.query(), renderSites));
}

function renderSites(sites: readonly SiteListing[]): string {
  if (sites.length === 0) return 'No site is enrolled.';
  const width = Math.max(...sites.map(({ name }) => name.length));
  return sites
    .map(({ name, kind, address, ...row }) =>
      `${name.padEnd(width)}  ${kind.padEnd(KIND_WIDTH)}  ${address}  ${identity(kind, row)}`.trimEnd(),
    )
    .join('\n');
}

const KIND_WIDTH = Math.max(...SITE_KINDS.map((kind) => kind.length));

function identity(
  kind: SiteKind,
  { fingerprint, validUntil }: Pick<SiteListing, 'fingerprint' | 'validUntil'>,
): string {
  if (kind === 'stock') return 'unsigned';
  return `certificate ${fingerprint.slice(0, 16)}… until ${new Date(validUntil).toISOString().slice(0, 10)}`;
}
