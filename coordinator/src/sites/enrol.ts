/**
 * How a site joins: its signing request comes in, its certificate goes out, and the registry knows it.
 * The site's private key is made on the site and is never seen here.
 */
import { siteName } from '@fleet/shared/api/ask.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { formatHostPort, parseHostPort } from '../config.ts';
import { realWorld, type World } from '../world.ts';
import type { Authority } from './authority.ts';
import type { Registry } from './registry.ts';

export interface Enrolment {
  readonly authority: Authority;
  readonly registry: Registry;
  readonly site: string;
  /** Certificate signing request, PEM. */
  readonly request: string;
  /** host:port of the site's TLS listener. */
  readonly address: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly world?: World;
}

/** What a site gets back, both PEM: its certificate, and the authority's to check the coordinator with. */
export interface Membership {
  readonly certificate: string;
  readonly authority: string;
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
  registry.enrol({
    name: name.data,
    kind: 'node',
    address: formatHostPort(parseHostPort(address)),
    fingerprint: issued.fingerprint,
    serial: issued.serial,
    publicKey: issued.publicKey,
    enrolledAt: world.now(),
    validUntil: issued.validUntil,
    labels,
  });
  return { certificate: issued.certificate, authority: authority.certificate };
}
