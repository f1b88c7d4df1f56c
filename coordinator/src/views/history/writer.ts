/**
 * The thread that writes the history: SQLite's calls and the fsync of each commit wait for the disk here, and no answer waits for
 * them. It takes a batch at a time and says what became of it. A file that could not be opened is tried again with each batch.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { asLogicError, type ErrorCode } from '@fleet/shared/errors.ts';
import type { Encoded } from './content.ts';
import { HistoryFile, type Opening } from './file.ts';
import { keep, macKeyOf, type SiteAnswers } from './last-known.ts';

export interface WriterOptions extends Omit<Opening, 'keys'> {
  readonly file: string;
  /** PEM of the coordinator's key. */
  readonly key: string;
}

export type WriterRequest =
  | {
      readonly kind: 'append';
      readonly rows: readonly Encoded[];
      readonly lastKnown: readonly SiteAnswers[];
      readonly now: number;
    }
  | { readonly kind: 'close' };

export type WriterReply =
  | { readonly ok: true; readonly ids: readonly number[]; readonly movedAside: string | null }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

const options = workerData as WriterOptions;
const privateKey = createPrivateKey(options.key);
const keys = { privateKey, publicKey: createPublicKey(privateKey) };
const macKey = macKeyOf(privateKey);
let file: HistoryFile | null = null;

function opened(now: number): HistoryFile {
  file ??= HistoryFile.open(options.file, { ...options, keys, now });
  return file;
}

function reply(work: () => { ids: readonly number[]; movedAside: string | null }): void {
  let said: WriterReply;
  try {
    said = { ok: true, ...work() };
  } catch (cause) {
    const { code, message } = asLogicError(cause);
    said = { ok: false, code, message };
  }
  parentPort?.postMessage(said);
}

reply(() => ({ ids: [], movedAside: opened(options.now).movedAside }));
parentPort?.on('message', (request: WriterRequest) => {
  if (request.kind === 'close') {
    file?.close();
    parentPort?.close();
    return;
  }
  reply(() => {
    const { rows, lastKnown, now } = request;
    const wasOpen = file !== null;
    const open = opened(now);
    const kept = lastKnown.flatMap((one) => keep(one, macKey) ?? []);
    const ids = open.append({ rows, lastKnown: kept }, now);
    return { ids, movedAside: wasOpen ? null : open.movedAside };
  });
});
