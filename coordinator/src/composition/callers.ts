/**
 * Who asks over TLS: the holder of a token, or a coordinator above, which shows the certificate that it was admitted with. One that was
 * expelled is refused at its next request, whatever session it has open.
 */
import type { TLSSocket } from 'node:tls';
import { LogicError } from '@fleet/shared/errors.ts';
import { type Caller, type Tokens, tokenCaller } from '@fleet/shared/tokens.ts';
import type { FastifyRequest } from 'fastify';
import { fingerprintOf } from '../sites/authority.ts';
import type { CompositionStore } from './store.ts';

/** @throws LogicError `unauthorized`, `forbidden` */
export function callersAbove(tokens: Tokens, store: Pick<CompositionStore, 'uppers'>) {
  return (request: FastifyRequest): Caller =>
    tokenCaller(request.headers.authorization, tokens) ?? upperOf(request, store);
}

function upperOf(request: FastifyRequest, store: Pick<CompositionStore, 'uppers'>): Caller {
  const socket = request.raw.socket as TLSSocket;
  const fingerprint = socket.authorized ? socket.getPeerCertificate().fingerprint256 : undefined;
  if (fingerprint === undefined)
    throw new LogicError('forbidden', "Show a certificate that this fleet's authority issued, or a token.");
  const upper = store.uppers().find((known) => known.fingerprint === fingerprintOf(fingerprint));
  if (upper === undefined)
    throw new LogicError('forbidden', 'This certificate is of no coordinator that was admitted here.');
  return { name: `coordinator:${upper.name}`, role: 'viewer' };
}
