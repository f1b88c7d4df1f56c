/** For tests: a site's key and its certificate signing request, as a site makes them on its own disk. */
import '../sites/metadata.ts';
import { KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

export interface Requested {
  /** PEM. */
  readonly request: string;
  readonly keys: webcrypto.CryptoKeyPair;
  /** PKCS #8 in PEM. */
  readonly key: string;
}

export async function signingRequest(site: string, keys?: webcrypto.CryptoKeyPair): Promise<Requested> {
  const own = keys ?? (await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']));
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    { name: [{ CN: [site] }], keys: own, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } },
    webcrypto,
  );
  const key = KeyObject.from(own.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string;
  return { request: request.toString('pem'), keys: own, key };
}
