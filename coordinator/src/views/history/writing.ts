/** The writing thread as the rest of the coordinator sees it: a batch goes in, what became of it comes back. */
import { Worker } from 'node:worker_threads';
import type { Encoded } from './content.ts';
import type { SiteAnswers } from './last-known.ts';
import type { WriterOptions, WriterReply, WriterRequest } from './writer.ts';

/** Never rejects. */
export type Write = (batch: {
  readonly rows: readonly Encoded[];
  readonly lastKnown: readonly SiteAnswers[];
}) => Promise<WriterReply>;

export interface Writing {
  /** What became of opening the file. */
  readonly opened: WriterReply;
  write(batch: Parameters<Write>[0], now: number): Promise<WriterReply>;
  close(): Promise<void>;
}

const ENTRY = new URL('./writer.ts', import.meta.url);

export async function startWriting(options: WriterOptions): Promise<Writing> {
  const worker = new Worker(ENTRY, { workerData: options });
  let ended: WriterReply | null = null;
  let told: (reply: WriterReply) => void = () => {};
  const exited = new Promise<void>((resolve) => {
    const end = (cause: string) => {
      ended ??= { ok: false, code: 'history_not_kept', message: `the history's thread has ended: ${cause}` };
      told(ended);
    };
    worker.on('error', (cause) => end(cause.message));
    worker.on('exit', () => {
      end('it was closed');
      resolve();
    });
  });
  worker.on('message', (reply: WriterReply) => told(reply));
  /** The reply to what was sent last: there is one at a time. */
  const next = () =>
    new Promise<WriterReply>((resolve) => {
      told = resolve;
    });
  const opened = await next();
  worker.unref();
  return {
    opened,
    write: async ({ rows, lastKnown }, now) => {
      if (ended !== null) return ended;
      worker.ref();
      const replied = next();
      worker.postMessage({ kind: 'append', rows, lastKnown, now } satisfies WriterRequest);
      const reply = await replied;
      worker.unref();
      return reply;
    },
    close: async () => {
      if (ended !== null) return;
      worker.ref();
      worker.postMessage({ kind: 'close' } satisfies WriterRequest);
      await exited;
    },
  };
}
