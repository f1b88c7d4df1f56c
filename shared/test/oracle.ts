/** A real swipl as the other side of differential tests: one process, one JSON line a question (oracle.pl). */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export type OracleReply = { readonly ok: string } | { readonly error: string };

export class Oracle {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;
  readonly #waiting: ((reply: OracleReply) => void)[] = [];

  constructor(kb: string) {
    const script = new URL('oracle.pl', import.meta.url).pathname;
    this.#child = spawn('swipl', ['--on-error=halt', script, '--', kb], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#lines.on('line', (line) => this.#waiting.shift()?.(JSON.parse(line) as OracleReply));
    this.#lines.on('close', () => {
      for (const settle of this.#waiting.splice(0)) settle({ error: 'swipl ended' });
    });
  }

  ask(op: string, text: string, more: Readonly<Record<string, unknown>> = {}): Promise<OracleReply> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin.write(`${JSON.stringify({ op, text, ...more })}\n`);
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    await ended;
  }
}
