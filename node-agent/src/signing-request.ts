/**
 * The request for a site's certificate (PKCS #10), written as DER by hand: it is little structure around what
 * node:crypto gives, and an X.509 library would cost a site more memory than all of its telemetry.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { BIT_STRING, der, distinguishedName, INTEGER, OCTET_STRING, oid, pem, SEQUENCE, SET } from './der.ts';

/** Context tag 0, constructed: the attributes. */
const ATTRIBUTES = 0xa0;
/** Context tag 2: a DNS name within a subject alternative name. */
const DNS_NAME = 0x82;

const COMMON_NAME = oid('550403');
const EXTENSION_REQUEST = oid('2a864886f70d01090e');
const SUBJECT_ALTERNATIVE_NAME = oid('551d11');
const ECDSA_WITH_SHA256 = oid('2a8648ce3d040302');

/** A new P-256 key, PKCS #8 PEM. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The request, PEM, that a certificate be issued for `site` and this key (PEM). */
export function signingRequest(site: string, keyPem: string): string {
  const key = createPrivateKey(keyPem);
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const extension = der(
    SEQUENCE,
    SUBJECT_ALTERNATIVE_NAME,
    der(OCTET_STRING, der(SEQUENCE, der(DNS_NAME, Buffer.from(site)))),
  );
  const attributes = der(ATTRIBUTES, der(SEQUENCE, EXTENSION_REQUEST, der(SET, der(SEQUENCE, extension))));
  const version = der(INTEGER, Buffer.from([0]));
  const toSign = der(SEQUENCE, version, distinguishedName([COMMON_NAME, site]), publicKey, attributes);
  const signature = der(BIT_STRING, Buffer.from([0]), sign('sha256', toSign, key));
  return pem('CERTIFICATE REQUEST', der(SEQUENCE, toSign, der(SEQUENCE, ECDSA_WITH_SHA256), signature));
}
