/** For tests: a row of the registry as far as planning and folding look at it. */
import type { Site } from '../sites/registry.ts';

export function registryRow(name: string, labels: Readonly<Record<string, string>> = {}): Site {
  return {
    name,
    subject: name,
    labels,
    address: '127.0.0.1:1',
    kind: 'node',
    fingerprint: name,
    serial: name,
    publicKey: name,
    enrolledAt: 0,
    validUntil: 0,
    incarnation: 1,
    nextFingerprint: null,
    status: 'active',
    reason: null,
  };
}
