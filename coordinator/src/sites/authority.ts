/**
 * The fleet's certificate authority: one P-256 key that signs the coordinator's own certificate and
 * one certificate for each site. Sites and coordinator trust this authority and nothing else.
 *
 * Roles are in the subject (OU=coordinator asks, OU=site answers), names in CN and SAN. A site makes
 * its key itself and sends a signing request; only the request's public key is taken over, every
 * other field is ours. Certificates are renewed, keys never: sites pin the authority's key. A new authority is written beside its place and renamed into it, so that a
 * crash leaves either all of it or nothing, and of two processes that start at once one wins.
 */
import 'reflect-metadata';
import { createPublicKey, KeyObject, X509Certificate as NodeCertificate, webcrypto } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { siteName } from '@fleet/shared/api/ask.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { pinOf } from '@fleet/shared/invitation.ts';
import {
  AUTHORITY_RENEW_DAYS,
  AUTHORITY_VALID_DAYS,
  CERTIFICATE_RENEW_DAYS,
  CERTIFICATE_VALID_DAYS,
  CLOCK_SKEW_MS,
  SIGNING_REQUEST_BYTES,
} from '@fleet/shared/limits.ts';
import * as x509 from '@peculiar/x509';
import { realWorld, type World } from '../world.ts';

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const COORDINATOR = 'coordinator';
const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
const SITE_USAGES = new x509.ExtendedKeyUsageExtension([clientAuth, serverAuth]);
const ASKER_USAGES = new x509.ExtendedKeyUsageExtension([clientAuth]);
const LISTENER_USAGES = new x509.ExtendedKeyUsageExtension([serverAuth]);
const NO_AUTHORITY = new x509.BasicConstraintsExtension(false, undefined, true);
const SIGNS = new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true);

x509.cryptoProvider.set(webcrypto);

/** A certificate and what the registry keeps of it. */
export interface Issued {
  /** PEM. */
  readonly certificate: string;
  /** SHA-256 of the certificate's DER, lower-case hex. */
  readonly fingerprint: string;
  readonly serial: string;
  /** SPKI in PEM: the key that signs the site's replies. */
  readonly publicKey: string;
  /** Milliseconds since 1970 UTC. */
  readonly validUntil: number;
}

/** PEM texts that open a TLS session as this coordinator. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority {
  /** The authority's own certificate, PEM: what a site takes as `--tls-ca`. */
  readonly certificate: string;
  /** SHA-256 of the authority's public key (SPKI), hex: the same for as long as the fleet lives. */
  readonly pin: string;
  readonly coordinator: Identity;
  /** A certificate for the site of this name. @throws LogicError `bad_request` for a request that does not hold */
  issue(site: string, request: string): Promise<Issued>;
  /** The key (SPKI, PEM) of such a request. @throws LogicError `bad_request` */
  requestedKey(site: string, request: string): Promise<string>;
  /** A certificate for a key (SPKI, PEM) whose possession was proved. */
  issueFor(site: string, publicKey: string): Promise<Issued>;
  /** For a coordinator above, which may ask: its own key, our word. @throws LogicError `bad_request` as `issue` */
  admit(name: string, request: string): Promise<Issued>;
  /** What the coordinator shows as a server: its own key, its role, and these names and addresses beside its own. */
  listener(hosts: readonly string[]): Promise<Identity>;
  /** Makes anew, each for its own key, what is about to end of the authority's and the coordinator's; true where it did. */
  renew(): Promise<boolean>;
}

/** Opens the authority in `dir` (mode 0700, keys 0600) and makes it first where there is none. */
export async function openAuthority(dir: string, world: World = realWorld): Promise<Authority> {
  let files = (await readFiles(dir)) ?? (await create(dir, world));
  const key = await importKey(files.key);
  let own = await signerOf(files.certificate, key, world);
  const signer = () => own;
  const issueFor = async (name: string, publicKey: x509.PublicKey) =>
    describe(await sign(signer(), { name, usages: SITE_USAGES, role: 'site', publicKey }));
  const renew = async (): Promise<boolean> => {
    const before = files;
    files = { ...files, certificate: await ownAuthority(dir, files, world) };
    if (files.certificate !== before.certificate) own = await signerOf(files.certificate, key, world);
    files = { ...files, ownCertificate: await ownCertificate(dir, files, signer()) };
    return files.certificate !== before.certificate || files.ownCertificate !== before.ownCertificate;
  };
  await renew();
  return {
    get certificate() {
      return files.certificate;
    },
    get coordinator() {
      return { certificate: files.ownCertificate, key: files.ownKey };
    },
    pin: authorityPin(files.certificate),
    issue: async (site, request) => issueFor(siteName.parse(site), await requestedKey(site, request)),
    requestedKey: async (site, request) => writePublicKey(await requestedKey(siteName.parse(site), request)),
    issueFor: async (site, publicKey) => issueFor(siteName.parse(site), readPublicKey(publicKey)),
    admit: async (name, request) =>
      describe(
        await sign(signer(), {
          name,
          usages: ASKER_USAGES,
          role: COORDINATOR,
          publicKey: await requestedKey(COORDINATOR, request),
        }),
      ),
    listener: async (hosts) => ({
      certificate: await sign(signer(), {
        name: COORDINATOR,
        hosts,
        usages: LISTENER_USAGES,
        role: COORDINATOR,
        publicKey: keyOf(files.ownCertificate),
      }),
      key: files.ownKey,
    }),
    renew,
  };
}

