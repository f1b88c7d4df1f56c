/** `logic-node join`: makes this machine a site of the fleet that the invitation is from. */
import { join as joinPath, resolve } from 'node:path';
import { readInvitation } from '@fleet/shared/invitation.ts';
import { readAddress } from './config-address.ts';
import { initSite } from './init.ts';
import { join } from './membership/join.ts';
import { reportError } from './report.ts';
import { realWorld } from './world.ts';

export interface JoinFlags {
  readonly data: string;
  readonly address?: string;
}

export async function joinFleet(invitation: string, flags: JoinFlags): Promise<number> {
  try {
    const data = resolve(flags.data);
    if (flags.address !== undefined) readAddress(flags.address, '--address');
    const { site, coordinator, labels } = readInvitation(invitation);
    process.stderr.write(`joining as ${site}: asking the coordinator at ${coordinator}\n`);
    await join({
      invitation,
      data,
      address: flags.address ?? null,
      world: realWorld,
      again: ({ message }, afterMs) =>
        process.stderr.write(`${message}: trying again in ${Math.ceil(afterMs / 1_000)} s\n`),
    });
    await initSite({ data, site, inventory: 'host', seed: 1 });
    const marked = Object.entries(labels).map(([label, value]) => ` ${label}=${value}`);
    process.stderr.write(
      `${site} is a site of the fleet${marked.length > 0 ? `, labelled${marked.join('')}` : ''}. ` +
        `Its key is in ${joinPath(data, 'tls')} and goes nowhere else.\n` +
        `Start it (or start it again, if it runs):\n  logic-node serve --data ${flags.data}\n`,
    );
    return 0;
  } catch (cause) {
    return reportError(cause);
  }
}
