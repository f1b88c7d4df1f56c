/**
 * Who answers at an address with a site's key? A connection of its own, past the kept session, so that a second process behind
 * another address, or in the place of the first, is seen. What does not show the site's key is nobody.
 */
import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { PROBE_MS, REFUSAL_BYTES } from '@fleet/shared/limits.ts';
import { z } from 'zod';
import { parseHostPort } from '../config.ts';
import type { Authority } from './authority.ts';
import type { Probe } from './clones.ts';
import type { Site } from './registry.ts';

const health = z.object({ instance: z.uuid() });

export function openProbe(authority: Authority): Probe {
  return async (site, address) => {
    try {
      return health.parse(JSON.parse(await get(authority, site, address))).instance;
    } catch {
      return null;
    }
  };
}

function get(authority: Authority, site: Site, address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({
      ...parseHostPort(address),
      path: '/healthz',
      agent: false,
      ca: authority.certificate,
      cert: authority.coordinator.certificate,
      key: authority.coordinator.key,
      servername: site.subject,
      // An expired certificate of the site's is its own all the same; whose key it is, is checked below.
      rejectUnauthorized: false,
      signal: AbortSignal.timeout(PROBE_MS),
    });
    sent.on('error', reject);
    sent.on('socket', (socket) => {
      socket.once('secureConnect', () => {
        if (!hasKey(socket as TLSSocket, site)) socket.destroy(new Error('another key'));
      });
    });
    sent.on('response', (reply) => {
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > REFUSAL_BYTES) reply.destroy(new Error('too long'));
      });
      reply.on('error', reject);
      reply.on('end', () => resolve(text));
    });
    sent.end();
  });
}

function hasKey(socket: TLSSocket, site: Site): boolean {
  const { raw } = socket.getPeerCertificate();
  const shown = raw === undefined ? null : new X509Certificate(raw).publicKey;
  return shown?.export({ type: 'spki', format: 'pem' }) === site.publicKey;
}
