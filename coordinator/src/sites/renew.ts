/**
 * A site that comes back with its certificate: for a new one (before the old one ends, or long after), or to say where it is. Its
 * TLS session has proved the key. What is left to ask is whether the certificate is one that we issued, whose, and
 * whether it is the site's newest: an older one in use means that somebody has a copy of the site's disk.
 */
import type { Membership, MovedInput } from '@fleet/shared/api/membership.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { CERTIFICATE_RENEW_DAYS } from '@fleet/shared/limits.ts';
import { formatHostPort, parseHostPort } from '../config.ts';
import type { World } from '../world.ts';
import type { Authority } from './authority.ts';
import type { Clones } from './clones.ts';
import type { Identified, Registry, Site } from './registry.ts';

export interface Renewing {
  readonly authority: Authority;
  readonly registry: Registry;
  readonly clones: Clones;
  readonly world: World;
}

const DAY_MS = 86_400_000;

/** A certificate that is good for long yet is given again, as is one whose reply may have been lost. @throws LogicError as `member` */
export async function renew(parts: Renewing, fingerprint: string): Promise<Membership> {
  const { authority, registry, world } = parts;
  const site = member(parts, fingerprint);
  const lasting = (validUntil: number) => validUntil - world.now() > CERTIFICATE_RENEW_DAYS * DAY_MS;
  const newest = registry.identify(site.nextFingerprint ?? site.fingerprint)?.certificate;
  if (newest !== undefined && newest.certificate !== '' && lasting(newest.validUntil))
    return { certificate: newest.certificate, authority: authority.certificate };
  const { publicKey, serial, validUntil, ...issued } = await authority.issueFor(site.subject, site.publicKey);
  const certificate = registry.transaction(() => {
    const now = member(parts, fingerprint);
    const meanwhile = registry.identify(now.nextFingerprint ?? now.fingerprint)?.certificate;
    if (meanwhile !== undefined && meanwhile.fingerprint !== newest?.fingerprint)
      return meanwhile.certificate;
    registry.renew(now.name, { ...issued, publicKey, serial, validUntil, issuedAt: world.now() });
    return issued.certificate;
  });
  return { certificate, authority: authority.certificate };
}

/** Where the site says that it is; whether it was reached there. @throws LogicError as `member`, and `cloned` */
export async function moved(
  parts: Renewing,
  fingerprint: string,
  { address, instance, gone }: MovedInput & { readonly gone: AbortSignal },
): Promise<{ readonly reached: boolean }> {
  const site = member(parts, fingerprint);
  const told = formatHostPort(parseHostPort(address));
  const { reached } = await parts.clones.announced(site, { address: told, instance, gone });
  if (told !== site.address) parts.registry.setAddress(member(parts, fingerprint).name, told);
  return { reached };
}

/**
 * The site whose certificate this is. One seen with its next certificate has it from now on.
 * @throws LogicError `forbidden`, `revoked`, `quarantined`, `cloned`
 */
function member({ registry, clones }: Renewing, fingerprint: string): Site {
  const found = registry.identify(fingerprint);
  if (found === undefined) throw new LogicError('forbidden', 'this certificate is of no site of this fleet');
  refuseUnlessActive(found.site);
  if (found.age === 'old') throw stale(found, clones);
  if (found.age === 'current') return found.site;
  registry.confirm(fingerprint);
  return registry.get(found.site.name) ?? found.site;
}

function stale({ site, certificate }: Identified, clones: Clones): LogicError {
  const older = clones.older(site, certificate);
  return (
    older ?? new LogicError('revoked', `this certificate ended when ${site.name} joined again with a new key`)
  );
}

/** @throws LogicError `revoked`, `quarantined` */
export function refuseUnlessActive({ name, status, reason }: Pick<Site, 'name' | 'status' | 'reason'>): void {
  if (status === 'active') return;
  const why = reason === null ? '' : `: ${reason}`;
  throw new LogicError(
    status,
    status === 'revoked' ? `${name} was revoked${why}` : `${name} is quarantined${why}`,
  );
}
