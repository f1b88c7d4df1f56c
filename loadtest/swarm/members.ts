/**
 * Who belongs to a swarm: the authority, and a key, a certificate and a row of the registry for each site, made by the
 * coordinator's own enrolment. That takes seconds for a thousand, so it is kept between runs, under `.data/loadtest`, in
 * a folder named by the code that made it: other code makes another fleet.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { coordinatorFiles } from '@fleet/coordinator/config.ts';
import { openAuthority } from '@fleet/coordinator/sites/authority.ts';
import { enrol } from '@fleet/coordinator/sites/enrol.ts';
import { openRegistry } from '@fleet/coordinator/sites/registry.ts';
import { newKey, signingRequest } from '@fleet/shared/signing-request.ts';
import { ROOT } from '../../shared/launch.mjs';

export interface Member {
  readonly name: string;
  /** PEM, both. */
  readonly key: string;
  readonly certificate: string;
}

export interface Members {
  /** The fleet's data folder as a coordinator has it, with every member enrolled; not to be served from. */
  readonly data: string;
  /** PEM of the authority. */
  readonly authority: string;
  readonly all: readonly Member[];
}

/** Until its agent listens, a site is at an address where nothing can answer. */
const NOWHERE = '127.0.0.1:0';
const MADE_BY = ['authority', 'enrol', 'registry'].map((name) => `coordinator/src/sites/${name}.ts`);

/** The first `count` members of the swarm's fleet; those that are missing are made. */
export async function readMembers(count: number, say: (text: string) => void): Promise<Members> {
  const data = join(ROOT, '.data', 'loadtest', `fleet-${codeDigest()}`);
  const file = join(data, 'members.json');
  mkdirSync(data, { recursive: true });
  const all: Member[] = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Member[]) : [];
  const files = coordinatorFiles(data);
  const authority = await openAuthority(files.authority);
  if (all.length < count) {
    say(`making keys and certificates of ${count - all.length} sites`);
    const registry = openRegistry(files.registry);
    for (let at = all.length; at < count; at += 1) {
      const name = `s${String(at + 1).padStart(4, '0')}`;
      const key = newKey();
      const request = await signingRequest(name, key);
      const labels = { rack: `r${at % 20}` };
      const made = await enrol({ authority, registry, site: name, request, address: NOWHERE, labels });
      all.push({ name, key, certificate: made.certificate });
    }
    registry.close();
    writeFileSync(file, JSON.stringify(all), { mode: 0o600 });
  }
  return { data, authority: authority.certificate, all: all.slice(0, count) };
}

/** Makes the data folder of a coordinator in `data`: the same authority, and the sites that have an address there. */
export function writeFleet(members: Members, data: string, addresses: ReadonlyMap<string, string>): void {
  mkdirSync(data, { recursive: true });
  const [from, to] = [coordinatorFiles(members.data), coordinatorFiles(data)];
  cpSync(from.authority, to.authority, { recursive: true });
  const known = openRegistry(from.registry);
  const registry = openRegistry(to.registry);
  for (const site of known.list()) {
    const address = addresses.get(site.name);
    if (address !== undefined) registry.enrol({ ...site, address });
  }
  registry.close();
  known.close();
}

function codeDigest(): string {
  const hash = createHash('sha256');
  for (const path of MADE_BY) hash.update(readFileSync(join(ROOT, path)));
  return hash.digest('hex').slice(0, 12);
}
