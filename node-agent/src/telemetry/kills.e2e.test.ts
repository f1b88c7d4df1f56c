/** What was acknowledged, through every order of deaths: the agent as a process of its own, killed while facts are pushed. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type SiteProcess, siteProcess } from '../testing/restarts.ts';
import { client, makeSiteFolder, stateFile, until } from '../testing/site.ts';

const NODES = ['pve1', 'pve2', 'pve3'] as const;
const HOUR_MS = 3_600_000;
/** Of SQLite's log: a header of 24 bytes and a page. */
const FRAME_BYTES = 24 + 4096;

/** One script that pushes numbered batches about one node, one after the other. */
class Pusher {
  readonly node: string;
  readonly acknowledged = new Set<number>();
  sent = 0;
  revision = 0;

  constructor(node: string) {
    this.node = node;
  }

  /** Pushes until `site` no longer answers. */
  async pushTo(site: SiteProcess): Promise<void> {
    const { observe } = client(site.url).site;
    for (;;) {
      this.sent += 1;
      const n = this.sent;
      const facts = [
        `node_load(${this.node},${(n / 1024).toFixed(10)})`,
        `node_memory_available(${this.node},${n})`,
        `node_disk_available(${this.node},'/${n}',${n})`,
      ];
      try {
        const { revision } = await observe.mutate(facts.map((fact) => ({ fact, validForMs: HOUR_MS })));
        assert.ok(revision > this.revision, `revision ${revision} after ${this.revision}`);
        this.revision = revision;
        this.acknowledged.add(n);
      } catch (cause) {
        if (cause instanceof assert.AssertionError) throw cause;
        return;
      }
    }
  }

  /** Everything acknowledged is in `text` or superseded by a later batch, each batch whole, no fact twice. */
  check(text: string): void {
    const numbers = (pattern: string) =>
      [...text.matchAll(new RegExp(`^${pattern}\\.$`, 'gm'))].map(([, number]) => Number(number));
    const memory = numbers(`node_memory_available\\(${this.node},(\\d+)\\)`);
    const load = numbers(`node_load\\(${this.node},([\\d.]+)\\)`);
    assert.equal(memory.length, 1);
    assert.deepEqual(load, [(memory[0] ?? 0) / 1024]);
    const last = Math.max(...this.acknowledged);
    assert.ok((memory[0] ?? 0) >= last && (memory[0] ?? 0) <= this.sent, `${memory[0]} of ${last}`);
    const mounts = numbers(`node_disk_available\\(${this.node},'/(\\d+)',\\d+\\)`);
    assert.equal(new Set(mounts).size, mounts.length);
    assert.deepEqual(
      [...this.acknowledged].filter((n) => !mounts.includes(n)),
      [],
    );
    assert.ok(mounts.every((n) => n <= this.sent));
  }
}

const isHealthy = (url: string) =>
  fetch(`${url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );

/** Each ends with the agent dead. */
const DEATHS: Readonly<Record<string, (site: SiteProcess) => Promise<unknown>>> = {
  agent: async ({ pid }) => process.kill(pid, 'SIGKILL'),
  'swipl, and the agent when swipl is back': async ({ url, pid, enginePid }) => {
    process.kill(enginePid, 'SIGKILL');
    while (await isHealthy(url));
    while (!(await isHealthy(url)));
    process.kill(pid, 'SIGKILL');
  },
  'both at once': async ({ pid, enginePid }) => {
    process.kill(enginePid, 'SIGKILL');
    process.kill(pid, 'SIGKILL');
  },
  'swipl, and the agent while it waits for another': async ({ url, pid, enginePid }) => {
    process.kill(enginePid, 'SIGKILL');
    while (await isHealthy(url));
    process.kill(pid, 'SIGKILL');
  },
};

test('whoever is killed, what was acknowledged is there after the restart, once, and revisions go on', async (t) => {
  const data = await makeSiteFolder(t);
  const pushers = NODES.map((node) => new Pusher(node));
  const acknowledged = () => pushers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  let site = await siteProcess(t, data);
  for (const [name, kill] of Object.entries(DEATHS)) {
    const before = acknowledged();
    const pushing = pushers.map((pusher) => pusher.pushTo(site));
    await until(() => acknowledged() > before + 60, `${name}: facts are pushed`);
    await kill(site);
    await Promise.all([site.ended, ...pushing]);
    site = await siteProcess(t, data);
    const { revision, text } = await site.state();
    for (const pusher of pushers) {
      assert.ok(revision >= pusher.revision, name);
      pusher.check(text);
    }
  }
  t.diagnostic(
    `${acknowledged()} batches acknowledged, ${pushers.reduce((sum, { sent }) => sum + sent, 0)} sent`,
  );
  // The power fails while the next batch and the next text are being written: half of each is on the disk.
  process.kill(site.pid, 'SIGKILL');
  await site.ended;
  const log = join(data, 'journal.sqlite-wal');
  appendFileSync(log, readFileSync(log).subarray(-FRAME_BYTES, -FRAME_BYTES / 2));
  writeFileSync(join(dirname(stateFile(data)), '.state.pl.next'), 'node_load(pve1,');
  site = await siteProcess(t, data);
  const { text } = await site.state();
  for (const pusher of pushers) pusher.check(text);
  process.kill(site.pid, 'SIGTERM');
  await site.ended;
  const written = readFileSync(stateFile(data), 'utf8');
  for (const pusher of pushers) pusher.check(written);
});
