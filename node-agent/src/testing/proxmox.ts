/**
 * For tests: what a Proxmox VE cluster answers to our three calls, over real TLS with a certificate of its own, in the shape that
 * https://pve.proxmox.com/pve-docs/api-viewer/ documents. Whoever shows no token that it knows is told 401, as pveproxy does.
 */
import { X509Certificate } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { authority, type Certified, certify } from './certificates.ts';
import { atEnd, type Ending } from './folder.ts';
import { listening } from './loopback.ts';

export const PROXMOX_TOKEN = 'logic@pve!site=01234567-89ab-cdef-0123-456789abcdef';

const GIB = 2 ** 30;

/** `GET /nodes`. */
export const NODES = [
  {
    id: 'node/pve1',
    type: 'node',
    node: 'pve1',
    status: 'online',
    level: '',
    cpu: 0.0312,
    maxcpu: 8,
    mem: 6 * GIB,
    maxmem: 16 * GIB,
    disk: 9 * GIB,
    maxdisk: 94 * GIB,
    uptime: 86_400,
    ssl_fingerprint: 'AA:BB',
  },
  { id: 'node/pve2', type: 'node', node: 'pve2', status: 'online', level: '', mem: 1 * GIB, maxmem: 8 * GIB },
  { id: 'node/pve3', type: 'node', node: 'pve3', status: 'offline', level: '' },
  { id: 'node/pve4', type: 'node', node: 'pve4', status: 'unknown', level: '' },
];

/** `GET /cluster/resources?type=vm`. */
export const GUESTS = [
  guest(100, 'web', 'pve1', 'running'),
  guest(101, 'db', 'pve2', 'stopped'),
  guest(102, 'old', 'pve3', 'running'),
  guest(103, 'dns', 'pve1', 'paused'),
  { ...guest(104, 'cache', 'pve2', 'running'), id: 'lxc/104', type: 'lxc' },
  guest(105, 'twin', 'pve1', 'running'),
  guest(106, 'twin', 'pve2', 'running'),
  { ...guest(900, 'debian-12', 'pve1', 'stopped'), template: 1 },
  guest(107, 'lost', 'pve1', 'unknown'),
];

export function guest(vmid: number, name: string, node: string, status: string) {
  return {
    id: `qemu/${vmid}`,
    type: 'qemu',
    vmid,
    name,
    node,
    status,
    template: 0,
    maxcpu: 2,
    mem: GIB,
    uptime: 1,
  };
}

/** `GET /nodes/{node}/status`; Perl writes load as text. */
export function nodeStatus(load: string, cpus: number) {
  return {
    loadavg: [load, '0.40', '0.30'],
    cpuinfo: { cpus, sockets: 1, model: 'x' },
    uptime: 86_400,
    wait: 0,
  };
}

/** What is answered by path and query below /api2/json/; a listener for what is no JSON. */
export type Answers = Readonly<Record<string, unknown>>;

export const ANSWERS: Answers = {
  nodes: NODES,
  'cluster/resources?type=vm': GUESTS,
  'nodes/pve1/status': nodeStatus('2.00', 8),
  'nodes/pve2/status': nodeStatus('0.50', 4),
};

export interface Proxmox {
  readonly url: URL;
  readonly fingerprint: string;
  /** PEM of the authority of its certificate, which names `localhost`. */
  readonly ca: string;
  /** Every request that came, in order. */
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[];
}

export async function startProxmox(t: Ending, answers: Answers = ANSWERS): Promise<Proxmox> {
  const by = await authority();
  const own: Certified = await certify(by, { name: 'localhost', unit: 'proxmox' });
  const requests: Proxmox['requests'] = [];
  const answer: RequestListener = (request, reply) => {
    const { authorization } = request.headers;
    const path = (request.url ?? '').replace('/api2/json/', '');
    requests.push({ path, authorization });
    if (authorization !== `PVEAPIToken=${PROXMOX_TOKEN}`)
      return void reply.writeHead(401, 'no such user').end('{"data":null}');
    const said = answers[path];
    if (typeof said === 'function') return void (said as RequestListener)(request, reply);
    if (said === undefined) return void reply.writeHead(501).end('{"data":null}');
    reply
      .writeHead(200, { 'content-type': 'application/json;charset=UTF-8' })
      .end(JSON.stringify({ data: said }));
  };
  const server = createServer({ key: own.key, cert: own.cert }, answer);
  const port = await listening(server);
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: new URL(`https://localhost:${port}`),
    fingerprint: new X509Certificate(own.cert).fingerprint256,
    ca: by.cert,
    requests,
  };
}
