/**
 * How a site joins: its signing request comes in, its certificate goes out, and the registry knows it.
 * The site's private key is made on the site and is never seen here.
 *
 * `enrol` is for those who have the authority in hand (a local fleet, tests). `join` is for a site with an invitation: the secret
 * is used up in the transaction that records the certificate, so that a crash leaves both or neither; and
 * a site whose reply was lost asks again with the same key and is answered the same.
 */
import { siteName } from '@fleet/shared/api/ask.ts';
import type { JoinInput, Membership } from '@fleet/shared/api/membership.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { formatHostPort, parseHostPort } from '../config.ts';
import { realWorld, type World } from '../world.ts';
import type { Authority, Issued } from './authority.ts';
import type { InvitationRow, Invitations } from './invitations.ts';
import type { Enrolled, Labels, Registry } from './registry.ts';

export interface Enrolment {
  readonly authority: Authority;
  readonly registry: Registry;
  readonly site: string;
  /** Certificate signing request, PEM. */
  readonly request: string;
  /** host:port of the site's TLS listener. */
  readonly address: string;
  readonly labels?: Labels;
  readonly world?: World;
}

/** @throws LogicError `bad_request` for a name, an address or a request that does not hold */
export async function enrol({
  authority,
  registry,
  site,
  request,
  address,
  labels = {},
  world = realWorld,
}: Enrolment): Promise<Membership> {
  const name = siteName.safeParse(site);
  if (!name.success)
    throw new LogicError('bad_request', `not a site name: ${site} (a DNS label: a-z, 0-9 and -)`);
  const issued = await authority.issue(name.data, request);
  const row = { name: name.data, address: formatHostPort(parseHostPort(address)), labels };
  registry.enrol(enrolled(issued, row, world.now()), issued.certificate);
  return { certificate: issued.certificate, authority: authority.certificate };
}

export interface Joining {
  readonly authority: Authority;
  readonly registry: Registry;
  readonly invitations: Invitations;
  readonly world: World;
}

/** Where a site is that has not told yet: nothing can answer there. */
const NOWHERE = '127.0.0.1:0';

/** @throws LogicError `bad_invitation`, `bad_request`, `cloned` */
export async function join(
  parts: Joining,
  { secret, request }: JoinInput,
): Promise<Membership & { site: string }> {
  const { authority, registry, invitations, world } = parts;
  const invitation = known(invitations, secret);
  const { site, labels } = invitation;
  const key = await authority.requestedKey(site, request);
  if (invitation.usedAt !== null) return { site, ...again(parts, invitation, key) };
  if (invitation.expiresAt <= world.now()) {
    throw new LogicError('bad_invitation', `the invitation of ${site} expired ${day(invitation.expiresAt)}`);
  }
  const issued = await authority.issueFor(site, key);
  return registry.transaction(() => {
    const now = world.now();
    const before = registry.get(site);
    if (before?.status === 'quarantined' && before.publicKey === key)
      throw new LogicError('cloned', `this key of ${site} is on two machines: join with a new one`);
    const { fingerprint } = issued;
    if (!invitations.use(invitation, { at: now, key, fingerprint }))
      return { site, ...again(parts, known(invitations, secret), key) };
    const row = { name: site, address: before?.address ?? NOWHERE, labels: { ...before?.labels, ...labels } };
    registry.enrol(enrolled(issued, row, now), issued.certificate);
    return { site, certificate: issued.certificate, authority: authority.certificate };
  });
}

function known(invitations: Invitations, secret: string): InvitationRow {
  const invitation = invitations.find(secret);
  if (invitation !== undefined) return invitation;
  throw new LogicError(
    'bad_invitation',
    'this invitation is not known here: a newer one took its place, perhaps',
  );
}

/** To the key that used it up, the same answer, for as long as it is the site's. */
function again({ authority, registry }: Joining, invitation: InvitationRow, key: string): Membership {
  const { site, usedKey, usedAt, fingerprint } = invitation;
  const when = day(usedAt ?? 0);
  if (usedKey !== key) {
    throw new LogicError(
      'bad_invitation',
      `the invitation of ${site} was used ${when} by another machine; if that was not you, logic-fleet revoke ${site}`,
    );
  }
  const given = registry.identify(fingerprint ?? '');
  if (given?.age !== 'current' || given.site.status !== 'active') {
    throw new LogicError(
      'bad_invitation',
      `the invitation of ${site} was used ${when}, and much has happened since`,
    );
  }
  return { certificate: given.certificate.certificate, authority: authority.certificate };
}

function enrolled(
  { fingerprint, serial, publicKey, validUntil }: Issued,
  row: Pick<Enrolled, 'name' | 'address' | 'labels'>,
  now: number,
): Enrolled {
  return { ...row, kind: 'node', fingerprint, serial, publicKey, enrolledAt: now, validUntil };
}

function day(at: number): string {
  return `on ${new Date(at).toISOString().slice(0, 16).replace('T', ' at ')} UTC`;
}