interface Files {
  readonly certificate: string;
  readonly key: string;
  readonly ownCertificate: string;
  readonly ownKey: string;
}
/** What all certificates of one authority have alike is made once: a thousand sites may join at once. */
interface Signer {
  readonly key: webcrypto.CryptoKey;
  readonly issuer: x509.Name;
  readonly authorityKey: x509.Extension;
  readonly world: World;
}

async function signerOf(certificate: string, key: webcrypto.CryptoKey, world: World): Promise<Signer> {
  const { subjectName: issuer, publicKey } = new x509.X509Certificate(certificate);
  return { key, issuer, authorityKey: await x509.AuthorityKeyIdentifierExtension.create(publicKey), world };
}

interface Subject {
  readonly name: string;
  readonly role: 'site' | typeof COORDINATOR;
  readonly usages: x509.Extension;
  /** Names and addresses beside its own name. */
  readonly hosts?: readonly string[];
  readonly publicKey: x509.PublicKeyType;
}

const FILE_NAMES = {
  certificate: 'authority.pem',
  key: 'authority.key.pem',
  ownCertificate: 'coordinator.pem',
  ownKey: 'coordinator.key.pem',
} as const;

async function readFiles(dir: string): Promise<Files | null> {
  const read = (name: keyof Files) => readFile(join(dir, FILE_NAMES[name]), 'utf8');
  try {
    const [certificate, key, ownCertificate, ownKey] = await Promise.all([
      read('certificate'),
      read('key'),
      read('ownCertificate'),
      read('ownKey'),
    ]);
    return { certificate, key, ownCertificate, ownKey };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw cause;
  }
}

async function create(dir: string, world: World): Promise<Files> {
  const authorityKeys = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const ownKeys = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const certificate = await selfSign(authorityKeys, world);
  const signer = await signerOf(certificate, authorityKeys.privateKey, world);
  const files = {
    certificate,
    key: exportKey(authorityKeys.privateKey),
    ownCertificate: await sign(signer, {
      name: COORDINATOR,
      role: COORDINATOR,
      usages: ASKER_USAGES,
      publicKey: ownKeys.publicKey,
    }),
    ownKey: exportKey(ownKeys.privateKey),
  };
  return (await place(dir, files)) ? files : ((await readFiles(dir)) ?? fail(dir));
}

function fail(dir: string): never {
  throw new LogicError('bad_setup', `${dir} is in the way: it is not empty and holds no complete authority`);
}

/** Writes all files to a new directory and renames it to `dir`; false where `dir` was there first. */
async function place(dir: string, files: Files): Promise<boolean> {
  await mkdir(dirname(dir), { recursive: true });
  const draft = await mkdtemp(join(dirname(dir), `.${basename(dir)}-`)); // mode 0700
  try {
    for (const name of Object.keys(FILE_NAMES) as (keyof Files)[]) {
      await writeFile(join(draft, FILE_NAMES[name]), files[name], { mode: 0o600, flush: true });
    }
    await rename(draft, dir);
    return true;
  } catch (cause) {
    await rm(draft, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST'].includes((cause as NodeJS.ErrnoException).code ?? '')) return false;
    throw cause;
  }
}

/** The coordinator's certificate, made anew for the same key when it is about to end. */
async function ownCertificate(dir: string, files: Files, signer: Signer): Promise<string> {
  const { ownCertificate: current } = files;
  if (daysLeft(current, signer.world) > CERTIFICATE_RENEW_DAYS) return current;
  const renewed = await sign(signer, {
    name: COORDINATOR,
    role: COORDINATOR,
    usages: ASKER_USAGES,
    publicKey: keyOf(current),
  });
  return replace(dir, FILE_NAMES.ownCertificate, renewed, signer.world);
}

/** The authority's own, likewise: the key is what sites pin, so the fleet goes on. */
async function ownAuthority(dir: string, files: Files, world: World): Promise<string> {
  if (daysLeft(files.certificate, world) > AUTHORITY_RENEW_DAYS) return files.certificate;
  const keys = {
    privateKey: await importKey(files.key),
    publicKey: await importPublicKey(files.certificate),
  };
  return replace(dir, FILE_NAMES.certificate, await selfSign(keys, world), world);
}

function daysLeft(certificate: string, world: World): number {
  return (new NodeCertificate(certificate).validToDate.getTime() - world.now()) / DAY_MS;
}

async function replace(dir: string, name: string, text: string, world: World): Promise<string> {
  const draft = join(dir, `${name}.${world.randomHex(4)}`);
  await writeFile(draft, text, { mode: 0o600, flush: true });
  await rename(draft, join(dir, name));
  return text;
}

async function selfSign(keys: webcrypto.CryptoKeyPair, world: World): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(AUTHORITY_VALID_DAYS, world),
    name: [{ CN: ['logic fleet authority'] }, { OU: ['authority'] }],
    keys: keys,
    signingAlgorithm: ECDSA,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return certificate.toString('pem');
}

