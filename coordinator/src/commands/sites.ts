/** `logic-fleet sites`: the registry as a table. */
import type { Command } from 'commander';
import { type ClientFlags, print, withCoordinator } from '../client.ts';
import type { SiteListing } from '../router.ts';
import { SITE_KINDS, type SiteKind } from '../sites/kinds.ts';
import { written } from './members.ts';
import { clientOptions } from './options.ts';

export function registerSites(program: Command): void {
  clientOptions(program.command('sites').description('list the sites of the registry')).action(sitesCommand);
}

async function sitesCommand(flags: ClientFlags): Promise<void> {
  await withCoordinator(flags, async (client) => print(flags, await client.fleet.sites.query(), renderSites));
}

function renderSites(sites: readonly SiteListing[]): string {
  if (sites.length === 0) return 'No site is enrolled: logic-fleet invite NAME invites one.';
  const width = Math.max(...sites.map(({ name }) => name.length));
  return sites.map((site) => renderSite(site, width)).join('\n');
}

function renderSite({ name, kind, address, labels, ...row }: SiteListing, width: number): string {
  const known = Object.keys(labels).length === 0 ? [] : [written(labels)];
  const parts = [
    name.padEnd(width),
    kind.padEnd(KIND_WIDTH),
    place(address, row.through),
    identity(kind, row),
    ...known,
  ];
  const line = parts.join('  ').trimEnd();
  const { status, reason, subject } = row;
  const notes = [
    ...(subject === name ? [] : [`${subject} on its certificate`]),
    ...(status === 'active' ? [] : [`${status}${reason === null ? '' : `: ${reason}`}`]),
  ];
  return [line, ...notes.map((note) => `${' '.repeat(width)}  ${note}`)].join('\n');
}

/** A site that has joined and was not started yet has told no address. */
function place(address: string, through: string | null): string {
  if (through !== null) return `by way of ${through}`;
  return address.endsWith(':0') ? 'not seen yet' : address;
}

const KIND_WIDTH = Math.max(...SITE_KINDS.map((kind) => kind.length));

function identity(
  kind: SiteKind,
  { fingerprint, validUntil, through }: Pick<SiteListing, 'fingerprint' | 'validUntil' | 'through'>,
): string {
  if (kind === 'stock') return 'unsigned';
  if (kind === 'coordinator') return 'known by its key';
  const certificate = `certificate ${fingerprint.slice(0, 16)}…`;
  if (through !== null) return certificate;
  return `${certificate} until ${new Date(validUntil).toISOString().slice(0, 10)}`;
}
