/**
 * What the C client pays for the same reply: h2load on one site's listener with many connections (it takes one address and no
 * client certificate, so it asks with a token). Its own CPU is what `times` of the shell says that its child used.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from '../h2load.ts';

export interface ReplyCost {
  /** CPU of the client and wall clock, microseconds a reply. */
  readonly cpuUs: number;
  readonly wallUs: number;
}

/** Few, so that their handshakes weigh little beside the requests. */
const CONNECTIONS = 16;

export async function h2loadCost(folder: string, target: Target, requests: number): Promise<ReplyCost> {
  const body = join(folder, 'h2load.body');
  writeFileSync(body, target.body ?? '');
  const headers = Object.entries(target.headers ?? {}).flatMap(([name, value]) => [
    '-H',
    `${name}: ${value}`,
  ]);
  const args = [
    '-n',
    String(requests),
    '-c',
    String(CONNECTIONS),
    '-m',
    '1',
    ...headers,
    '-d',
    body,
    target.url,
  ];
  const said = await output('sh', ['-c', '"$@"; times', 'sh', 'h2load', ...args]);
  const [, done = '0'] = /status codes: (\d+) 2xx/.exec(said) ?? [];
  if (Number(done) !== requests) throw new Error(`h2load: ${said}`);
  const [, wall = '', unit = ''] = /finished in ([\d.]+)(us|ms|s)/.exec(said) ?? [];
  const minutes = [...said.matchAll(/(\d+)m([\d.]+)s/g)].slice(-2);
  const seconds = minutes.reduce((sum, [, whole, part]) => sum + Number(whole) * 60 + Number(part), 0);
  const scale = unit === 's' ? 1e6 : unit === 'ms' ? 1e3 : 1;
  return { cpuUs: (seconds * 1e6) / requests, wallUs: (Number(wall) * scale) / requests };
}

function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`${program}: ${text}`))));
  });
}
