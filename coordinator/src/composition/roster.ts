/**
 * The roster: which sites a coordinator has, with their keys, signed by its own. Made here for a coordinator above, and read here
 * from one below. Sites that would be reached through ourselves are taken out, and named.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { type Roster, type RosterSite, roster } from '@fleet/shared/api/composition.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { COMPOSITION_LEVELS } from '@fleet/shared/limits.ts';
import type { Site } from '../sites/registry.ts';
import { idOf } from './path.ts';
import type { Leaf } from './store.ts';

/** This coordinator, as others know it. */
export interface Self {
  /** SHA-256 of its public key. */
  readonly id: string;
  readonly key: KeyObject;
}

export interface WrittenRoster {
  readonly body: string;
  /** SHA-256 of the body: tells whether it changed. */
  readonly digest: string;
}

/** `sites` are targets, leaves in the place of coordinators. */
export function writeRoster(self: Self, sites: readonly Site[], leaves: readonly Leaf[]): WrittenRoster {
  const through = new Map(leaves.map((leaf) => [`${leaf.coordinator}/${leaf.site}`, leaf.through]));
  const rows = sites.flatMap((site): RosterSite[] => {
    const { name, kind, subject, publicKey, fingerprint, labels, via } = site;
    if (kind === 'coordinator') return [];
    const between = via === undefined ? [] : [idOf(via.coordinator.publicKey), ...(through.get(name) ?? [])];
    return [{ site: name, kind, subject, publicKey, fingerprint, labels, through: between }];
  });
  const body = JSON.stringify({ format: 1, id: self.id, sites: rows } satisfies Roster);
  return { body, digest: digestOf(body) };
}

export function signRoster({ key }: Self, { digest }: WrittenRoster, nonce: string): string {
  return sign('sha256', statement(digest, nonce), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
}

function statement(digest: string, nonce: string): Buffer {
  return Buffer.from(`logic-roster 1\n${nonce}\n${digest}\n`);
}

export function digestOf(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

export interface ReadRoster {
  readonly sites: readonly RosterSite[];
  /** Paths of sites that are reached through ourselves, or through too many. */
  readonly looped: readonly string[];
  readonly digest: string;
}

export interface RosterReply {
  readonly body: string;
  readonly nonce: string;
  readonly signature: string;
  /** SPKI in PEM of the coordinator that was asked. */
  readonly publicKey: string;
  /** Our own id. */
  readonly self: string;
}

/** @throws LogicError `bad_signature`, `bad_reply`, and `loop` where the roster is our own */
export function readRoster({ body, nonce, signature, publicKey, self }: RosterReply): ReadRoster {
  const digest = digestOf(body);
  const key = { key: createPublicKey(publicKey), dsaEncoding: 'ieee-p1363' } as const;
  if (!verify('sha256', statement(digest, nonce), key, Buffer.from(signature, 'base64url')))
    throw new LogicError('bad_signature', 'the roster is not signed by the key of that coordinator');
  const parsed = roster.safeParse(parseJson(body));
  if (!parsed.success) throw new LogicError('bad_reply', 'the roster is malformed', parsed.error);
  if (parsed.data.id !== idOf(publicKey))
    throw new LogicError('bad_reply', 'the roster is of another coordinator');
  if (parsed.data.id === self) throw new LogicError('loop', 'a coordinator cannot be a site of itself');
  const seen = new Set(parsed.data.sites.map(({ site }) => site));
  if (seen.size !== parsed.data.sites.length)
    throw new LogicError('bad_reply', 'the roster names a site twice');
  for (const site of parsed.data.sites) checkKey(site);
  const loops = ({ through }: RosterSite) => through.includes(self) || through.length >= COMPOSITION_LEVELS;
  return {
    sites: parsed.data.sites.filter((site) => !loops(site)),
    looped: parsed.data.sites.filter(loops).map(({ site }) => site),
    digest,
  };
}

/** A logic node has a P-256 key, a stock server has none. */
function checkKey({ site, kind, publicKey }: RosterSite): void {
  if (kind === 'stock' && publicKey === '') return;
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(publicKey);
    if (kind === 'node' && asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1')
      return;
  } catch {
    // not a key
  }
  throw new LogicError('bad_reply', `the roster has no proper key of ${site}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
