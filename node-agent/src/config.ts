/**
 * What `logic-node serve` is told, parsed once: where the site's files are, where to listen, and as what. Every
 * refusal happens here, before anything starts. Plain HTTP is for loopback; any other address needs TLS.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { siteName } from '@fleet/shared/api/ask.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { type Address, readAddress } from './config-address.ts';
import { type Member, memberFiles, readMember } from './membership/files.ts';
import { readSemanticConfig, type SemanticConfig, type SemanticFlags } from './semantic/service.ts';

export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The fleet's authority: who asks must hold a certificate of it. */
  readonly ca: Buffer;
}

export type CollectorKind = 'host' | 'sample' | 'none';

export interface SiteConfig {
  readonly site: string;
  /** `main.pl` of the knowledge base; manifest, inventory and state lie beside it. */
  readonly main: string;
  readonly data: string;
  readonly plain: Address | null;
  readonly tls: { readonly address: Address; readonly files: TlsFiles } | null;
  /** Where /healthz is served alone. */
  readonly metrics: Address | null;
  /** Of a site that has joined a fleet; it is kept up while it serves. */
  readonly member: Member | null;
  /** PEM of the site's key; null: `tls/key.pem` of the data folder. */
  readonly keyPem: Buffer | null;
  readonly collector: CollectorKind;
  readonly seed: number;
  readonly followParent: boolean;
  /** What translates sentences. */
  readonly semantic: SemanticConfig;
}

/** The flags of `serve`, as commander gives them. */
export interface ServeFlags extends SemanticFlags {
  readonly kbPath?: string;
  readonly site?: string;
  readonly data?: string;
  readonly listen?: string;
  readonly http?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly address?: string;
  readonly metricsAddr?: string;
  readonly collector?: string;
  readonly seed?: string;
  readonly followParent?: boolean;
}

/** Where an installed site keeps journal, certificates and queues (DESIGN section 6). */
const INSTALLED_DATA = '/var/lib/logic-node';
/** A member is there for its coordinator, from wherever that comes. */
const JOINED: Address = { host: '0.0.0.0', port: 8443 };
const BY_HAND: Address = { host: '127.0.0.1', port: 8081 };
const LOOPBACK: readonly string[] = ['127.0.0.1', '::1', 'localhost'];

/** Throws `bad_setup` with what to change. */
export function readConfig(flags: ServeFlags): SiteConfig {
  const data = resolve(flags.data ?? INSTALLED_DATA);
  const member = memberOf(flags, data);
  const tlsFiles = readTlsFiles(member === null ? flags : { ...flags, ...memberFlags(data) });
  const listen = listenOf(flags, member);
  if (tlsFiles !== null && listen === null)
    throw refuse('--tls-cert and --tls-key need --listen HOST:PORT to serve at');
  const plain = plainAddress(flags, listen, tlsFiles !== null);
  return {
    site: readSite(flags.site ?? member?.site ?? hostLabel()),
    member,
    main: resolve(flags.kbPath ?? join(data, 'kb', 'main.pl')),
    data,
    plain,
    tls: tlsFiles !== null && listen !== null ? { address: listen, files: tlsFiles } : null,
    metrics:
      flags.metricsAddr === undefined
        ? null
        : loopback(readAddress(flags.metricsAddr, '--metrics-addr'), '--metrics-addr'),
    keyPem: tlsFiles?.key ?? null,
    collector: readCollector(flags.collector ?? 'host'),
    seed: readSeed(flags.seed),
    followParent: flags.followParent === true,
    semantic: readSemanticConfig(flags),
  };
}