async function sign(signer: Signer, { name, role, usages, hosts = [], publicKey }: Subject): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(CERTIFICATE_VALID_DAYS, signer.world),
    subject: [{ CN: [name] }, { OU: [role] }],
    issuer: signer.issuer,
    publicKey,
    signingKey: signer.key,
    signingAlgorithm: ECDSA,
    extensions: [
      NO_AUTHORITY,
      SIGNS,
      usages,
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }, ...hosts.map(hostName)]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      signer.authorityKey,
    ],
  });
  return certificate.toString('pem');
}

function hostName(host: string): { type: 'dns' | 'ip'; value: string } {
  return { type: isIP(host) === 0 ? 'dns' : 'ip', value: host };
}

/** From a little before now, since the site's clock may be behind. Serials are random: 127 bits, positive. */
function validity(days: number, world: World): { notBefore: Date; notAfter: Date; serialNumber: string } {
  const now = world.now();
  return {
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(now + days * DAY_MS),
    serialNumber: `4${world.randomHex(16).slice(1)}`,
  };
}

/** The public key of a request that proves possession of its private key and asks for this very name. */
async function requestedKey(site: string, request: string): Promise<x509.PublicKey> {
  if (request.length > SIGNING_REQUEST_BYTES)
    throw new LogicError('bad_request', 'the signing request is too large');
  const parsed = parseRequest(request);
  if (!(await parsed.verify().catch(() => false))) {
    throw new LogicError('bad_request', 'the signing request is not signed by the key that it names');
  }
  const { name, namedCurve } = parsed.publicKey.algorithm as { name: string; namedCurve?: string };
  if (name !== 'ECDSA' || namedCurve !== 'P-256')
    throw new LogicError('bad_request', 'a site has a P-256 key');
  const names = parsed.subjectName.getField('CN');
  if (names.some((asked) => asked !== site))
    throw new LogicError('bad_request', `the signing request is for ${names.join(', ')}, not for ${site}`);
  return parsed.publicKey;
}

function parseRequest(request: string): x509.Pkcs10CertificateRequest {
  try {
    return new x509.Pkcs10CertificateRequest(request);
  } catch (cause) {
    throw new LogicError('bad_request', 'not a certificate signing request', cause);
  }
}

function describe(certificate: string): Issued {
  const read = new NodeCertificate(certificate);
  return {
    certificate,
    fingerprint: fingerprintOf(read.fingerprint256),
    serial: read.serialNumber.toLowerCase(),
    publicKey: read.publicKey.export({ type: 'spki', format: 'pem' }) as string,
    validUntil: read.validToDate.getTime(),
  };
}

/** What an invitation pins. */
function authorityPin(certificate: string): string {
  return pinOf(new NodeCertificate(certificate).publicKey);
}

function keyOf(certificate: string): x509.PublicKey {
  return new x509.PublicKey(
    new NodeCertificate(certificate).publicKey.export({ type: 'spki', format: 'der' }),
  );
}

function writePublicKey(key: x509.PublicKey): string {
  const read = createPublicKey({ key: Buffer.from(key.rawData), type: 'spki', format: 'der' });
  return read.export({ type: 'spki', format: 'pem' }) as string;
}

function readPublicKey(pem: string): x509.PublicKey {
  return new x509.PublicKey(createPublicKey(pem).export({ type: 'spki', format: 'der' }));
}

/** Node's `AB:CD:…` as the lower-case hex that the registry holds. */
export function fingerprintOf(fingerprint256: string): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}

function exportKey(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }) as string;
}

function importPublicKey(certificate: string): Promise<webcrypto.CryptoKey> {
  const der = new NodeCertificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return webcrypto.subtle.importKey('spki', der, ECDSA, true, ['verify']);
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, ECDSA, false, ['sign']);
}
