/** `logic-fleet invite`, `invited`, `label`, `rename`, `revoke`: what people do with the members of a fleet. */
import { LogicError } from '@fleet/shared/errors.ts';
import type { Command } from 'commander';
import { type ClientFlags, print, withCoordinator } from '../client.ts';
import type { InvitedListing } from '../router.ts';
import { realWorld } from '../world.ts';
import { clientOptions, collectLabels, duration } from './options.ts';

export function registerMembers(program: Command): void {
  const name = 'name of the site, a DNS label';
  clientOptions(
    program
      .command('invite')
      .description('print an invitation with which one machine may join as this site, once')
      .argument('<name>', name)
      .option('--label <key=value>', 'a label that the site is to have (may be repeated)', collectLabels)
      .option('--expires <time>', 'how long it is good, as in 30m, 1h or 7d', duration, duration('1d')),
  ).action(inviteCommand);
  clientOptions(
    program.command('invited').description('list the invitations that nobody has used yet'),
  ).action(invitedCommand);
  clientOptions(
    program
      .command('label')
      .description('set labels of a site, or take them away')
      .argument('<name>', name)
      .argument('<labels...>', 'key=value to set one, key- to take one away'),
  ).action(labelCommand);
  clientOptions(
    program
      .command('rename')
      .description('give a site another name; its certificate keeps the old one until it joins again')
      .argument('<name>', name)
      .argument('<new-name>', 'a DNS label'),
  ).action(renameCommand);
  clientOptions(
    program
      .command('revoke')
      .description('end the membership of a site, now')
      .argument('<name>', name)
      .option('--reason <text>', 'shown beside it from now on'),
  ).action(revokeCommand);
}

interface InviteFlags extends ClientFlags {
  readonly label?: Readonly<Record<string, string>>;
  readonly expires: number;
}

/** The invitation alone on standard output, so that it can be piped; what to do with it beside. */
async function inviteCommand(name: string, flags: InviteFlags): Promise<void> {
  await withCoordinator(flags, async (client) => {
    const { label: labels = {}, expires: validForMs } = flags;
    const invited = await client.fleet.invite.mutate({ name, labels, validForMs });
    print(flags, invited, ({ invitation }) => invitation);
    if (flags.json) return;
    const until = minute(invited.expires);
    const replaces = invited.replaces
      ? `${name} is a site already: what joins now takes its place, with a new key.\n`
      : '';
    process.stderr.write(
      `\n${replaces}Good once, until ${until} UTC. Send it as you would send a password. On the machine that is to join:\n` +
        '  logic-node join INVITATION\n',
    );
  });
}

async function invitedCommand(flags: ClientFlags): Promise<void> {
  await withCoordinator(flags, async (client) =>
    print(flags, await client.fleet.invited.query(), (all) => renderInvited(all, realWorld.now())),
  );
}

/** Never the invitation itself: of its secret only a hash is kept. */
function renderInvited(all: readonly InvitedListing[], now: number): string {
  if (all.length === 0) return 'No invitation is open: logic-fleet invite NAME makes one.';
  const width = Math.max(...all.map(({ site }) => site.length));
  const lines = all.map(({ site, expiresAt, createdBy, labels }) => {
    const good = `${expiresAt <= now ? 'expired' : 'good until'} ${minute(expiresAt)} UTC`;
    return `${site.padEnd(width)}  ${good}  by ${createdBy}  ${written(labels)}`;
  });
  return lines.join('\n');
}

function minute(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}

async function labelCommand(name: string, changes: readonly string[], flags: ClientFlags): Promise<void> {
  await withCoordinator(flags, async (client) => {
    const set: Record<string, string> = {};
    const remove: string[] = [];
    for (const change of changes) {
      const [, taken] = /^([^=]+)-$/.exec(change) ?? [];
      const [, key, value] = /^([^=]+)=(.*)$/.exec(change) ?? [];
      if (key !== undefined && value !== undefined) set[key] = value;
      else if (taken !== undefined) remove.push(taken);
      else
        throw new LogicError(
          'bad_request',
          `${change}: write key=value to set a label, key- to take it away`,
        );
    }
    print(
      flags,
      await client.fleet.label.mutate({ name, set, remove }),
      (labels) => `${name}  ${written(labels)}`,
    );
  });
}

async function renameCommand(name: string, to: string, flags: ClientFlags): Promise<void> {
  await withCoordinator(flags, async (client) => {
    await client.fleet.rename.mutate({ name, to });
    print(flags, { name: to, before: name }, () => `${name} is ${to} now`);
  });
}

async function revokeCommand(name: string, flags: ClientFlags & { readonly reason?: string }): Promise<void> {
  await withCoordinator(flags, async (client) => {
    const { reason } = flags;
    await client.fleet.revoke.mutate({ name, ...(reason !== undefined && { reason }) });
    print(
      flags,
      { name, status: 'revoked' },
      () => `${name} is revoked; logic-fleet invite ${name} would take it back`,
    );
  });
}

/** `zone=roof rack=3`, or a dash. */
export function written(labels: Readonly<Record<string, string>>): string {
  const all = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  return all.length === 0 ? 'no labels' : all.sort().join(' ');
}
