/**
 * The inventories that `init` writes where a site has none: this machine's own, and made-up ones for sample sites.
 * Ground facts of declared predicates with comments, meant to be read and edited by the site's operator.
 */
import { readFile } from 'node:fs/promises';
import { writeAtom } from '@fleet/shared/term.ts';
import { chance } from './random.ts';
import { readCores, readMemoryTotal } from './telemetry/collect/host.ts';

interface Machine {
  readonly name: string;
  readonly nodeClass: string;
  /** MiB */
  readonly memory: number;
  readonly cores: number;
  /** MiB for the disks of virtual machines; none where it runs none. */
  readonly disk?: number;
  readonly zone: string;
  /** Where it is plugged in, if not where its zone is. */
  readonly vlan?: number;
  /** What should stay free at `/`, in MiB. */
  readonly reserve: number;
}

interface Vm {
  readonly name: string;
  /** MiB */
  readonly memory: number;
  readonly cores: number;
  /** MiB */
  readonly disk: number;
  readonly home: string;
}

type Row = readonly (string | number)[];

interface Plan {
  readonly title: string;
  readonly logicNode: Machine;
  readonly cluster: string;
  readonly members: readonly Machine[];
  readonly others: readonly Machine[];
  readonly vms: readonly Vm[];
  /** Pairs of virtual machines that run on different nodes. */
  readonly apart: readonly Row[];
  /** What needs what, beside the node that a machine is on. */
  readonly needs: readonly Row[];
  readonly zones: readonly (readonly [string, number])[];
  /** From zone, to zone, service, allow or deny; in order. */
  readonly rules: readonly Row[];
  /** A UPS and a machine that it feeds. */
  readonly feeds: readonly Row[];
}

const NOTHING = { cluster: '', members: [], others: [], vms: [], apart: [], needs: [], rules: [], feeds: [] };

/** This machine as a site: one node, which is the logic node. */
export async function hostInventory(site: string, machine: string, root = '/'): Promise<string> {
  const self: Machine = {
    name: machine,
    nodeClass: await hostClass(root),
    memory: Number(await readMemoryTotal(root)),
    cores: await readCores(root).catch(() => 1),
    zone: 'home',
    reserve: 2048,
  };
  return inventoryText({
    ...NOTHING,
    title: `Site ${site}: this machine. Add the machines that it should watch over.`,
    logicNode: self,
    zones: [['home', 1]],
  });
}

async function hostClass(root: string): Promise<string> {
  const model = await readFile(`${root}/proc/device-tree/model`, 'utf8').catch(() => '');
  if (model.includes('Raspberry Pi 5')) return 'rpi5';
  return model.includes('Raspberry Pi 4') ? 'rpi4' : 'generic';
}

const CLUSTERS = ['homelab', 'rack', 'lab', 'shelf'] as const;
const CLASSES = ['nuc', 'mini_pc', 'server', 'nuc'] as const;
/** Name, memory and disk in MiB, virtual cores, and what it needs beside its node. */
const VMS = [
  ['dns', 512, 4096, 1, ''],
  ['git', 4096, 32_768, 2, 'dns'],
  ['media', 8192, 65_536, 4, 'nas'],
  ['backup', 2048, 16_384, 2, 'nas'],
  ['mqtt', 512, 4096, 1, 'dns'],
  ['photos', 6144, 131_072, 4, 'nas'],
  ['wiki', 1024, 8192, 1, 'git'],
  ['builder', 8192, 65_536, 8, 'git'],
  ['monitor', 2048, 16_384, 2, 'dns'],
  ['mail', 2048, 32_768, 2, 'dns'],
] as const;
const MEMORY_MIB = [16_384, 32_768, 65_536] as const;
const DISK_MIB = [131_072, 262_144, 524_288] as const;
const ZONES = [
  ['management', 10],
  ['servers', 20],
  ['storage', 30],
] as const;

