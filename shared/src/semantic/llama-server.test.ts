/**
 * A real llama-server can stand in for our own semantic process: its documented replies, through a real HTTP server on a Unix socket, keep
 * every promise that our client asks of a server. What it is asked is held to what its documentation takes.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { completionPromises, WHOLE } from '../testing/completion.ts';
import { completionOver } from './completion.ts';

interface Exchange {
  readonly when: {
    readonly method: string;
    readonly path: string;
    readonly body?: Readonly<Record<string, unknown>>;
    readonly promptLongerThan?: number;
  };
  readonly status: number;
  readonly body: unknown;
}

const transcript = JSON.parse(
  readFileSync(new URL('../testing/llama-server.json', import.meta.url), 'utf8'),
) as { readonly exchanges: readonly Exchange[] };
const asked: Record<string, unknown>[] = [];

const folder = mkdtempSync(join(tmpdir(), 'llama-server-test-'));
const socketPath = join(folder, 'llama.sock');
const server = createServer(async (request, response) => {
  const body = await bodyOf(request);
  if (request.method === 'POST') asked.push(body);
  const { status, body: reply } = transcript.exchanges.find((one) => fits(one, request, body)) ?? {
    status: 404,
    body: { error: { code: 404, message: 'File Not Found', type: 'not_found_error' } },
  };
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
    .end(JSON.stringify(reply));
});
const listening = new Promise<void>((resolve) => server.listen(socketPath, resolve));
after(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const part of request) text += part;
  return text === '' ? {} : JSON.parse(text);
}

function fits({ when }: Exchange, { method, url }: IncomingMessage, body: Record<string, unknown>): boolean {
  const { promptLongerThan = -1 } = when;
  return (
    when.method === method &&
    when.path === url &&
    Object.entries(when.body ?? {}).every(([name, value]) => body[name] === value) &&
    String(body.prompt ?? '').length > promptLongerThan
  );
}

completionPromises('llama-server', async () => {
  await listening;
  return socketPath;
});

test('llama-server is asked only what it documents, greedily, and for the probability of each token', async () => {
  await listening;
  asked.length = 0;
  const { confidence } = await completionOver({ socketPath, timeoutMs: 5_000 })(
    WHOLE,
    new AbortController().signal,
  );
  assert.deepEqual(asked, [
    {
      prompt: WHOLE.prompt,
      grammar: WHOLE.grammar,
      n_predict: WHOLE.maxTokens,
      temperature: 0,
      n_probs: 1,
      stream: false,
      cache_prompt: false,
    },
  ]);
  assert.equal(confidence, Math.exp(-0.2231));
});
