/**
 * The inventories that `init` writes where a site has none: this machine's own, and made-up ones for sample sites.
 * Ground facts of declared predicates with comments, meant to be read and edited by the site's operator.
 */
import { readFile } from 'node:fs/promises';
import { writeAtom } from '@fleet/shared/term.ts';
import { chance } from './random.ts';
import { readMemoryTotal } from './telemetry/collect/host.ts';

interface Machine {
  readonly name: string;
  readonly nodeClass: string;
  /** MiB */
  readonly memory: number;
  readonly zone: string;
}

interface Plan {
  readonly title: string;
  readonly logicNode: Machine;
  readonly cluster: string;
  readonly members: readonly Machine[];
  readonly others: readonly Machine[];
  /** Virtual machines with their memory in MiB. */
  readonly vms: readonly (readonly [string, number])[];
  readonly zones: readonly (readonly [string, number])[];
  readonly allow: readonly (readonly [string, string, string])[];
}

/** This machine as a site: one node, which is the logic node. */
export async function hostInventory(site: string, machine: string, root = '/'): Promise<string> {
  const self: Machine = {
    name: machine,
    nodeClass: await hostClass(root),
    memory: Number(await readMemoryTotal(root)),
    zone: 'home',
  };
  return inventoryText({
    title: `Site ${site}: this machine. Add the machines that it should watch over.`,
    logicNode: self,
    cluster: '',
    members: [],
    others: [],
    vms: [],
    zones: [['home', 1]],
    allow: [],
  });
}

async function hostClass(root: string): Promise<string> {
  const model = await readFile(`${root}/proc/device-tree/model`, 'utf8').catch(() => '');
  if (model.includes('Raspberry Pi 5')) return 'rpi5';
  return model.includes('Raspberry Pi 4') ? 'rpi4' : 'generic';
}

const CLUSTERS = ['homelab', 'rack', 'lab', 'shelf'] as const;
const CLASSES = ['nuc', 'mini_pc', 'server', 'nuc'] as const;
const VMS = [
  ['dns', 512],
  ['git', 4096],
  ['media', 8192],
  ['backup', 2048],
  ['mqtt', 512],
  ['photos', 6144],
  ['wiki', 1024],
  ['builder', 8192],
  ['monitor', 2048],
  ['mail', 2048],
] as const;
const MEMORY_MIB = [16_384, 32_768, 65_536] as const;

/** A plausible homelab: 3 to 5 machines, a cluster among them, some virtual machines; the same for the same seed. */
export function sampleInventory(site: string, seed: number): string {
  const draw = (word: string, count: number) => Math.floor(chance(seed, site, word, 0) * count);
  const size = 2 + draw('size', 3);
  const members = Array.from(
    { length: size },
    (_, at): Machine => ({
      name: `pve${at + 1}`,
      nodeClass: CLASSES[(at + draw('class', CLASSES.length)) % CLASSES.length] ?? 'nuc',
      memory: MEMORY_MIB[draw(`memory ${at}`, MEMORY_MIB.length)] ?? 16_384,
      zone: 'servers',
    }),
  );
  const nas: Machine = { name: 'nas', nodeClass: 'server', memory: 16_384, zone: 'storage' };
  const first = draw('vms', VMS.length);
  return inventoryText({
    title: `Site ${site}: a made-up site (seed ${seed}). Its telemetry says that it is a sample.`,
    logicNode: {
      name: 'sentry',
      nodeClass: draw('sentry', 2) === 0 ? 'rpi4' : 'rpi5',
      memory: 4096,
      zone: 'management',
    },
    cluster: CLUSTERS[draw('cluster', CLUSTERS.length)] ?? 'homelab',
    members,
    others: size < 4 ? [nas] : [],
    vms: Array.from({ length: 4 + draw('vm count', 4) }, (_, at) => VMS[(first + at) % VMS.length] ?? VMS[0]),
    zones: [
      ['management', 10],
      ['servers', 20],
      ['storage', 30],
    ],
    allow: [
      ['management', 'servers', 'ssh'],
      ['management', 'storage', 'ssh'],
      ['servers', 'storage', 'nfs'],
      ...(draw('backup', 2) === 0 ? [] : [['storage', 'servers', 'https'] as const]),
    ],
  });
}

function inventoryText({ title, logicNode, cluster, members, others, vms, zones, allow }: Plan): string {
  const machines = [logicNode, ...members, ...others];
  const vlans = new Map(zones);
  const sections: readonly (readonly [string, readonly string[]])[] = [
    [
      "The machine that runs this site's logic node; it belongs to no cluster.",
      [line('logic_node', logicNode.name)],
    ],
    ['Every machine that the rules speak of.', machines.map(({ name }) => line('node', name))],
    [
      'What they are, which says where they throttle: rpi4, rpi5, nuc, mini_pc, server or generic.',
      machines.map(({ name, nodeClass }) => line('node_class', name, nodeClass)),
    ],
    ['Memory in MiB.', machines.map(({ name, memory }) => line('node_memory', name, memory))],
    ['Clusters: each member has one vote.', members.map(({ name }) => line('cluster_member', cluster, name))],
    [
      'Virtual machines, and the memory that each is given in MiB. Where they run is telemetry.',
      [
        ...vms.map(([name]) => line('vm', name)),
        ...vms.map(([name, memory]) => line('vm_memory', name, memory)),
      ],
    ],
    [
      'Network zones and their VLANs; where machines belong and where they are plugged in.',
      [
        ...zones.map(([zone, vlan]) => line('zone_vlan', zone, vlan)),
        ...machines.map(({ name, zone }) => line('node_zone', name, zone)),
        ...machines.map(({ name, zone }) => line('node_vlan', name, vlans.get(zone) ?? 1)),
      ],
    ],
    ['What the firewall lets pass: from zone, to zone, service.', allow.map((row) => line('allow', ...row))],
  ];
  const written = sections
    .filter(([, lines]) => lines.length > 0)
    .map(([comment, lines]) => `% ${comment}\n${lines.join('\n')}\n`);
  return [
    `% ${title}\n% Facts only, one a line; a clause with a body is refused. Edit and restart the site.\n`,
    ...written,
  ].join('\n');
}

function line(name: string, ...values: readonly (string | number)[]): string {
  return `${name}(${values.map((value) => (typeof value === 'number' ? value : writeAtom(value))).join(', ')}).`;
}
