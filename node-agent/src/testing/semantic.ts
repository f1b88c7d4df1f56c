/** For tests: `logic-semantic` as a process of its own that ends with the test, and plain requests to its socket. */
import { spawn } from 'node:child_process';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Ended } from './child.ts';
import { atEnd, type Ending, temporaryFolder } from './folder.ts';

const BIN = fileURLToPath(new URL('../../bin/logic-semantic.mjs', import.meta.url));
export const MODEL = fileURLToPath(new URL('../../llm/models/translator.gguf', import.meta.url));

export interface SemanticChild {
  readonly socket: string;
  readonly pid: number;
  /** True when it is ready, false when it ended before. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<Ended>;
}

export interface SemanticFlags {
  readonly model?: string;
  readonly flags?: readonly string[];
}

export async function serveModel(
  t: Ending,
  { model = MODEL, flags = [] }: SemanticFlags = {},
): Promise<SemanticChild> {
  const socket = join(await temporaryFolder(t), 'semantic.sock');
  const child = spawn(process.execPath, [BIN, '--model', model, '--socket', socket, ...flags]);
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ status: code ?? signal, log }));
  });
  // The command may run again under a Node with other flags: that one ends when its standard input does, or its parent.
  const line = new Promise<{ readonly pid: number }>((resolve) => {
    createInterface({ input: child.stdout }).once('line', (one) => resolve(JSON.parse(one)));
  });
  atEnd(t, () => {
    child.kill('SIGTERM');
    return ended;
  });
  const ready = Promise.race([line.then(() => true), ended.then(() => false)]);
  return { socket, pid: child.pid ?? 0, ready, ended };
}

export interface PlainReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One request; rejects when the connection ends first, or the signal says so. */
export function plainRequest(
  socketPath: string,
  [method, path]: readonly [string, string],
  { body, signal }: { readonly body?: unknown; readonly signal?: AbortSignal } = {},
): Promise<PlainReply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { socketPath, method, path, agent: false, ...(signal ? { signal } : {}) },
      async (reply) => {
        try {
          let text = '';
          for await (const part of reply) text += part;
          resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: JSON.parse(text) });
        } catch (cause) {
          reject(cause);
        }
      },
    );
    request.once('error', reject);
    request.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}
