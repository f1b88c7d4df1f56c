/** `logic-fleet sites`: the registry as a table. */
import type { Command } from 'commander';
import { type ClientFlags, print, withCoordinator } from '../client.ts';
import type { SiteListing } from '../router.ts';
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
    .map(
      ({ name, address, fingerprint, validUntil }) =>
        `${name.padEnd(width)}  ${address}  certificate ${fingerprint.slice(0, 16)}… until ${new Date(validUntil).toISOString().slice(0, 10)}`,
    )
    .join('\n');
}