/** Null where the site has not joined, or serves with a certificate that was brought to it otherwise. */
function memberOf(flags: ServeFlags, data: string): Member | null {
  const elsewhere =
    flags.tlsCert !== undefined && resolve(flags.tlsCert) !== resolve(memberFiles(data).certificate);
  const member = elsewhere ? null : readMember(data);
  if (member === null) {
    if (flags.address === undefined) return null;
    throw refuse('--address is for a site of a fleet: run logic-node join INVITATION first');
  }
  if (flags.site !== undefined && flags.site !== member.site) {
    throw refuse(`--site ${flags.site}: this folder joined its fleet as ${member.site}; leave --site away`);
  }
  return { ...member, address: flags.address ?? member.address };
}

function memberFlags(data: string): Pick<Required<ServeFlags>, 'tlsCert' | 'tlsKey' | 'tlsCa'> {
  const { certificate, key, authority } = memberFiles(data);
  return { tlsCert: certificate, tlsKey: key, tlsCa: authority };
}

/** What a member's listener shows, as it is on the disk now. */
export function readMemberTls(data: string): TlsFiles {
  const { tlsCert, tlsKey, tlsCa } = memberFlags(data);
  return {
    cert: readFlagFile(tlsCert, 'the certificate'),
    key: readFlagFile(tlsKey, 'the key'),
    ca: readFlagFile(tlsCa, "the authority's certificate"),
  };
}

function listenOf({ listen }: ServeFlags, member: Member | null): Address | null {
  if (listen !== undefined) return readAddress(listen, '--listen');
  return member === null ? null : JOINED;
}

/** Folder of the knowledge base. */
export function kbFolder(config: Pick<SiteConfig, 'main'>): string {
  return dirname(config.main);
}

/** A site's name made of this machine's. */
export function hostLabel(): string {
  const label = (hostname().split('.')[0] ?? '')
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return label === '' ? 'host' : label;
}

/** Throws `bad_setup` for what cannot be a site's name. */
export function readSite(name: string): string {
  const read = siteName.safeParse(name);
  if (!read.success) throw refuse(`--site ${name}: a site name is a DNS label (a-z, 0-9 and -)`);
  return read.data;
}

export function readSeed(text: string | undefined): number {
  const seed = text === undefined ? 1 : Number(text);
  if (!Number.isSafeInteger(seed) || seed < 0) throw refuse(`--seed ${text}: a whole number`);
  return seed;
}

function plainAddress(flags: ServeFlags, listen: Address | null, tls: boolean): Address | null {
  const http = flags.http === undefined ? null : readAddress(flags.http, '--http');
  if (listen !== null && !tls) {
    if (http !== null) throw refuse('--listen without TLS flags is plain HTTP already: leave --http away');
    return loopback(listen, '--listen');
  }
  if (http !== null) return loopback(http, '--http');
  return tls ? null : BY_HAND;
}

function loopback(address: Address, flag: string): Address {
  if (LOOPBACK.includes(address.host) || /^127\.\d+\.\d+\.\d+$/.test(address.host)) return address;
  throw refuse(
    `${flag} ${address.host}: plain HTTP is served on loopback only; another address needs --tls-cert, --tls-key and --tls-ca`,
  );
}

function readTlsFiles({ tlsCert, tlsKey, tlsCa }: ServeFlags): TlsFiles | null {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return null;
  if (tlsCert === undefined || tlsKey === undefined || tlsCa === undefined) {
    throw refuse(
      'TLS needs --tls-cert, --tls-key and --tls-ca (the authority whose coordinators may ask) together',
    );
  }
  return {
    cert: readFlagFile(tlsCert, '--tls-cert'),
    key: readFlagFile(tlsKey, '--tls-key'),
    ca: readFlagFile(tlsCa, '--tls-ca'),
  };
}

function readFlagFile(path: string, flag: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new LogicError('bad_setup', `${flag} ${path}: the file cannot be read`, cause);
  }
}

function readCollector(name: string): CollectorKind {
  if (name === 'host' || name === 'sample' || name === 'none') return name;
  throw refuse(`--collector ${name}: host, sample or none`);
}

function refuse(message: string): LogicError {
  return new LogicError('bad_setup', message);
}
