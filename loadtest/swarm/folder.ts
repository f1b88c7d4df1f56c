/** A folder for one run, in memory where the machine has such a place: a thousand journals that sync would measure the disk. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const IN_MEMORY = '/dev/shm';

/** Keeps a service, so that it is stopped when the run ends, however it ends. */
export type Started = <S extends { stop(): Promise<void> }>(service: S) => S;

/** Runs with the folder, and clears away what it made and started. */
export async function inRunFolder<T>(run: (folder: string, started: Started) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir(), 'loadtest-'));
  const clear = () => rmSync(folder, { recursive: true, force: true });
  // Ctrl-C ends this process at once; what it started ends with it, and the folder must not stay in memory.
  process.once('exit', clear);
  const services: { stop(): Promise<void> }[] = [];
  try {
    return await run(folder, (service) => {
      services.push(service);
      return service;
    });
  } finally {
    await Promise.all(services.map((service) => service.stop()));
    clear();
    process.off('exit', clear);
  }
}
