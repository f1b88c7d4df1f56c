/** The host collector on fixture trees of /proc and /sys, and on this machine. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { HOST_VALID_MS } from '@fleet/shared/limits.ts';
import { writeTerm } from '@fleet/shared/term.ts';
import { temporaryFolder } from '../../testing/folder.ts';
import { somePass } from '../../testing/pass.ts';
import { hostCollector, mountOf } from './host.ts';

const PROC = {
  'proc/loadavg': '3.00 1.00 0.50 2/345 6789\n',
  'proc/stat': 'cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\ncpu2 1 2 3\ncpu3 1 2 3\nintr 5\n',
  'proc/meminfo': 'MemTotal:        8000000 kB\nMemFree:         100 kB\nMemAvailable:    2097152 kB\n',
};

async function fixture(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const root = await temporaryFolder(t);
  for (const [path, text] of Object.entries({ ...PROC, ...files })) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

async function collected(root: string): Promise<string[]> {
  const seen = await hostCollector({ self: 'pi', data: root, root }).collect(1000, somePass());
  return seen.map(({ fact }) => writeTerm(fact)).filter((fact) => !fact.startsWith('node_disk'));
}

test('load is per core, memory in MiB, and the hottest sensor counts', async (t) => {
  const root = await fixture(t, {
    'sys/class/hwmon/hwmon0/temp1_input': '45500\n',
    'sys/class/hwmon/hwmon0/temp2_input': '61250\n',
    'sys/class/hwmon/hwmon0/temp1_crit': '100000\n',
    'sys/class/thermal/thermal_zone0/temp': '52000\n',
  });
  assert.deepEqual(await collected(root), [
    'node_up(pi,true)',
    'node_load(pi,0.75)',
    'node_memory_available(pi,2048)',
    'node_temp(pi,61.25)',
  ]);
});

test('a machine without sensors has no temperature, and nonsense readings are none', async (t) => {
  const none = await fixture(t, {});
  assert.ok(!(await collected(none)).some((fact) => fact.startsWith('node_temp')));
  const nonsense = await fixture(t, {
    'sys/class/thermal/thermal_zone0/temp': '-274000\n',
    'sys/class/thermal/thermal_zone1/temp': '',
    'sys/class/hwmon/hwmon0/temp1_input': 'n/a\n',
  });
  assert.ok(!(await collected(nonsense)).some((fact) => fact.startsWith('node_temp')));
});

test('the mount of the data folder is the longest that holds it', async (t) => {
  const root = await fixture(t, {
    'proc/self/mounts':
      'a / ext4 rw 0 0\nb /srv ext4 rw 0 0\nc /srv/logic\\040node ext4 rw 0 0\nd /srvother ext4 rw 0 0\n',
  });
  assert.equal(await mountOf(root, '/srv/logic node/data'), '/srv/logic node');
  assert.equal(await mountOf(root, '/srv/x'), '/srv');
  assert.equal(await mountOf(root, '/srvo'), '/');
});

test('this very machine has a load, memory and disk, as evidence that runs out', async () => {
  const seen = await hostCollector({ self: 'me', data: '/tmp' }).collect(5000, somePass());
  const names = new Set(seen.map(({ fact }) => (fact.kind === 'compound' ? fact.name : '')));
  for (const name of ['node_up', 'node_load', 'node_memory_available', 'node_disk_available'])
    assert.ok(names.has(name), name);
  assert.ok(
    seen.every(
      ({ source, observedAt, validUntil }) => source === 'host' && validUntil - observedAt === HOST_VALID_MS,
    ),
  );
});
