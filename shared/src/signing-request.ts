/**
 * A site's key and the request for its certificate (PKCS #10). The X.509 library is large: a site loads this
 * module when it is set up, and never while it serves.
 */
import 'reflect-metadata';
import { createPrivateKey, createPublicKey, generateKeyPairSync, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** A new P-256 key, PKCS #8 PEM. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The pair of a P-256 key (PEM) as WebCrypto has it. */
export async function keyPair(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const own = createPrivateKey(pem);
  const pkcs8 = own.export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(own).export({ type: 'spki', format: 'der' });
  const [privateKey, publicKey] = await Promise.all([
    webcrypto.subtle.importKey('pkcs8', pkcs8, P256, false, ['sign']),
    webcrypto.subtle.importKey('spki', spki, P256, true, ['verify']),
  ]);
  return { privateKey, publicKey };
}

/** The request, PEM, that a certificate be issued for `site` and this key (PEM). */
export async function signingRequest(site: string, key: string): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      name: [{ CN: [site] }],
      keys: await keyPair(key),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: site }])],
    },
    webcrypto,
  );
  return request.toString('pem');
}
