/**
 * Proxmox VE's API, by a token. Three documented calls a pass (https://pve.proxmox.com/pve-docs/api-viewer/):
 *
 *     GET /nodes                          node_up (online, offline), node_memory_available (maxmem - mem)
 *     GET /cluster/resources?type=vm      vm_host, vm_state
 *     GET /nodes/{node}/status            node_load (loadavg[0] / cpuinfo.cpus), for each node that is online
 *
 * "offline" is the word of the cluster's membership, so it is evidence that the node is down. A node or VM that the
 * cluster calls "unknown" gives no fact; nor does the state of a VM on a node that is not online, which is only what
 * was last heard of it. The token needs no more than the role PVEAuditor.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import type { Term } from '@fleet/shared/term.ts';
import { z } from 'zod';
import { type Collector, fact, isName, type Pass, seenBy } from '../observation.ts';
import { toMib } from './host.ts';
import { type Get, type Trust, withConnections } from './http.ts';
import { readSecret } from './secret.ts';

export interface ProxmoxSource {
  readonly source: string;
  /** Of any node of the cluster: `https://10.0.20.11:8006`. */
  readonly url: URL;
  readonly trust: Trust;
  /** Holds `user@realm!tokenid=uuid`. */
  readonly tokenFile: string;
  readonly everyMs: number;
  /** Names in the inventory by name in Proxmox, null for one to leave out; one that is not listed keeps its name. */
  readonly nodes: ReadonlyMap<string, string | null>;
  /** The same for VMs and containers, by id or by name. */
  readonly vms: ReadonlyMap<string, string | null>;
}

const bytes = z.number().nonnegative();
const node = z.object({
  node: z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})$/),
  status: z.string(),
  mem: bytes.optional(),
  maxmem: bytes.optional(),
});
const guest = z.object({
  vmid: z.coerce.number().int().positive(),
  type: z.enum(['qemu', 'lxc', 'openvz']),
  node: z.string(),
  status: z.string(),
  name: z.string().optional(),
  template: z.union([z.number(), z.boolean()]).optional(),
});
const nodeStatus = z.object({
  // Perl gives numbers as text here.
  loadavg: z.array(z.coerce.number().nonnegative()).min(1),
  cpuinfo: z.object({ cpus: z.coerce.number().int().positive() }),
});

type ProxmoxNode = z.infer<typeof node>;
type ProxmoxGuest = z.infer<typeof guest>;

/** `user@realm!tokenid=uuid`, as Proxmox shows it once. */
const TOKEN = /^[^\s:/!=@]+@[A-Za-z][\w.-]*![A-Za-z][\w.-]*=[0-9a-fA-F-]{36}$/;

export function proxmoxCollector(settings: ProxmoxSource): Collector {
  const { source, trust, everyMs } = settings;
  return {
    source,
    async collect(now, pass) {
      const authorization = `PVEAPIToken=${await readToken(settings.tokenFile)}`;
      const facts = await withConnections(trust, async (get) => {
        const api: Api = {
          pass,
          read: (path, shape) => read(settings, get, { path, shape, authorization, pass }),
        };
        const [nodes, guests] = await Promise.all([
          api.read('nodes', z.array(node)),
          api.read('cluster/resources?type=vm', z.array(guest)),
        ]);
        return [
          ...nodeFacts(nodes, settings.nodes),
          ...(await loadFacts(nodes, settings.nodes, api)),
          ...guestFacts(guests, nodes, settings),
        ];
      });
      return seenBy(source, facts, { now, everyMs });
    },
  };
}

async function readToken(file: string): Promise<string> {
  const token = await readSecret(file);
  if (TOKEN.test(token)) return token;
  throw new LogicError('source_refused', `${file} holds no token of the form user@realm!tokenid=uuid.`);
}

interface Api {
  readonly pass: Pass;
  read<T>(path: string, shape: z.ZodType<T>): Promise<T>;
}

interface Reading<T> {
  readonly path: string;
  readonly shape: z.ZodType<T>;
  readonly authorization: string;
  readonly pass: Pass;
}

