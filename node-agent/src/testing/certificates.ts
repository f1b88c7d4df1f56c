/** For tests: an authority and certificates of it, so that the agent's tests need no coordinator and no openssl. */
import { webcrypto } from 'node:crypto';
import { keyPair, newKey } from '@fleet/shared/signing-request.ts';
import * as x509 from '@peculiar/x509';

export interface Certified {
  /** PEM */
  readonly key: string;
  /** PEM */
  readonly cert: string;
}

interface Subject {
  readonly name: string;
  /** Organizational unit: the role. */
  readonly unit: string;
  /** PEM; a new one where left out. */
  readonly key?: string;
}

const VALIDITY = { notBefore: new Date('2024-01-01'), notAfter: new Date('2048-01-01') };
const ECDSA = { name: 'ECDSA', hash: 'SHA-256' } as const;

let serial = 0x1000;

/** An authority that signs itself, with a key of its own where none is given. */
export function authority(name = 'test authority', key = newKey()): Promise<Certified> {
  return certificate({ name, unit: 'authority', key }, { name, unit: 'authority', key }, [
    new x509.BasicConstraintsExtension(true),
  ]);
}

/** A certificate for `subject` by an authority made here. */
export function certify(
  by: Certified,
  subject: Subject,
  authorityName = 'test authority',
): Promise<Certified> {
  const issuer = { name: authorityName, unit: 'authority', key: by.key };
  return certificate({ ...subject, key: subject.key ?? newKey() }, issuer, [
    new x509.BasicConstraintsExtension(false),
    new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: subject.name }]),
  ]);
}

async function certificate(
  subject: Required<Subject>,
  issuer: Required<Subject>,
  extensions: x509.Extension[],
): Promise<Certified> {
  const { publicKey } = await keyPair(subject.key);
  const { privateKey: signingKey } = await keyPair(issuer.key);
  serial += 1;
  const made = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial.toString(16),
      subject: nameOf(subject),
      issuer: nameOf(issuer),
      ...VALIDITY,
      publicKey,
      signingKey,
      signingAlgorithm: ECDSA,
      extensions,
    },
    webcrypto,
  );
  return { key: subject.key, cert: made.toString('pem') };
}

function nameOf({ name, unit }: Subject): x509.JsonName {
  return [{ CN: [name] }, { OU: [unit] }];
}
