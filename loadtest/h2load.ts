/**
 * Closed-loop load by h2load (Debian's nghttp2-client): the same C client for our listeners and for what they are
 * compared with, and cheap enough that on two cores the server is what is measured.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { quantile } from './figures.ts';

export interface Target {
  readonly url: string;
  /** HTTP/1.1 instead of HTTP/2. */
  readonly http1?: boolean;
  /** GETs of these, each connection one after another, instead of `url` itself. */
  readonly paths?: readonly string[];
  /** A POST with this body; a GET without. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Load {
  /** Connections, each with one request under way. */
  readonly clients: number;
  readonly seconds: number;
}

export interface Measured {
  /** Replies with a 2xx status. */
  readonly done: number;
  /** Everything else: other statuses, broken connections, timeouts. */
  readonly failed: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A second to open connections and warm up, which is not counted. */
const WARM_UP_SECONDS = 1;

export async function h2load(folder: string, target: Target, load: Load): Promise<Measured> {
  const log = join(folder, 'h2load.log');
  rmSync(log, { force: true });
  await run(arguments_(folder, log, target, load));
  const rows = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t').map(Number));
  const good = rows.filter(([, status = 0]) => status >= 200 && status < 300);
  const micros = good.map(([, , taken = 0]) => taken).sort((a, b) => a - b);
  return {
    done: good.length,
    failed: rows.length - good.length,
    perSecond: good.length / load.seconds,
    p50Ms: quantile(micros, 0.5) / 1000,
    p99Ms: quantile(micros, 0.99) / 1000,
  };
}

function arguments_(folder: string, log: string, target: Target, load: Load): string[] {
  const headers = Object.entries(target.headers ?? {}).flatMap(([name, value]) => [
    '-H',
    `${name}: ${value}`,
  ]);
  const body = join(folder, 'h2load.body');
  if (target.body !== undefined) writeFileSync(body, target.body);
  const urls = join(folder, 'h2load.urls');
  if (target.paths !== undefined)
    writeFileSync(urls, target.paths.map((path) => `${new URL(path, target.url).href}\n`).join(''));
  return [
    ...(target.http1 ? ['--h1'] : []),
    `--clients=${load.clients}`,
    '--max-concurrent-streams=1',
    `--duration=${load.seconds}`,
    `--warm-up-time=${WARM_UP_SECONDS}`,
    '--connection-inactivity-timeout=20s',
    `--log-file=${log}`,
    ...headers,
    ...(target.body === undefined ? [] : ['-d', body]),
    ...(target.paths === undefined ? [target.url] : [`--input-file=${urls}`]),
  ];
}

function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('h2load', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    child.on('error', (cause) =>
      reject(new Error(`h2load does not run: ${cause.message}. Install nghttp2-client.`)),
    );
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`h2load: ${output}`))));
  });
}
