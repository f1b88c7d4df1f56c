/** The semantic process itself: a real model, a real socket, the API of llama.cpp's server. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SEMANTIC_BODY_BYTES, SEMANTIC_WAITING } from '@fleet/shared/limits.ts';
import { completionPromises, WHOLE } from '@fleet/shared/testing/completion.ts';
import { atEnd, endOfFile, temporaryFolder } from '../../testing/folder.ts';
import { MODEL, type PlainReply, plainRequest, serveModel } from '../../testing/semantic.ts';
import { SemanticServer } from './server.ts';

const file = endOfFile(after);
const child = serveModel(file, { flags: ['--context', '512'] });

async function socketOf(): Promise<string> {
  const { socket, ready } = await child;
  assert.ok(await ready);
  return socket;
}

const post = async (path: string, body: unknown): Promise<PlainReply> =>
  plainRequest(await socketOf(), ['POST', path], { body });
const errorOf = ({ body }: PlainReply) => body.error as { code: number; message: string; type: string };
const QUESTION = { prompt: WHOLE.prompt, grammar: WHOLE.grammar };
/** Five hundred tokens, one after the other. */
const LONG = { prompt: 'a', grammar: 'root ::= " A" root', n_predict: -1 };

completionPromises('logic-semantic', socketOf);

test('health, props and tokenize say what llama-server says', async () => {
  const socket = await socketOf();
  assert.deepEqual((await plainRequest(socket, ['GET', '/health'])).body, { status: 'ok' });
  const { body } = await plainRequest(socket, ['GET', '/props']);
  assert.equal(body.model_path, MODEL);
  assert.equal(body.total_slots, 1);
  assert.equal((body.default_generation_settings as { n_ctx: number }).n_ctx, 512);
  const { tokens } = (await post('/tokenize', { content: 'how hot', add_special: true })).body as {
    tokens: number[];
  };
  const { tokens: plain } = (await post('/tokenize', { content: 'how hot' })).body as { tokens: number[] };
  assert.deepEqual(tokens.slice(1), plain);
  const pieces = (await post('/tokenize', { content: 'how hot', with_pieces: true })).body.tokens;
  assert.deepEqual(pieces, [
    { id: plain[0], piece: 'how' },
    { id: plain[1], piece: 'hot' },
  ]);
});

test('a completion has the fields of llama-server, and the probability of each token down to the end', async () => {
  const { status, body } = await post('/completion', { ...QUESTION, n_predict: 24, n_probs: 1 });
  assert.equal(status, 200);
  assert.deepEqual(
    [body.content, body.stop, body.stop_type, body.truncated, body.model],
    [' node_temp( @n1 , A )', true, 'eos', false, 'translator'],
  );
  const tokens = body.completion_probabilities as { token: string; logprob: number }[];
  assert.equal(body.tokens_predicted, tokens.length);
  assert.equal(tokens.at(-1)?.token, '');
  assert.ok(tokens.every(({ logprob }) => logprob <= 0 && Number.isFinite(logprob)));
  const timings = body.timings as Record<string, number>;
  assert.equal(timings.predicted_n, tokens.length);
  assert.ok((timings.prompt_ms ?? 0) > 0);
});

test('a prompt may come as tokens, and gets the same completion', async () => {
  const { body } = await post('/tokenize', { content: WHOLE.prompt, add_special: true });
  const asText = await post('/completion', QUESTION);
  const asTokens = await post('/completion', { ...QUESTION, prompt: body.tokens });
  assert.equal(asTokens.body.content, asText.body.content);
  const unknown = await post('/completion', { ...QUESTION, prompt: [1, 9_999_999] });
  assert.deepEqual([unknown.status, errorOf(unknown).type], [400, 'invalid_request_error']);
});

test('whatever the model would rather say, it says what the grammar allows', async () => {
  const grammar = 'root ::= " node( B )" | " ups_charge( C )"';
  const { body } = await post('/completion', {
    prompt: WHOLE.prompt,
    grammar,
    n_probs: 1,
    post_sampling_probs: true,
  });
  assert.match(String(body.content), /^ (node\( B \)|ups_charge\( C \))$/);
  // Forced to say it, it is not sure of it, however little else the grammar leaves.
  const [first] = body.completion_probabilities as { prob: number }[];
  assert.ok((first?.prob ?? 1) < 0.2, String(first?.prob));
});

test('where the model has no token with which the grammar goes on, the completion ends as one that was cut off', async () => {
  for (const grammar of ['root ::= "\u00a7"', 'root ::= " node_temp( @n1" [\u4e00-\u9fff]+']) {
    const { status, body } = await post('/completion', { prompt: WHOLE.prompt, grammar });
    assert.deepEqual([status, body.stop_type], [200, 'limit'], grammar);
  }
  assert.equal((await post('/completion', QUESTION)).body.stop_type, 'eos');
});

test('what one was asked leaves no trace in the next: the same question gets the same tokens', async () => {
  const told = async () =>
    (await post('/completion', { ...QUESTION, n_probs: 1 })).body.completion_probabilities;
  const first = await told();
  await post('/completion', { prompt: 'which nodes are down =>', n_predict: 8 });
  await post('/completion', { ...QUESTION, cache_prompt: true });
  assert.deepEqual(await told(), first);
});

