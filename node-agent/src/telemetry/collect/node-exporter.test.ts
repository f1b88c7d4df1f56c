/** The collector of node_exporter against Debian's real one, and against what is none. */
import assert from 'node:assert/strict';
import { readFileSync, statfsSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { type TestContext, test } from 'node:test';
import { LogicError } from '@fleet/shared/errors.ts';
import { COLLECT_BODY_BYTES, COLLECT_VALID_TURNS, MOUNTS_OF_A_NODE } from '@fleet/shared/limits.ts';
import { writeTerm } from '@fleet/shared/term.ts';
import { atEnd } from '../../testing/folder.ts';
import { listening } from '../../testing/loopback.ts';
import { somePass } from '../../testing/pass.ts';
import { programOf, startProgram } from '../../testing/programs.ts';
import { realWorld } from '../../world.ts';
import type { Observation } from '../observation.ts';
import { type Failure, Schedule } from '../schedule.ts';
import { readExposition } from './exposition.ts';
import { type NodeExporterTarget, nodeExporterCollector, nodeFacts } from './node-exporter.ts';

const EVERY_MS = 5_000;

async function startExporter(t: TestContext) {
  const program = await startProgram(t, programOf('prometheus-node-exporter', 'node_exporter'), {
    args: [
      '--web.listen-address=127.0.0.1:0',
      '--collector.disable-defaults',
      ...['cpu', 'loadavg', 'meminfo', 'filesystem', 'hwmon', 'thermal_zone'].map(
        (name) => `--collector.${name}`,
      ),
      // The root of a container is an overlay.
      '--collector.filesystem.fs-types-exclude=^(proc|sysfs)$',
    ],
    ready: /Listening on.*address=127\.0\.0\.1:\d+/,
  });
  const port = /address=127\.0\.0\.1:(\d+)/.exec(program.said())?.[1];
  return { url: `http://127.0.0.1:${port}/metrics`, kill: program.kill };
}

/** A server on loopback that answers in our way. */
async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  const port = await listening(server);
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${port}/metrics`;
}

function collectorOf(url: string, rest: Partial<NodeExporterTarget> = {}) {
  return nodeExporterCollector({
    source: 'node_exporter:pve1',
    node: 'pve1',
    url: new URL(url),
    trust: {},
    everyMs: EVERY_MS,
    downWhenRefused: false,
    mounts: ['/'],
    ...rest,
  });
}

const textsOf = (seen: readonly Observation[]) => seen.map(({ fact }) => writeTerm(fact));

function numberOf(facts: readonly string[], name: string): number {
  const found = facts.map((one) => new RegExp(`^${name}\\(.*,([-\\d.e+]+)\\)$`).exec(one)?.[1]);
  return Number(found.find((value) => value !== undefined));
}

const codeOf = (pass: Promise<unknown>): Promise<string> =>
  pass.then(
    () => 'collected',
    (cause) => (cause instanceof LogicError ? cause.code : String(cause)),
  );

test('the real exporter gives load, memory and disk as the kernel says, as evidence for three turns', async (t) => {
  const { url } = await startExporter(t);
  const seen = await collectorOf(url).collect(1_000, somePass());
  const facts = textsOf(seen);
  const proc = (file: string) => readFileSync(`/proc/${file}`, 'utf8');
  const cpus = proc('stat').match(/^cpu\d+ /gm)?.length ?? 0;
  const load = Number(proc('loadavg').split(' ')[0]) / cpus;
  const memory = Number(/MemAvailable:\s+(\d+)/.exec(proc('meminfo'))?.[1]) / 1024;
  const root = statfsSync('/');
  const disk = (root.bavail * root.bsize) / 2 ** 20;
  assert.ok(facts.includes('node_up(pve1,true)'));
  assert.ok(Math.abs(numberOf(facts, 'node_load') - load) < 1, `load ${load}: ${facts}`);
  assert.ok(Math.abs(numberOf(facts, 'node_memory_available') / memory - 1) < 0.3, `${memory}: ${facts}`);
  // In a container or a chroot the root may be an overlay or no mount at all: then the exporter leaves it out.
  const told = await (await fetch(url)).text();
  const onDisk =
    /^node_filesystem_avail_bytes\{.*fstype="(ext4|xfs|btrfs|zfs|f2fs)".*mountpoint="\/"\}/m.test(told);
  const atRoot = facts.filter((one) => one.startsWith('node_disk_available(pve1,/,'));
  if (onDisk) assert.equal(atRoot.length, 1, told);
  if (atRoot.length > 0)
    assert.ok(Math.abs(numberOf(atRoot, 'node_disk_available') / disk - 1) < 0.1, `${disk}: ${facts}`);
  for (const { source, observedAt, validUntil } of seen)
    assert.deepEqual(
      [source, observedAt, validUntil],
      ['node_exporter:pve1', 1_000, 1_000 + COLLECT_VALID_TURNS * EVERY_MS],
    );
});

test('an exporter that is gone is no evidence, unless the operator says that a refused connection is', async (t) => {
  const { url, kill } = await startExporter(t);
  assert.equal(await codeOf(collectorOf(url).collect(0, somePass())), 'collected');
  await kill();
  assert.equal(await codeOf(collectorOf(url).collect(0, somePass())), 'source_unreachable');
  const told = collectorOf(url, { downWhenRefused: true });
  assert.deepEqual(textsOf(await told.collect(0, somePass())), ['node_up(pve1,false)']);
});

test('only a refused connection says down: not a name that nobody has, nor a wrong answer', async (t) => {
  const downWhenRefused = true;
  const error = await serve(t, (_request, reply) => reply.writeHead(500).end());
  const cases: [string, string][] = [
    ['http://nonesuch.invalid/metrics', 'source_unreachable'],
    [error, 'source_unreadable'],
  ];
  for (const [url, code] of cases)
    assert.equal(await codeOf(collectorOf(url, { downWhenRefused }).collect(0, somePass())), code, url);
});

test('what answers something else than a node_exporter is unreadable, and refused where it asks who we are', async (t) => {
  const answers: [RequestListener, string][] = [
    [(_request, reply) => reply.end('<html>hello</html>'), 'source_unreadable'],
    [(_request, reply) => reply.end('go_goroutines 7\n'), 'source_unreadable'],
    [(_request, reply) => reply.end(''), 'source_unreadable'],
    [(_request, reply) => reply.end(Buffer.from([0x6e, 0xff, 0xfe])), 'source_unreadable'],
    [(_request, reply) => reply.end(`# ${'x'.repeat(COLLECT_BODY_BYTES)}\n`), 'source_unreadable'],
    [(_request, reply) => reply.writeHead(302, { location: '/elsewhere' }).end(), 'source_unreadable'],
    [(_request, reply) => reply.writeHead(401).end(), 'source_refused'],
    [(_request, reply) => reply.writeHead(403).end(), 'source_refused'],
    [(request) => request.socket.end('SSH-2.0-OpenSSH_9.2\r\n'), 'source_unreadable'],
    [(request) => request.socket.destroy(), 'source_unreachable'],
  ];
  for (const [answer, code] of answers) {
    const url = await serve(t, answer);
    assert.equal(await codeOf(collectorOf(url).collect(0, somePass())), code, String(answer));
  }
});