/** A plausible homelab: 3 to 5 machines, a cluster among them, some virtual machines; the same for the same seed. */
export function sampleInventory(site: string, seed: number): string {
  const draw = (word: string, count: number) => Math.floor(chance(seed, site, word, 0) * count);
  const size = 2 + draw('size', 3);
  const members = Array.from({ length: size }, (_, at) => sampleMember(at, size, draw));
  const others = size < 4 ? [NAS] : [];
  const first = draw('vms', VMS.length);
  const vms = Array.from({ length: 4 + draw('vm count', 4) }, (_, at): Vm => {
    const [name, memory, disk, cores] = VMS[(first + at) % VMS.length] ?? VMS[0];
    return { name, memory, disk, cores, home: members[(at + first) % size]?.name ?? 'pve1' };
  });
  const logicNode: Machine = {
    name: 'sentry',
    nodeClass: draw('sentry', 2) === 0 ? 'rpi4' : 'rpi5',
    memory: 4096,
    cores: 4,
    zone: 'management',
    reserve: 2048,
  };
  return inventoryText({
    title: `Site ${site}: a made-up site (seed ${seed}). Its telemetry says that it is a sample.`,
    logicNode,
    cluster: CLUSTERS[draw('cluster', CLUSTERS.length)] ?? 'homelab',
    members,
    others,
    vms,
    apart: [vms.slice(0, 2).map(({ name }) => name)],
    needs: sampleNeeds({ members, others, vms, knotted: draw('knot', 4) === 0 }),
    zones: ZONES,
    rules: sampleRules(draw),
    feeds: sampleFeeds([logicNode, ...members, ...others], draw('second ups', 2) === 1),
  });
}

type Draw = (word: string, count: number) => number;

const NAS: Machine = {
  name: 'nas',
  nodeClass: 'server',
  memory: 16_384,
  cores: 4,
  zone: 'storage',
  reserve: 16_384,
};

/** The last member of one site in three is plugged into the wrong VLAN. */
function sampleMember(at: number, size: number, draw: Draw): Machine {
  return {
    name: `pve${at + 1}`,
    nodeClass: CLASSES[(at + draw('class', CLASSES.length)) % CLASSES.length] ?? 'nuc',
    memory: MEMORY_MIB[draw(`memory ${at}`, MEMORY_MIB.length)] ?? 16_384,
    cores: 4 * (1 + draw(`cores ${at}`, 3)),
    disk: DISK_MIB[draw(`disk ${at}`, DISK_MIB.length)] ?? 131_072,
    zone: 'servers',
    ...(at === size - 1 && draw('vlan', 3) === 0 ? { vlan: 30 } : {}),
    reserve: 10_240,
  };
}

interface Needing {
  readonly members: readonly Machine[];
  readonly others: readonly Machine[];
  readonly vms: readonly Vm[];
  /** The classic mistake: storage needs the DNS that runs on a machine that needs the storage. */
  readonly knotted: boolean;
}

function sampleNeeds({ members, others, vms, knotted }: Needing): Row[] {
  const there = new Set([...others, ...vms].map(({ name }) => name));
  const stored = others.flatMap(({ name }) => members.map((member): Row => [member.name, name]));
  const served = VMS.flatMap(([name, , , , needs]): Row[] =>
    there.has(name) && there.has(needs) ? [[name, needs]] : [],
  );
  const knot: Row[] = knotted && there.has('dns') ? others.map(({ name }) => [name, 'dns']) : [];
  return [...stored, ...served, ...knot];
}

/** In order; in half of the sites with a rule that the one before it shadows. */
function sampleRules(draw: Draw): Row[] {
  return [
    ['management', 'any', 'ssh', 'allow'],
    ['servers', 'storage', 'nfs', 'allow'],
    ['any', 'management', 'any', 'deny'],
    ...(draw('shadowed', 2) === 0 ? [['servers', 'management', 'ssh', 'allow']] : []),
    ...(draw('backup', 2) === 0 ? [] : [['storage', 'servers', 'https', 'allow']]),
    ['any', 'servers', 'https', 'allow'],
  ];
}

/** One UPS for all, and in some sites a second one for every other machine. */
function sampleFeeds(machines: readonly Machine[], second: boolean): Row[] {
  return machines.flatMap(({ name }, at): Row[] =>
    second && at % 2 === 1
      ? [
          ['ups1', name],
          ['ups2', name],
        ]
      : [['ups1', name]],
  );
}

