/** Whatever a server of completions does wrong is one error for those who asked; what it says is taken as it is documented, old and new. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { WHOLE } from '../testing/completion.ts';
import { completionOver } from './completion.ts';

/** A server that answers so, and our client of it. */
async function serving(t: TestContext, listener: RequestListener, timeoutMs = 5_000) {
  const folder = mkdtempSync(join(tmpdir(), 'completion-test-'));
  const socketPath = join(folder, 's.sock');
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });
  const complete = completionOver({ socketPath, timeoutMs });
  return () => complete(WHOLE, new AbortController().signal);
}

function answering(status: number, body: unknown): RequestListener {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

const wrong: readonly (readonly [string, RequestListener])[] = [
  [
    'is loading its model',
    answering(503, { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } }),
  ],
  [
    'has its hands full',
    answering(429, { error: { code: 429, message: 'busy', type: 'unavailable_error' } }),
  ],
  ['fails', answering(500, { error: { code: 500, message: 'no', type: 'server_error' } })],
  ['says what is no JSON', answering(200, '<html>')],
  ['says what is no completion', answering(200, { choices: [] })],
  ['never ends its reply', (_request, response) => void response.write('{"content":"')],
  ['never answers', () => {}],
  ['hangs up', (request) => request.socket.destroy()],
  ['says more than anybody reads', answering(200, { content: 'x'.repeat(2 * 1024 * 1024) })],
];

for (const [what, listener] of wrong) {
  test(`a server that ${what} makes the translator unavailable`, async (t) => {
    const ask = await serving(t, listener, 300);
    await assert.rejects(ask(), { code: 'semantic_unavailable' });
  });
}

test('a socket where nobody listens makes the translator unavailable', async () => {
  const complete = completionOver({ socketPath: '/tmp/no-such-folder/s.sock', timeoutMs: 1_000 });
  await assert.rejects(complete(WHOLE, new AbortController().signal), { code: 'semantic_unavailable' });
});

const said: readonly (readonly [string, object, number])[] = [
  [
    'the least likely token counts',
    { completion_probabilities: [{ prob: 0.9 }, { prob: 0.25 }, { prob: 1 }] },
    0.25,
  ],
  ['under the name of the documentation', { probs: [{ prob: 0.5 }] }, 0.5],
  [
    'as servers before 2025 wrote it',
    { completion_probabilities: [{ probs: [{ tok_str: 'a', prob: 0.75 }] }] },
    0.75,
  ],
  ['as a logarithm of nothing', { completion_probabilities: [{ logprob: null }] }, 0],
  ['not at all', {}, 0],
  ['of what was cut off', { completion_probabilities: [{ prob: 1 }], stop_type: 'limit' }, 0],
  ['of what filled its context', { completion_probabilities: [{ prob: 1 }], truncated: true }, 0],
];

for (const [how, probabilities, confidence] of said) {
  test(`how sure the model was, ${how}, is ${confidence}`, async (t) => {
    const ask = await serving(t, answering(200, { content: 'x', stop_type: 'eos', ...probabilities }));
    assert.deepEqual(await ask(), { text: 'x', confidence });
  });
}