test('requests that cannot be are refused in the words of llama-server, and the process lives on', async () => {
  const socket = await socketOf();
  const refusals: readonly (readonly [string, unknown, number])[] = [
    ['/completion', '{"prompt":', 400],
    ['/completion', { grammar: WHOLE.grammar }, 400],
    ['/completion', { prompt: ['a', 'b'] }, 400],
    ['/completion', { ...QUESTION, stream: true }, 400],
    ['/completion', { ...QUESTION, n_predict: -2 }, 400],
    ['/completion', { ...QUESTION, grammar: 'root ::= missing' }, 400],
    ['/completion', { ...QUESTION, grammar: 'goal ::= "a"' }, 400],
    ['/completion', { ...QUESTION, grammar: 'root ::= root "a"' }, 400],
    ['/completion', { ...QUESTION, grammar: '\u0000\uffff((((' }, 400],
    ['/completion', { prompt: 'x'.repeat(SEMANTIC_BODY_BYTES) }, 413],
    ['/tokenize', {}, 400],
    ['/nothing', {}, 404],
  ];
  for (const [path, body, status] of refusals) {
    const reply = await plainRequest(socket, ['POST', path], { body });
    assert.deepEqual(
      [reply.status, errorOf(reply).code],
      [status, status],
      JSON.stringify(body).slice(0, 80),
    );
  }
  const long = await post('/completion', { ...QUESTION, prompt: 'how '.repeat(3_000) });
  assert.deepEqual([long.status, errorOf(long).type], [400, 'exceed_context_size_error']);
  assert.equal((await post('/completion', QUESTION)).status, 200);
});

test('a context that is full is said to be, and cut there', async () => {
  const { body } = await post('/completion', LONG);
  assert.deepEqual([body.stop_type, body.truncated], ['limit', true]);
  assert.equal(Number(body.tokens_evaluated) + Number(body.tokens_predicted), 512);
});

test('past the bound the next one is told to come again, and one that leaves gives its place back', async () => {
  const socket = await socketOf();
  const leaving = Array.from({ length: SEMANTIC_WAITING + 1 }, () => new AbortController());
  const sent = leaving.map(({ signal }) =>
    plainRequest(socket, ['POST', '/completion'], { body: LONG, signal }).catch(() => null),
  );
  let refused: PlainReply | null = null;
  while (refused === null) {
    const next = new AbortController();
    const reply = plainRequest(socket, ['POST', '/completion'], { body: LONG, signal: next.signal });
    // One that has a place would wait long: it is not what this is about.
    const soon = new Promise<null>((resolve) => setTimeout(resolve, 200, null));
    refused = await Promise.race([reply.catch(() => null), soon]);
    next.abort();
  }
  assert.deepEqual([refused.status, errorOf(refused).type], [429, 'unavailable_error']);
  assert.match(String(refused.headers['retry-after']), /^\d+$/);
  // Those who wait and the one that runs leave: whoever comes now is served, long before five hundred tokens each.
  for (const one of leaving) one.abort();
  await Promise.all(sent);
  let served: PlainReply;
  do served = await post('/completion', QUESTION);
  while (served.status === 429);
  assert.equal(served.status, 200);
});

test('its socket is for its user alone, and it says 503 until the model is there', async (t) => {
  const socket = join(await temporaryFolder(t), 's.sock');
  const server = new SemanticServer({ file: MODEL, models: new Map(), say: () => {} });
  await server.listen(socket);
  atEnd(t, () => server.close());
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  for (const [method, path, body] of [
    ['GET', '/health', undefined],
    ['GET', '/props', undefined],
    ['POST', '/tokenize', { content: 'a' }],
    ['POST', '/completion', QUESTION],
  ] as const) {
    const { status, body: said } = await plainRequest(socket, [method, path], { body });
    assert.deepEqual(
      [status, said],
      [503, { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } }],
      path,
    );
  }
});

test('only a model that sha256sums lists, with these bytes, is loaded', async (t) => {
  const folder = await temporaryFolder(t);
  const model = join(folder, 'mine.gguf');
  await copyFile(MODEL, model);
  const refusal = async () => (await serveModel(t, { model })).ended;
  const sums = join(folder, 'sha256sums');
  const none = await refusal();
  assert.deepEqual([none.status, /sha256sums is not there/.test(none.log)], [1, true], none.log);
  await writeFile(sums, `${'0'.repeat(64)}  other.gguf\n`);
  const unlisted = await refusal();
  assert.deepEqual([unlisted.status, /does not list mine\.gguf/.test(unlisted.log)], [1, true], unlisted.log);
  await writeFile(sums, `${'0'.repeat(64)}  mine.gguf\n`);
  const changed = await refusal();
  assert.deepEqual([changed.status, /is not the file that/.test(changed.log)], [1, true], changed.log);
});

test('a listed file that is no model is named', async (t) => {
  const folder = await temporaryFolder(t);
  const model = join(folder, 'mine.gguf');
  const text = 'not a model';
  await writeFile(model, text);
  const digest = createHash('sha256').update(text).digest('hex');
  await writeFile(join(folder, 'sha256sums'), `${digest} *mine.gguf\n`);
  const { status, log } = await (await serveModel(t, { model })).ended;
  assert.deepEqual([status, /mine\.gguf: llama\.cpp does not load it/.test(log)], [1, true], log);
});

test('past its ceiling of memory the process ends itself, and says so', async (t) => {
  const { status, log } = await (await serveModel(t, { flags: ['--memory-mb', '20'] })).ended;
  assert.deepEqual([status, /past the ceiling of 20 MB: ending/.test(log)], [3, true], log);
});

test('flags that cannot be are refused with what they take', async (t) => {
  for (const flags of [['--threads', '0'], ['--context', 'many'], ['--memory-mb=-1']]) {
    const { status, log } = await (await serveModel(t, { flags })).ended;
    assert.deepEqual([status, /a whole number from 1/.test(log)], [1, true], log);
  }
  const { status, log } = await (await serveModel(t, { model: '/no/such.gguf' })).ended;
  assert.deepEqual([status, /there is no such file/.test(log)], [1, true], log);
});
