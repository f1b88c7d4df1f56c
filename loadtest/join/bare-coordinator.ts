/**
 * What joining is compared with: node:https with the coordinator's certificate and TLS settings that answers every POST with the same
 * bytes, a certificate made beforehand. No registry, no signature, nothing is checked.
 *
 *     node bare-coordinator.ts DATA
 *
 * DATA is a coordinator's data folder. Prints {"ready":true,"pid":..,"address":"127.0.0.1:PORT"} and ends with its standard input.
 */
import { constants } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { coordinatorFiles } from '@fleet/coordinator/config.ts';
import { openAuthority } from '@fleet/coordinator/sites/authority.ts';
import { newKey, signingRequest } from '@fleet/shared/signing-request.ts';

const authority = await openAuthority(coordinatorFiles(process.argv[2] ?? '').authority);
const { certificate } = await authority.issue('garage', await signingRequest('garage', newKey()));
const body = JSON.stringify({ certificate, authority: authority.certificate });
const own = await authority.listener(['127.0.0.1']);
const server = createServer(
  {
    cert: `${own.certificate}\n${authority.certificate}`,
    key: own.key,
    ca: authority.certificate,
    minVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
    requestCert: true,
    rejectUnauthorized: false,
  },
  (request, reply) => {
    request.resume().once('end', () => {
      reply.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
  },
);
process.stdin.on('end', () => process.exit(0)).resume();
await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, address: `127.0.0.1:${port}` })}\n`);
