/** What processes cost, from /proc: CPU seconds and memory, of a process and of all it started. */
import { readdirSync, readFileSync } from 'node:fs';

/** Ticks a second of /proc's CPU times: USER_HZ, 100 on every Linux architecture that Node runs on. */
const TICKS = 100;

/** CPU seconds (user and system) that the processes have used until now. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ticksOf(pid), 0) / TICKS;
}

/**
 * CPU milliseconds that the threads of a process have used until now, to the nanosecond where the kernel counts so
 * (schedstat): a fan-out is over in a few ticks. Threads that ended are left out; ours live as long as their process.
 */
export function cpuMilliseconds(pid: number): number {
  const threads = list(`/proc/${pid}/task`).map(
    (id) => read(pid, `task/${id}/schedstat`).split(' ')[0] ?? '',
  );
  if (threads.length === 0 || threads.includes('')) return cpuSeconds([pid]) * 1000;
  return threads.reduce((sum, nanoseconds) => sum + Number(nanoseconds), 0) / 1e6;
}

/** Proportional set size of the processes together, MiB. Shared pages are counted once, in shares. */
export function pssMebibytes(pids: readonly number[]): number {
  const kib = pids.map((pid) => Number(/^Pss:\s+(\d+)/m.exec(read(pid, 'smaps_rollup'))?.[1] ?? 0));
  return kib.reduce((sum, each) => sum + each, 0) / 1024;
}

/** The most that a process has held in memory, resident, MiB. */
export function peakMebibytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(read(pid, 'status'))?.[1] ?? 0) / 1024;
}

/** What a process has in memory now, resident, in megabytes of 10^6 bytes. */
export function residentMegabytes(pid: number): number {
  return (Number(/^VmRSS:\s+(\d+)/m.exec(read(pid, 'status'))?.[1] ?? 0) * 1024) / 1e6;
}

/** The process and everything below it. */
export function family(pid: number): number[] {
  const parents = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(fields(Number(name))[1] ?? 0);
    parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
  }
  const below = (at: number): number[] => [at, ...(parents.get(at) ?? []).flatMap(below)];
  return below(pid);
}

function ticksOf(pid: number): number {
  const all = fields(pid);
  return Number(all[11] ?? 0) + Number(all[12] ?? 0);
}

/** The fields of /proc/PID/stat after the program's name, which may hold spaces: state, ppid, ... */
function fields(pid: number): string[] {
  const text = read(pid, 'stat');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // it ended meanwhile
  }
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}