async function read<T>({ url }: ProxmoxSource, get: Get, reading: Reading<T>): Promise<T> {
  const { path, shape, authorization, pass } = reading;
  const target = new URL(`/api2/json/${path}`, url);
  const text = await get(target, { signal: pass.signal, headers: { authorization } });
  const parsed = z.object({ data: shape }).safeParse(asJson(text));
  if (parsed.success) return parsed.data.data;
  const where = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new LogicError(
    'source_unreadable',
    `${url.host}/api2/json/${path} is not as documented${where === '' ? '' : ` at ${where}`}.`,
  );
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the list of nodes says. */
export function nodeFacts(nodes: readonly ProxmoxNode[], names: ProxmoxSource['nodes']): Term[] {
  return nodes.flatMap(({ node: theirs, status, mem, maxmem }) => {
    const ours = named(theirs, names);
    if (ours === null || (status !== 'online' && status !== 'offline')) return [];
    const facts = [fact('node_up', ours, status === 'online')];
    if (status === 'online' && mem !== undefined && maxmem !== undefined && maxmem > 0 && mem <= maxmem)
      facts.push(fact('node_memory_available', ours, toMib(maxmem - mem)));
    return facts;
  });
}

/** One call a node: the node that is asked passes it on, and one that does not answer costs its own load only. */
async function loadFacts(
  nodes: readonly ProxmoxNode[],
  names: ProxmoxSource['nodes'],
  { read, pass }: Api,
): Promise<Term[]> {
  const online = nodes.filter(({ status }) => status === 'online');
  const facts = await Promise.all(
    online.map(async ({ node: theirs }) => {
      const ours = named(theirs, names);
      if (ours === null) return [];
      try {
        const { loadavg, cpuinfo } = await read(`nodes/${theirs}/status`, nodeStatus);
        return [fact('node_load', ours, (loadavg[0] ?? 0) / cpuinfo.cpus)];
      } catch (cause) {
        if (pass.signal.aborted || !(cause instanceof LogicError)) throw cause;
        pass.missed(cause);
        return [];
      }
    }),
  );
  return facts.flat();
}

/** Where each VM and container is, and how it is. Templates never run: they are none. */
function guestFacts(
  guests: readonly ProxmoxGuest[],
  nodes: readonly ProxmoxNode[],
  names: Pick<ProxmoxSource, 'nodes' | 'vms'>,
): Term[] {
  const online = new Set(nodes.filter(({ status }) => status === 'online').map(({ node }) => node));
  const real = guests.filter(({ template }) => !template);
  const nameOf = guestNames(real, names.vms);
  return real.flatMap((guest) => {
    const vm = nameOf(guest);
    if (vm === null) return [];
    const host = named(guest.node, names.nodes);
    const state = online.has(guest.node) ? guestState(guest.status) : null;
    return [
      ...(host === null ? [] : [fact('vm_host', vm, host)]),
      ...(state === null ? [] : [fact('vm_state', vm, state)]),
    ];
  });
}

/** By id, else by name; `qemu/100` for one without a name of its own, as names in Proxmox need not be unique. */
function guestNames(guests: readonly ProxmoxGuest[], names: ProxmoxSource['vms']) {
  const bearers = new Map<string, number>();
  for (const { name = '' } of guests) bearers.set(name, (bearers.get(name) ?? 0) + 1);
  return ({ vmid, type, name = '' }: ProxmoxGuest): string | null => {
    const byId = names.get(String(vmid));
    if (byId !== undefined) return byId;
    return bearers.get(name) === 1 && name !== '' && isName(name) ? named(name, names) : `${type}/${vmid}`;
  };
}

function named(theirs: string, names: ReadonlyMap<string, string | null>): string | null {
  const ours = names.get(theirs);
  return ours === undefined ? theirs : ours;
}

/** QEMU's states in which the machine is there and its processors stand still. */
const STANDING = new Set([
  'paused',
  'suspended',
  'prelaunch',
  'io-error',
  'internal-error',
  'guest-panicked',
  'watchdog',
  'postmigrate',
  'save-vm',
]);

function guestState(status: string): 'running' | 'stopped' | 'paused' | null {
  if (status === 'running' || status === 'stopped') return status;
  return STANDING.has(status) ? 'paused' : null;
}