test('one that takes the connection and hangs costs its timeout: source_timeout, before headers and in the body', async (t) => {
  const hanging: RequestListener[] = [() => {}, (_request, reply) => void reply.write('node_load1 1\n')];
  for (const answer of hanging) {
    const collector = collectorOf(await serve(t, answer));
    const { promise, resolve } = Promise.withResolvers<Failure | null>();
    let collecting: Promise<unknown> = Promise.resolve();
    const schedule = new Schedule({
      everyMs: 60_000,
      timeoutMs: 150,
      job: async (signal) => {
        collecting = collector.collect(0, somePass(signal));
        await collecting;
      },
      ended: resolve,
      world: realWorld,
    });
    await schedule.start();
    atEnd(t, () => schedule.stop());
    const failure = await promise;
    assert.equal(failure?.cause instanceof LogicError && failure.cause.code, 'source_timeout');
    // The collector itself lets go as well: no pass is left hanging.
    assert.equal(await codeOf(collecting), 'source_timeout');
  }
});

test('file systems without data and mounts of containers are left out, and no more are told than fit', () => {
  const line = (mount: string, fstype = 'ext4') =>
    `node_filesystem_avail_bytes{device="d",fstype="${fstype}",mountpoint="${mount}"} 1048576\n`;
  const many = Array.from({ length: 50 }, (_, i) => line(`/data/${i}`)).join('');
  const text =
    line('/') + line('/run/x', 'tmpfs') + line('/var/lib/docker/a') + line('/t', 'tmpfs') + line('/runs');
  const disks = (from: string, mounts: readonly string[] | null = null) =>
    nodeFacts('n', readExposition(from), mounts).map(writeTerm).slice(1);
  assert.deepEqual(disks(text), ['node_disk_available(n,/,1)', "node_disk_available(n,'/runs',1)"]);
  assert.deepEqual(disks(text, ['/t']), ["node_disk_available(n,'/t',1)"]);
  assert.equal(disks(many).length, MOUNTS_OF_A_NODE);
});

test('values that no machine has give no fact: infinite, negative, not a number, absurdly hot', () => {
  const text = [
    'node_load1 +Inf',
    'node_cpu_seconds_total{cpu="0",mode="idle"} NaN',
    'node_memory_MemAvailable_bytes -1',
    'node_filesystem_avail_bytes{mountpoint="/",fstype="ext4"} NaN',
    'node_hwmon_temp_celsius{chip="a"} 4000',
    'node_hwmon_temp_celsius{chip="b"} NaN',
    'node_hwmon_temp_celsius{chip="c"} 41.5',
    'node_thermal_zone_temp{zone="0"} 39',
  ].join('\n');
  assert.deepEqual(nodeFacts('n', readExposition(text)).map(writeTerm), [
    'node_up(n,true)',
    'node_temp(n,41.5)',
  ]);
});