function inventoryText(plan: Plan): string {
  const written = [...machineSections(plan), ...networkSections(plan), ...powerSections(plan)]
    .filter(([, lines]) => lines.length > 0)
    .map(([comment, lines]) => `% ${comment}\n${lines.join('\n')}\n`);
  return [
    `% ${plan.title}\n% Facts only, one a line; a clause with a body is refused. Edit and restart the site.\n`,
    ...written,
  ].join('\n');
}

type Section = readonly [comment: string, lines: readonly string[]];

function machinesOf({ logicNode, members, others }: Plan): readonly Machine[] {
  return [logicNode, ...members, ...others];
}

function machineSections(plan: Plan): Section[] {
  const { logicNode, cluster, members, vms, apart, needs } = plan;
  const machines = machinesOf(plan);
  return [
    [
      "The machine that runs this site's logic node; it belongs to no cluster.",
      [line('logic_node', logicNode.name)],
    ],
    ['Every machine that the rules speak of.', machines.map(({ name }) => line('node', name))],
    [
      'What they are, which says where they throttle: rpi4, rpi5, nuc, mini_pc, server or generic.',
      machines.map(({ name, nodeClass }) => line('node_class', name, nodeClass)),
    ],
    [
      'Memory in MiB, processor cores, and room for the disks of virtual machines in MiB.',
      [
        ...machines.map(({ name, memory }) => line('node_memory', name, memory)),
        ...machines.map(({ name, cores }) => line('node_cores', name, cores)),
        ...machines.flatMap(({ name, disk }) => (disk === undefined ? [] : [line('node_disk', name, disk)])),
      ],
    ],
    [
      'File systems to watch, and how much of each should stay free in MiB.',
      machines.map(({ name, reserve }) => line('node_mount', name, '/', reserve)),
    ],
    ['Clusters: each member has one vote.', members.map(({ name }) => line('cluster_member', cluster, name))],
    [
      'Virtual machines: memory in MiB, virtual cores, disk in MiB, and where they are when telemetry does not say.',
      vms.flatMap(({ name, memory, cores, disk, home }) => [
        line('vm', name),
        line('vm_memory', name, memory),
        line('vm_cores', name, cores),
        line('vm_disk', name, disk),
        line('vm_home', name, home),
      ]),
    ],
    ['Virtual machines that run on different nodes.', apart.map((row) => line('keep_apart', ...row))],
    [
      'What needs what, beside the node that a virtual machine is on: from this comes the boot order.',
      needs.map((row) => line('depends_on', ...row)),
    ],
  ];
}

function networkSections(plan: Plan): Section[] {
  const { zones, rules } = plan;
  const machines = machinesOf(plan);
  const vlans = new Map(zones);
  return [
    [
      'Network zones and their VLANs; where machines belong and where they are plugged in.',
      [
        ...zones.map(([zone, vlan]) => line('zone_vlan', zone, vlan)),
        ...machines.map(({ name, zone }) => line('node_zone', name, zone)),
        ...machines.map(({ name, zone, vlan }) => line('node_vlan', name, vlan ?? vlans.get(zone) ?? 1)),
      ],
    ],
    [
      'The firewall, first match, else denied: position, from zone, to zone, service, allow or deny.',
      rules.map((row, at) => line('firewall_rule', at + 1, ...row)),
    ],
  ];
}

function powerSections(plan: Plan): Section[] {
  const { feeds, vms } = plan;
  const fed = new Set(feeds.map(([, machine]) => machine));
  return [
    [
      'Uninterruptible power supplies and what is plugged into them.',
      [
        ...[...new Set(feeds.map(([ups]) => ups ?? ''))].map((ups) => line('ups', ups)),
        ...feeds.map((row) => line('ups_feeds', ...row)),
      ],
    ],
    [
      'Seconds that a shutdown takes, where it is not 90 for a virtual machine and 120 for a node.',
      [
        ...machinesOf(plan)
          .filter(({ name }) => fed.has(name))
          .map(({ name }) => line('shutdown_takes', name, 60)),
        ...vms.map(({ name, memory }) => line('shutdown_takes', name, 20 + Math.floor(memory / 256))),
      ],
    ],
  ];
}

function line(name: string, ...values: readonly (string | number)[]): string {
  return `${name}(${values.map((value) => (typeof value === 'number' ? value : writeAtom(value))).join(', ')}).`;
}
