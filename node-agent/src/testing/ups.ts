/**
 * For tests: the real upsd and dummy-ups drivers of Network UPS Tools, configured in a folder of the test. A driver reads
 * its variables from a file that the test rewrites.
 */
import { existsSync } from 'node:fs';
import { mkdir, rename, utimes, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type Ending, temporaryFolder } from './folder.ts';
import { freePort } from './loopback.ts';
import { type Program, programOf, startProgram } from './programs.ts';
import { until } from './site.ts';

export type Variables = Readonly<Record<string, string>>;

export interface Upsd {
  readonly port: number;
  /** What the driver of that UPS says from now on; it looks every second. */
  set(ups: string, variables: Variables): Promise<void>;
  /** By UPS. */
  readonly drivers: ReadonlyMap<string, Program>;
}

/** Names of UPSs with what they say; upsd calls data stale after `maxAgeS`. */
export async function startUpsd(
  t: Ending,
  upses: Readonly<Record<string, Variables>>,
  maxAgeS = 15,
): Promise<Upsd> {
  const folder = await temporaryFolder(t);
  const state = join(folder, 'state');
  await mkdir(state, { mode: 0o700 });
  const port = await freePort();
  const names = Object.keys(upses);
  const set = (ups: string, variables: Variables) =>
    replaced(
      join(folder, `${ups}.dev`),
      Object.entries(variables).map(([name, value]) => `${name}: ${value}`),
    );
  await replaced(join(folder, 'ups.conf'), [
    'pollinterval = 1',
    ...names.map(
      (name) =>
        `[${name}]\n  driver = dummy-ups\n  port = ${name}.dev\n  mode = dummy-once\n  desc = "a \\"${name}\\""`,
    ),
  ]);
  await replaced(join(folder, 'upsd.conf'), [`LISTEN 127.0.0.1 ${port}`, `MAXAGE ${maxAgeS}`]);
  await replaced(join(folder, 'upsd.users'), []);
  const env = {
    NUT_CONFPATH: folder,
    NUT_STATEPATH: state,
    NUT_ALTPIDPATH: state,
    NUT_PIDPATH: state,
    NUT_QUIET_INIT_UPSNOTIFY: 'true',
  };
  const user = ['-F', '-u', userInfo().username];
  const drivers = new Map<string, Program>();
  for (const [name, variables] of Object.entries(upses)) {
    await set(name, variables);
    const args = [...user, '-a', name];
    drivers.set(name, await startProgram(t, nutProgram('dummy-ups'), { args, env }));
    await until(() => existsSync(join(state, `dummy-ups-${name}`)), `the driver of ${name} listens`);
  }
  // It says that it listens before it has looked at its drivers; in the foreground comes last.
  await startProgram(t, nutProgram('upsd'), { args: user, env, ready: /foreground process/ });
  return { port, set, drivers };
}

/** Debian's `upsd` on the PATH is a script that asks /etc whether it may. */
function nutProgram(name: string): string {
  const folders = ['/lib/nut', '/usr/lib/nut', '/usr/libexec/nut', '/usr/lib64/nut'];
  return programOf(...folders.map((folder) => join(folder, name)), name);
}

/** Seconds since 1970, one more for each file: a driver looks at the date alone, in whole seconds, and would miss a change within one. */
let written = 1_700_000_000;

/** At once, so that no driver reads half of it. */
async function replaced(path: string, lines: readonly string[]): Promise<void> {
  await writeFile(`${path}.new`, lines.map((line) => `${line}\n`).join(''), { mode: 0o640 });
  written += 1;
  await utimes(`${path}.new`, written, written);
  await rename(`${path}.new`, path);
}
