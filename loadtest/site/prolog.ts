/** What is measured inside Prolog alone (prolog.pl): how cost grows with the site, and what a proof adds. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { atMost, compared, type Figure } from '../figures.ts';

const line = z.object({
  question: z.string(),
  kind: z.enum(['bound', 'open']),
  size: z.union([z.number(), z.enum(['plain', 'proved'])]),
  micros: z.number(),
  answers: z.number(),
});
type Line = z.infer<typeof line>;

const SCRIPT = fileURLToPath(new URL('prolog.pl', import.meta.url));
/** Nodes of the largest site, and of those that it is held against; ten virtual machines on each. */
const LARGEST = 1000;
const SMALLER = [10, 100] as const;

/** Bound questions against the smaller sites, open ones by the answer. */
export async function measureScale(rounds: number): Promise<Figure[]> {
  const lines = (await repeat(rounds, 'scale')).flat();
  const keys = [...new Set(lines.map(({ kind, question }) => `${kind} ${question}`))];
  return keys.flatMap((key) => {
    const samples = (size: number) =>
      lines
        .filter((one) => `${one.kind} ${one.question}` === key && one.size === size)
        .map((one) => one.micros);
    const [kind = '', question = ''] = key.split(' ');
    const [what, goal] = kind === 'bound' ? ['bound question', 1.3] : ['an answer of open question', 1.25];
    return SMALLER.map((size) =>
      compared(
        `${what} ${question}, ${LARGEST} nodes and ${LARGEST * 10} VMs against ${size} and ${size * 10}`,
        'µs CPU',
        samples(LARGEST),
        samples(size),
        atMost(Number(goal)),
      ),
    );
  });
}

/** The same question with and without proofs; the answers are counted, not written. */
export async function measureProofs(): Promise<Figure[]> {
  const lines = await run('proof');
  return [...new Set(lines.map(({ question }) => question))].map((question) => {
    const samples = (size: string) =>
      lines.filter((one) => one.question === question && one.size === size).map((one) => one.micros);
    return compared(
      `proof of ${question}, inside Prolog, against plain`,
      'µs CPU',
      samples('proved'),
      samples('plain'),
      atMost(1.2),
    );
  });
}

async function repeat(rounds: number, what: string): Promise<Line[][]> {
  const all: Line[][] = [];
  for (let round = 0; round < rounds; round += 1) all.push(await run(what));
  return all;
}

async function run(what: string): Promise<Line[]> {
  return (await prologLines(SCRIPT, what)).map((one) => line.parse(one));
}

/** What a measuring script prints: one JSON object a line. */
export function prologLines(script: string, what: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const child = spawn('swipl', ['--on-error=status', script, '--', what], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: unknown[] = [];
    createInterface({ input: child.stdout }).on('line', (text) => lines.push(JSON.parse(text)));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(lines) : reject(new Error(`${script}: status ${code}`)),
    );
  });
}
