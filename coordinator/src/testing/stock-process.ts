/** For tests: library(pengines) as SWI-Prolog ships it, in a process of its own, on a copy of this repository's knowledge base. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../../..');

export interface StockProcess {
  readonly url: string;
  readonly pid: number;
  end(): Promise<void>;
}

/** `dir` gets the copy. Whoever starts one ends it. */
export async function startStockServer(dir: string): Promise<StockProcess> {
  await cp(join(ROOT, 'kb'), join(dir, 'kb'), { recursive: true });
  const script = join(ROOT, 'loadtest/site/stock.pl');
  const child = spawn('swipl', [script, '--', '--kb', join(dir, 'kb/main.pl')], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue;
    const { port } = JSON.parse(line) as { port: number };
    return { url: `http://localhost:${port}`, pid: child.pid ?? 0, end };
  }
  throw new Error('the stock server ended before it was ready');
}
