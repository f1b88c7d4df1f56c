/** For tests: an authority and certificates of it, so that the agent's tests need no coordinator and no openssl. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { BIT_STRING, der, distinguishedName, INTEGER, OCTET_STRING, oid, pem, SEQUENCE } from '../der.ts';
import { newKey } from '../signing-request.ts';

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

const ECDSA_WITH_SHA256 = der(SEQUENCE, oid('2a8648ce3d040302'));
const COMMON_NAME = oid('550403');
const UNIT = oid('55040b');
const BASIC_CONSTRAINTS = oid('551d13');
const SUBJECT_ALTERNATIVE_NAME = oid('551d11');
const TRUE = Buffer.from([0x01, 0x01, 0xff]);
const VALIDITY = der(
  SEQUENCE,
  der(0x17, Buffer.from('240101000000Z')),
  der(0x17, Buffer.from('480101000000Z')),
);

let serial = 1;

/** An authority that signs itself. */
export function authority(name = 'test authority'): Certified {
  const key = newKey();
  return { key, cert: certificate({ name, unit: 'authority', key }, { name, unit: 'authority', key }, true) };
}

/** A certificate for `subject` by an authority made here. */
export function certify(by: Certified, subject: Subject, authorityName = 'test authority'): Certified {
  const key = subject.key ?? newKey();
  return {
    key,
    cert: certificate({ ...subject, key }, { name: authorityName, unit: 'authority', key: by.key }, false),
  };
}

function certificate(subject: Required<Subject>, issuer: Required<Subject>, isAuthority: boolean): string {
  const publicKey = createPublicKey(subject.key).export({ type: 'spki', format: 'der' });
  const constraints = extension(BASIC_CONSTRAINTS, der(SEQUENCE, ...(isAuthority ? [TRUE] : [])));
  const names = extension(SUBJECT_ALTERNATIVE_NAME, der(SEQUENCE, der(0x82, Buffer.from(subject.name))));
  serial += 1;
  const toSign = der(
    SEQUENCE,
    der(0xa0, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.from([0x10, serial])),
    ECDSA_WITH_SHA256,
    nameOf(issuer),
    VALIDITY,
    nameOf(subject),
    publicKey,
    der(0xa3, der(SEQUENCE, constraints, ...(isAuthority ? [] : [names]))),
  );
  const signature = der(BIT_STRING, Buffer.from([0]), sign('sha256', toSign, createPrivateKey(issuer.key)));
  return pem('CERTIFICATE', der(SEQUENCE, toSign, ECDSA_WITH_SHA256, signature));
}

function nameOf({ name, unit }: Subject): Buffer {
  return distinguishedName([COMMON_NAME, name], [UNIT, unit]);
}

function extension(id: Buffer, value: Buffer): Buffer {
  return der(SEQUENCE, id, der(OCTET_STRING, value));
}
