/**
 * For tests: what every server of completions has to do for our client, ours and llama.cpp's alike. Each file that has such a server calls
 * `completionPromises` with how to reach it.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type CompletionRequest, completionOver } from '../semantic/completion.ts';

export const WHOLE: CompletionRequest = {
  prompt: 'how hot is @n1 =>',
  grammar: 'root ::= " node_temp( @n1 , A )" | " !abstain"',
  maxTokens: 24,
};
const NOBODY_LEAVES = new AbortController().signal;

/** `socketOf` gives the Unix socket of a server that is ready. */
export function completionPromises(name: string, socketOf: (t: TestContext) => Promise<string>): void {
  const client = async (t: TestContext) =>
    completionOver({ socketPath: await socketOf(t), timeoutMs: 20_000 });

  test(`${name}: a completion follows its grammar, and says how sure the model was`, async (t) => {
    const complete = await client(t);
    const { text, confidence } = await complete(WHOLE, NOBODY_LEAVES);
    assert.equal(text, ' node_temp( @n1 , A )');
    assert.ok(confidence > 0.5 && confidence < 1, String(confidence));
  });

  test(`${name}: the same question gets the same completion again`, async (t) => {
    const complete = await client(t);
    const first = await complete(WHOLE, NOBODY_LEAVES);
    assert.deepEqual(await complete(WHOLE, NOBODY_LEAVES), first);
  });

  test(`${name}: a completion that was cut off counts as not sure at all`, async (t) => {
    const complete = await client(t);
    const { confidence } = await complete({ ...WHOLE, maxTokens: 2 }, NOBODY_LEAVES);
    assert.equal(confidence, 0);
  });

  test(`${name}: a grammar that cannot be read, and a prompt that is too long, are the asker's mistakes`, async (t) => {
    const complete = await client(t);
    const wrong = { ...WHOLE, grammar: 'root ::= missing' };
    await assert.rejects(complete(wrong, NOBODY_LEAVES), { code: 'bad_request' });
    const long = { ...WHOLE, prompt: 'how '.repeat(3_000) };
    await assert.rejects(complete(long, NOBODY_LEAVES), { code: 'bad_request' });
    assert.equal((await complete(WHOLE, NOBODY_LEAVES)).text, ' node_temp( @n1 , A )');
  });

  test(`${name}: who leaves is told cancelled, before and while he waits`, async (t) => {
    const complete = await client(t);
    await assert.rejects(complete(WHOLE, AbortSignal.abort()), { code: 'cancelled' });
    const leaving = new AbortController();
    const left = assert.rejects(complete(WHOLE, leaving.signal), { code: 'cancelled' });
    leaving.abort();
    await left;
  });
}
