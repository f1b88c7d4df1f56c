/**
 * The golden corpus of kb/test/golden, read by this checker as plunit reads it with the Prolog checker: every proof is
 * accepted with its standing, every mutation is refused with its code.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Case, corpus, KB } from '../test/golden.ts';
import { loadManifest } from './catalogue.ts';
import { LogicError } from './errors.ts';
import { checkAsk } from './language.ts';
import { REPLY_BYTES, REPLY_TERM_DEPTH } from './limits.ts';
import { checkProof } from './proof.ts';
import { readTerm } from './term-reader.ts';

const manifest = await loadManifest(KB.pathname);

const read = (text: string) =>
  readTerm(text, { bytes: REPLY_BYTES, depth: REPLY_TERM_DEPTH, any: true }).term;

function judge(item: Case): string {
  const asked = checkAsk(item.query, manifest);
  try {
    const bindings = new Map(asked.variables.map((name, i) => [name, read(item.values[i] ?? 'missing')]));
    return checkProof(read(item.proof), {
      query: asked.goal,
      bindings,
      now: item.now,
      manifest,
      assumptions: asked.assumptions,
    }).standing;
  } catch (error) {
    if (error instanceof LogicError) return error.code;
    throw error;
  }
}

test('the corpus has cases and mutations', () => {
  assert.ok(corpus.length >= 5);
  assert.ok(corpus.every((item) => item.mutations.length >= 5));
});

for (const item of corpus) {
  test(`golden ${item.name} is accepted as ${item.standing}`, () => {
    assert.equal(judge(item), item.standing);
  });
  for (const { code, ...mutation } of item.mutations) {
    test(`golden ${item.name} is refused when mutated: ${mutation.name}`, () => {
      assert.equal(judge({ ...item, ...mutation } as Case), code);
    });
  }
}
