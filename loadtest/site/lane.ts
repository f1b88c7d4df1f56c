/**
 * The lane on its own socket, without Node in between: four connections, each with many questions under way, as
 * node-agent/prolog/lane.pl frames them. What stock library(pengines) is asked by h2load beside it is the same question.
 */
import { connect } from 'node:net';
import { join } from 'node:path';
import { atLeast, compared, type Figure } from '../figures.ts';
import { h2load } from '../h2load.ts';
import type { AskedLoad } from '../options.ts';
import type { AgentServer, Server } from './servers.ts';

const CONNECTIONS = 4;
/** Questions under way on one connection: more than cover a round trip. */
const UNDER_WAY = 64;
const TIMES_STOCK = 15;

interface LaneLoad extends AskedLoad {
  /** The question as the lane takes it, with its template. */
  readonly term: string;
}

export async function measureLane(agent: AgentServer, stock: Server, options: LaneLoad): Promise<Figure[]> {
  const { folder, body, rounds, seconds } = options;
  const lane: number[] = [];
  const baseline: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    lane.push(await laneRate(join(agent.data, 'run', 'lane.sock'), options));
    const measured = await h2load(folder, { ...stock.target, body }, { clients: 16, seconds });
    baseline.push(measured.perSecond);
  }
  return [
    compared(
      'questions on the lane, pipelined, against stock at 16',
      '/s',
      lane,
      baseline,
      atLeast(TIMES_STOCK),
    ),
  ];
}

async function laneRate(path: string, { term, seconds }: LaneLoad): Promise<number> {
  const rates = await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, at) => connectionRate(path, `bench${at}`, { term, seconds })),
  );
  return rates.reduce((sum, rate) => sum + rate, 0);
}

/** Keeps UNDER_WAY questions asked until the time is over; replies a second. */
function connectionRate(
  path: string,
  name: string,
  { term, seconds }: Pick<LaneLoad, 'term' | 'seconds'>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let opening = '';
    let asked = 0;
    let replies = 0;
    const began = performance.now();
    const ask = (count: number) => {
      const frames = Array.from({ length: count }, () => framed(`ask ${name}-${asked++} prolog p\n${term}`));
      socket.write(Buffer.concat(frames));
    };
    socket.on('connect', () => ask(UNDER_WAY));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the lane ended its connection')));
    socket.on('data', (chunk: Buffer) => {
      if (replies === 0) {
        opening += chunk.toString();
        if (opening.includes('error(')) return reject(new Error(opening.slice(0, 500)));
      }
      let taken = 0;
      for (let at = chunk.indexOf(0); at >= 0; at = chunk.indexOf(0, at + 1)) taken += 1;
      replies += taken;
      const elapsed = (performance.now() - began) / 1000;
      if (elapsed < seconds) return ask(taken);
      socket.destroy();
      resolve(replies / elapsed);
    });
  });
}

function framed(text: string): Buffer {
  const payload = Buffer.from(text);
  const frame = Buffer.alloc(4 + payload.length);
  frame.writeUInt32BE(payload.length);
  payload.copy(frame, 4);
  return frame;
}
