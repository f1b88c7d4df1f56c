/**
 * What people do with the members of the fleet: invite, label, rename, revoke. Each change is in force when the call returns: a
 * revoked site's sessions have ended and its tickets are gone.
 */
import type { Invited, InviteInput } from '@fleet/shared/api/membership.ts';
import { labels as labelsOf } from '@fleet/shared/api/membership.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { writeInvitation } from '@fleet/shared/invitation.ts';
import { secretOf } from '../access.ts';
import type { World } from '../world.ts';
import type { Authority } from './authority.ts';
import type { InvitationRow, Invitations } from './invitations.ts';
import type { Labels, Registry, Site } from './registry.ts';
import type { Sessions } from './sessions.ts';

export interface Members {
  /** @throws LogicError `bad_setup` where this coordinator has no address for sites to join at */
  invite(input: InviteInput, caller: string): Invited;
  /** Invitations that nobody has used. */
  invited(): readonly Omit<InvitationRow, 'hash'>[];
  /** @throws LogicError `unknown_site`, all three */
  label(name: string, change: { readonly set: Labels; readonly remove: readonly string[] }): Labels;
  rename(name: string, to: string): void;
  revoke(name: string, reason: string | null): void;
}

export interface MembersParts {
  readonly authority: Authority;
  readonly registry: Registry;
  readonly invitations: Invitations;
  readonly sessions: Sessions;
  readonly world: World;
  /** host:port at which sites reach this coordinator; null where it has no TLS listener. */
  readonly address: () => string | null;
}

export function openMembers(parts: MembersParts): Members {
  const { authority, registry, invitations, sessions, world } = parts;
  const find = (name: string): Site => {
    const site = registry.get(name);
    if (site === undefined) throw new LogicError('unknown_site', `no site is named ${name}`);
    return site;
  };
  return {
    invite: (input, caller) => {
      const coordinator = parts.address();
      if (coordinator === null) {
        throw new LogicError(
          'bad_setup',
          'sites cannot join here: this coordinator has no TLS listener. Run it with --tls HOST:PORT',
        );
      }
      const before = registry.get(input.name);
      const owner = registry
        .listAll()
        .find(({ name, subject }) => subject === input.name && name !== subject);
      if (owner)
        throw new LogicError('bad_request', `${owner.name} was ${input.name} before: choose another name`);
      if (before && before.kind !== 'node')
        throw new LogicError(
          'bad_request',
          `${input.name} is a site of the kind ${before.kind}: choose another name`,
        );
      const secret = secretOf(world);
      const { expiresAt: expires } = invitations.make(secret, input, { caller, now: world.now() });
      const { name: site, labels } = input;
      const invitation = writeInvitation({ site, coordinator, pin: authority.pin, secret, expires, labels });
      return { invitation, expires, replaces: before?.status === 'active' };
    },
    invited: () => invitations.open().map(({ hash: _, ...row }) => row),
    label: (name, { set, remove }) => {
      const kept = Object.entries(find(name).labels).filter(([label]) => !remove.includes(label));
      const labels = labelsOf.safeParse({ ...Object.fromEntries(kept), ...set });
      if (!labels.success)
        throw new LogicError('bad_request', labels.error.issues[0]?.message ?? 'no labels');
      registry.setLabels(name, labels.data);
      return labels.data;
    },
    rename: (name, to) => {
      registry.rename(name, to);
      sessions.end(name);
    },
    revoke: (name, reason) => {
      find(name);
      registry.setStatus(name, 'revoked', reason);
      sessions.end(name);
    },
  };
}
