/**
 * How a coordinator becomes a site of another, by two texts that their operators carry:
 *
 *   upper: a signing request for its key            logic-fleet request
 *   lower: a certificate for it, and who we are     logic-fleet admit NAME --request FILE --address HOST:PORT
 *   upper: the lower one is in the registry         logic-fleet enrol-coordinator NAME --introduction FILE
 *
 * Each keeps its own authority; neither trusts the other's with anything but this. The upper one is known to the lower by the
 * certificate issued here, the lower one to the upper by its key.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { siteName } from '@fleet/shared/api/ask.ts';
import { type Introduction, introduction } from '@fleet/shared/api/composition.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { FOREVER } from '@fleet/shared/limits.ts';
import { signingRequest } from '@fleet/shared/signing-request.ts';
import { formatHostPort, parseHostPort } from '../config.ts';
import type { Authority } from '../sites/authority.ts';
import type { Labels, Registry, Site } from '../sites/registry.ts';
import type { World } from '../world.ts';
import { openBelow } from './below.ts';
import { idOf } from './path.ts';
import { fetchRoster } from './refresh.ts';
import type { Self } from './roster.ts';
import type { CompositionStore, RosterChange } from './store.ts';

/** This coordinator as others know it. */
export function selfOf({ coordinator }: Pick<Authority, 'coordinator'>): Self {
  return { id: idOf(publicKeyOf(coordinator.key)), key: createPrivateKey(coordinator.key) };
}

/** SPKI of a private key, both PEM. */
function publicKeyOf(key: string): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}

/** What the upper coordinator's operator hands to the lower one's: PEM. */
export function requestOf({ coordinator }: Pick<Authority, 'coordinator'>): Promise<string> {
  return signingRequest('coordinator', coordinator.key);
}

export interface Admission {
  readonly authority: Authority;
  readonly store: Pick<CompositionStore, 'admit'>;
  readonly name: string;
  readonly request: string;
  /** host:port of our TLS listener, as the upper coordinator reaches it. */
  readonly address: string;
}

/** The lower side. Admitting a name again replaces its certificate. @throws LogicError `bad_request` */
export async function admitUpper({
  authority,
  store,
  name,
  request,
  address,
}: Admission): Promise<Introduction> {
  const checked = checkName(name);
  const { certificate, fingerprint, validUntil } = await authority.admit(checked, request);
  const told = {
    format: 1,
    address: formatHostPort(parseHostPort(address)),
    authority: authority.certificate,
    publicKey: publicKeyOf(authority.coordinator.key),
    certificate,
  } as const;
  store.admit({ name: checked, fingerprint, validUntil });
  return told;
}

export interface CoordinatorEnrolment {
  readonly authority: Authority;
  readonly registry: Registry;
  readonly store: CompositionStore;
  readonly name: string;
  /** Text of the introduction. */
  readonly introduction: string;
  readonly labels?: Labels;
  readonly world: World;
}

export interface Enrolled {
  readonly site: Site;
  readonly sites: RosterChange;
}

/**
 * The upper side. The lower one is asked for its roster first: nothing is registered of one that does not answer as it was
 * introduced, or whose sites would be reached through ourselves.
 * @throws LogicError `bad_request`, `loop`, `unreachable` and what else the roster comes to
 */
export async function enrolCoordinator(enrolment: CoordinatorEnrolment): Promise<Enrolled> {
  const { authority, registry, store, labels = {}, world } = enrolment;
  const name = checkName(enrolment.name);
  const before = registry.get(name);
  if (before !== undefined && before.kind !== 'coordinator')
    throw new LogicError('bad_request', `${name} is enrolled already, and is no coordinator`);
  const told = readIntroduction(enrolment.introduction);
  const self = selfOf(authority);
  if (idOf(told.publicKey) === self.id)
    throw new LogicError('loop', 'a coordinator cannot be a site of itself');
  const membership = { name, authority: told.authority, certificate: told.certificate };
  const row = {
    ...({ name, kind: 'coordinator', address: told.address, labels, publicKey: told.publicKey } as const),
    ...{ fingerprint: '', serial: '', enrolledAt: world.now(), validUntil: FOREVER },
  };
  const below = openBelow({ membership: () => membership }, authority.coordinator.key);
  try {
    const { sites, looped } = await fetchRoster({ below, self, world }, row);
    if (looped.length > 0)
      throw new LogicError(
        'loop',
        `${name} would be asked through ourselves, or through too many: ${looped.join(', ')}`,
      );
    store.join(membership);
    const site = registry.enrol(row);
    return { site, sites: store.apply(name, sites, world.now()) };
  } finally {
    await below.close();
  }
}

function readIntroduction(text: string): Introduction {
  const parsed = introduction.safeParse(parseJson(text));
  if (!parsed.success)
    throw new LogicError(
      'bad_request',
      'this is no introduction: logic-fleet admit prints one',
      parsed.error,
    );
  return { ...parsed.data, address: formatHostPort(parseHostPort(parsed.data.address)) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function checkName(text: string): string {
  const name = siteName.safeParse(text);
  if (name.success) return name.data;
  throw new LogicError('bad_request', `not a name: ${text} (a DNS label: a-z, 0-9 and -)`);
}
