/**
 * This machine's own telemetry, read from /proc and /sys. What the machine does not have (a container has no
 * temperature sensor) is left out, never made up. The roots are parameters, so that tests read fixture trees.
 */
import { readdir, readFile, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LogicError } from '@fleet/shared/errors.ts';
import { HOST_COLLECT_MS } from '@fleet/shared/limits.ts';
import { type Collector, fact, seenBy } from '../observation.ts';

export interface HostOptions {
  /** The name of this machine in the inventory. */
  readonly self: string;
  /** The agent's data folder: its file system is watched beside `/`. */
  readonly data: string;
  /** The pace at which it is read. */
  readonly everyMs?: number;
  /** Where `proc` and `sys` are; `/` on a real machine. */
  readonly root?: string;
}

const MIB = 1024 * 1024;

/** Sensors report nonsense when a chip sleeps; a reading outside of -40 to 150 °C is none. */
export function isPlausibleTemperature(degrees: number): boolean {
  return degrees >= -40 && degrees <= 150;
}

/** Whole MiB of a number of bytes that is not negative. */
export function toMib(bytes: number): bigint {
  return BigInt(Math.floor(bytes / MIB));
}

export function hostCollector({ self, data, root = '/', everyMs = HOST_COLLECT_MS }: HostOptions): Collector {
  return {
    source: 'host',
    async collect(now) {
      const facts = [
        fact('node_up', self, true),
        fact('node_load', self, await readLoad(root)),
        fact('node_memory_available', self, await readMemoryAvailable(root)),
        ...(await readDisks(root, data)).map(({ mount, mib }) =>
          fact('node_disk_available', self, mount, mib),
        ),
      ];
      const temperature = await readTemperature(root);
      if (temperature !== null) facts.push(fact('node_temp', self, temperature));
      return seenBy('host', facts, { now, everyMs });
    },
  };
}

/** One-minute load divided by the number of cores. */
async function readLoad(root: string): Promise<number> {
  const load = Number((await readFile(join(root, 'proc/loadavg'), 'utf8')).split(' ')[0]);
  if (!Number.isFinite(load)) throw new LogicError('source_unreadable', 'proc/loadavg has no number');
  return load / (await readCores(root));
}

/** The processor cores of this machine. */
export async function readCores(root: string): Promise<number> {
  return (await readFile(join(root, 'proc/stat'), 'utf8')).match(/^cpu\d+ /gm)?.length ?? 1;
}

/** What the kernel can still give out without swapping, in MiB. */
async function readMemoryAvailable(root: string): Promise<bigint> {
  return (await readMemory(root, 'MemAvailable')) / 1024n;
}

/** All memory of this machine, in MiB. */
export async function readMemoryTotal(root: string): Promise<bigint> {
  return (await readMemory(root, 'MemTotal')) / 1024n;
}

async function readMemory(root: string, field: string): Promise<bigint> {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(
    await readFile(join(root, 'proc/meminfo'), 'utf8'),
  );
  if (found?.[1] === undefined) throw new LogicError('source_unreadable', `proc/meminfo has no ${field}`);
  return BigInt(found[1]);
}

/** Space left at `/` and where the data folder is mounted, in MiB. */
async function readDisks(root: string, data: string): Promise<{ mount: string; mib: bigint }[]> {
  const mounts = [...new Set(['/', await mountOf(root, data)])];
  return Promise.all(
    mounts.map(async (mount) => {
      const { bavail, bsize } = await statfs(mount);
      return { mount, mib: toMib(bavail * bsize) };
    }),
  );
}

/** The mount point that holds a path: the longest one that is a prefix of it. */
export async function mountOf(root: string, path: string): Promise<string> {
  const table = await readFile(join(root, 'proc/self/mounts'), 'utf8').catch(() => '');
  const points = table.split('\n').map((line) => unescapeMount(line.split(' ')[1] ?? ''));
  const target = `${resolve(path)}/`;
  const holding = points.filter(
    (point) => point.startsWith('/') && target.startsWith(point === '/' ? '/' : `${point}/`),
  );
  return holding.reduce((longest, point) => (point.length > longest.length ? point : longest), '/');
}

/** The kernel writes blanks in mount points as octal. */
function unescapeMount(point: string): string {
  return point.replace(/\\([0-7]{3})/g, (_all, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** The hottest sensor in °C; null on a machine without any. */
async function readTemperature(root: string): Promise<number | null> {
  const files = [
    ...(await sensorFiles(join(root, 'sys/class/hwmon'), /^temp\d+_input$/)),
    ...(await sensorFiles(join(root, 'sys/class/thermal'), /^temp$/)),
  ];
  const readings = await Promise.all(files.map(readSensor));
  const seen = readings.filter((reading) => reading !== null);
  return seen.length === 0 ? null : Math.max(...seen);
}

async function sensorFiles(folder: string, name: RegExp): Promise<string[]> {
  const chips = await readdir(folder).catch(() => []);
  const lists = await Promise.all(
    chips
      .filter((chip) => /^(hwmon|thermal_zone)\d+$/.test(chip))
      .map(async (chip) => {
        const entries = await readdir(join(folder, chip)).catch(() => []);
        return entries.filter((entry) => name.test(entry)).map((entry) => join(folder, chip, entry));
      }),
  );
  return lists.flat();
}

/** Millidegrees in the file; null where the sensor does not answer. */
async function readSensor(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const degrees = text.trim() === '' ? Number.NaN : Number(text) / 1000;
  return isPlausibleTemperature(degrees) ? degrees : null;
}
