/**
 * One question through the agent's TLS port, through stock library(pengines), and from a bare route that only sends
 * the bytes: questions a second, tail, and CPU a question on the serving side. In turns, so that the machine's
 * moods fall on all alike.
 */
import { atLeast, atMost, compared, type Figure } from '../figures.ts';
import { h2load, type Load, type Measured } from '../h2load.ts';
import type { AskedLoad } from '../options.ts';
import { cpuSeconds } from '../processes.ts';
import type { Server } from './servers.ts';

export interface Doors {
  readonly agent: Server;
  readonly stock: Server;
  readonly bare: Server;
}

interface Round extends Measured {
  /** CPU milliseconds of the server for each reply. */
  readonly cpuMs: number;
}

/** Clients at once, and how many times stock's rate the agent shall have with them. */
const CROWDS = [
  { clients: 1, faster: 3 },
  { clients: 16, faster: 5 },
  { clients: 100, faster: 10 },
] as const;

const cpu = (all: readonly Round[]) => all.map(({ cpuMs }) => cpuMs);

export async function measureDoors(doors: Doors, options: AskedLoad): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { clients, faster } of CROWDS) {
    options.say(`doors, ${clients} at once`);
    const [agent, stock, bare] = await rounds(doors, options, { clients, seconds: options.seconds });
    const rate = (all: readonly Round[]) => all.map(({ perSecond }) => perSecond);
    const tail = (all: readonly Round[]) => all.map(({ p99Ms }) => p99Ms);
    figures.push(
      compared(
        `questions, ${clients} at once, against stock`,
        '/s',
        rate(agent),
        rate(stock),
        atLeast(faster),
      ),
    );
    if (clients === 100)
      figures.push(compared('p99, 100 at once, against stock', 'ms', tail(agent), tail(stock), atMost(0.1)));
    if (clients === 16) {
      figures.push(
        compared('CPU a question, 16 at once, against stock', 'ms', cpu(agent), cpu(stock), atMost(1 / 3)),
        compared('questions, 16 at once, against a bare route', '/s', rate(agent), rate(bare), atLeast(0.5)),
      );
    }
  }
  return figures;
}

/** The same question with and without its proofs, through the agent's TLS port. */
export async function measureProved(
  agent: Server,
  options: AskedLoad & { readonly proved: string },
): Promise<Figure[]> {
  const load = { clients: 16, seconds: options.seconds };
  const proved: Round[] = [];
  const plain: Round[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    proved.push(await measure(agent, { ...options, body: options.proved }, load));
    plain.push(await measure(agent, options, load));
  }
  return [
    compared(
      'CPU of a question with proofs, end to end, against plain',
      'ms',
      cpu(proved),
      cpu(plain),
      atMost(1.5),
    ),
  ];
}

async function rounds(
  { agent, stock, bare }: Doors,
  options: AskedLoad,
  load: Load,
): Promise<[Round[], Round[], Round[]]> {
  const all: [Round[], Round[], Round[]] = [[], [], []];
  for (let round = 0; round < options.rounds; round += 1) {
    all[0].push(await measure(agent, options, load));
    all[1].push(await measure(stock, options, load));
    all[2].push(await measure(bare, options, load));
  }
  return all;
}

async function measure(server: Server, { folder, body, say }: AskedLoad, load: Load): Promise<Round> {
  const pids = server.pids();
  const before = cpuSeconds(pids);
  const measured = await h2load(folder, { ...server.target, body }, load);
  const spent = cpuSeconds(pids) - before;
  if (measured.failed > 0)
    say(`  ${measured.failed} of ${measured.done + measured.failed} failed: ${server.target.url}`);
  if (measured.done === 0) throw new Error(`nothing was answered by ${server.target.url}`);
  // The warm-up second is in `spent` and not in `done`: its share is taken off.
  const share = load.seconds / (load.seconds + 1);
  return { ...measured, cpuMs: (spent * 1000 * share) / measured.done };
}
