/**
 * One Prometheus node_exporter. That it answers is evidence that its machine is up. That it does not is no evidence
 * of anything: the machine's facts go stale and it becomes unknown. Only where collectors.json says so
 * (`downWhenRefused`) is a refused connection taken as "down": the address answers, and nothing runs there.
 *
 *     node_load               node_load1 / number of cpus in node_cpu_seconds_total
 *     node_memory_available   node_memory_MemAvailable_bytes, in MiB
 *     node_disk_available     node_filesystem_avail_bytes, in MiB, of file systems that hold data
 *     node_temp               the hottest of node_hwmon_temp_celsius and node_thermal_zone_temp
 */
import { LogicError } from '@fleet/shared/errors.ts';
import { MOUNTS_OF_A_NODE } from '@fleet/shared/limits.ts';
import type { Term } from '@fleet/shared/term.ts';
import { type Collector, fact, isName, seenBy } from '../observation.ts';
import { readExposition, type Sample } from './exposition.ts';
import { isPlausibleTemperature, toMib } from './host.ts';
import { isConnectionRefused, type Trust, withConnections } from './http.ts';

export interface NodeExporterTarget {
  readonly source: string;
  /** The machine's name in the inventory. */
  readonly node: string;
  readonly url: URL;
  readonly trust: Trust;
  readonly everyMs: number;
  readonly downWhenRefused: boolean;
  /** The mount points to report; null: those that hold data. */
  readonly mounts: readonly string[] | null;
}

export function nodeExporterCollector(target: NodeExporterTarget): Collector {
  const { source, node, everyMs } = target;
  return {
    source,
    async collect(now, { signal }) {
      try {
        const text = await withConnections(target.trust, (get) =>
          get(target.url, { signal, headers: { accept: 'text/plain;version=0.0.4' } }),
        );
        return seenBy(source, nodeFacts(node, readExposition(text), target.mounts), { now, everyMs });
      } catch (cause) {
        if (!target.downWhenRefused || !isConnectionRefused(cause)) throw cause;
        return seenBy(source, [fact('node_up', node, false)], { now, everyMs });
      }
    },
  };
}

/** What the samples of one exporter say. Throws `source_unreadable` where they are of another exporter. */
export function nodeFacts(
  node: string,
  samples: Iterable<Sample>,
  mounts: readonly string[] | null = null,
): Term[] {
  const seen = gather(samples, mounts);
  if (!seen.isNode)
    throw new LogicError('source_unreadable', `What answers for ${node} is no node_exporter.`);
  const facts = [fact('node_up', node, true)];
  if (seen.load !== null && seen.cpus.size > 0)
    facts.push(fact('node_load', node, seen.load / seen.cpus.size));
  if (seen.memory !== null) facts.push(fact('node_memory_available', node, toMib(seen.memory)));
  for (const [mount, bytes] of [...seen.disks].slice(0, MOUNTS_OF_A_NODE))
    facts.push(fact('node_disk_available', node, mount, toMib(bytes)));
  if (seen.hottest !== null) facts.push(fact('node_temp', node, seen.hottest));
  return facts;
}

interface Seen {
  isNode: boolean;
  load: number | null;
  memory: number | null;
  hottest: number | null;
  readonly cpus: Set<string>;
  /** Bytes left, by mount point. */
  readonly disks: Map<string, number>;
}

function gather(samples: Iterable<Sample>, mounts: readonly string[] | null): Seen {
  const seen: Seen = {
    isNode: false,
    load: null,
    memory: null,
    hottest: null,
    cpus: new Set(),
    disks: new Map(),
  };
  for (const { metric, labels, value } of samples) {
    if (metric.startsWith('node_')) seen.isNode = true;
    if (metric === 'node_cpu_seconds_total') seen.cpus.add(labels.get('cpu') ?? '');
    if (isTemperature(metric) && isPlausibleTemperature(value))
      seen.hottest = Math.max(seen.hottest ?? value, value);
    if (!Number.isFinite(value) || value < 0) continue;
    if (metric === 'node_load1') seen.load = value;
    if (metric === 'node_memory_MemAvailable_bytes') seen.memory = value;
    if (metric === 'node_filesystem_avail_bytes' && isWanted(labels, mounts))
      seen.disks.set(labels.get('mountpoint') ?? '', value);
  }
  return seen;
}

function isTemperature(metric: string): boolean {
  return metric === 'node_hwmon_temp_celsius' || metric === 'node_thermal_zone_temp';
}

/** File systems that hold nothing of their own, or nothing that can be filled. */
const WITHOUT_DATA =
  /^(tmpfs|ramfs|devtmpfs|rootfs|overlay|squashfs|iso9660|autofs|nsfs|fuse\.lxcfs|fuse\.portal|efivarfs)$/;
/** Mounts that come and go with containers. */
const OF_CONTAINERS = /^\/(run|proc|sys|dev|snap|var\/snap|var\/lib\/(docker|containers|kubelet|lxc))(\/|$)/;

function isWanted(labels: ReadonlyMap<string, string>, mounts: readonly string[] | null): boolean {
  const mount = labels.get('mountpoint') ?? '';
  if (!mount.startsWith('/') || !isName(mount)) return false;
  if (mounts !== null) return mounts.includes(mount);
  return !WITHOUT_DATA.test(labels.get('fstype') ?? '') && !OF_CONTAINERS.test(mount);
}
