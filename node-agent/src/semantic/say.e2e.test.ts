/** A sentence at the command line, to a site as units start it, with the shipped model in its own process. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SAY_EXIT } from '@fleet/shared/conversation.ts';
import { EXAMPLES } from '@fleet/shared/page/page.ts';
import { run, serveChild } from '../testing/child.ts';
import { endOfFile } from '../testing/folder.ts';
import { client, makeSiteFolder } from '../testing/site.ts';

const ending = endOfFile(after);
let url: string;
before(async () => {
  const { ready } = await serveChild(ending, await makeSiteFolder(ending), {
    flags: ['--collector', 'sample'],
  });
  url = ready.http;
});
const say = (sentence: string, ...more: readonly string[]) =>
  run('ask', '--say', sentence, '--url', url, ...more);

test('a sentence is shown in words and as a query, then answered with its proof', async () => {
  const { status, stdout, stderr } = await say('how hot is pve1?');
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /temperature of pve1[^\n]*\n {2}node_temp\(pve1, \w+\)\n\ngarage\n[^\n]*\[verified\]\n[\s\S]*node_temp\(pve1, /,
  );
});

test('with --json the last line has the translation and the result', async () => {
  const { status, stdout } = await say('how hot is pve1?', '--json');
  const { translation, result } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  assert.deepEqual(
    [status, translation.kind, result.query, result.answers.length, result.complete],
    [0, 'query', translation.query, 1, true],
  );
});

test('each question that the page offers in words is translated', async () => {
  for (const [, says] of EXAMPLES)
    assert.equal((await client(url).site.translate.query({ text: says })).kind, 'query', says);
});

test('an order, a name that is not there and nonsense have a message and a status, and end in the log', async () => {
  for (const [sentence, said] of [
    ['reboot pve1', /only answers questions/],
    ['is pve77 up?', /There is no "pve77" here/],
    ['who won the football match yesterday?', /no query for that/],
  ] as const) {
    const { status, stdout } = await say(sentence);
    assert.deepEqual([sentence, status], [sentence, SAY_EXIT.none]);
    assert.match(stdout, said);
  }
  const { stdout } = await run('translations', '--url', url);
  const kinds = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).kind);
  assert.deepEqual(kinds, ['order', 'unknown_name', 'abstain']);
});

test('a query and a sentence at once, or neither, is a wrong command line', async () => {
  for (const args of [['node(N)', '--say', 'x'], []]) {
    const { status, stderr } = await run('ask', ...args, '--url', url);
    assert.deepEqual([status, /give a query, or a sentence/.test(stderr)], [1, true]);
  }
});

test('without a model the error says how to ask instead, and a query is answered', async (t) => {
  const flags = ['--collector', 'none', '--llm-model', 'none'];
  const { ready } = await serveChild(t, await makeSiteFolder(t), { flags });
  const { status, stderr } = await run('ask', '--say', 'is pve1 up?', '--url', ready.http);
  assert.equal(status, 1);
  assert.match(stderr, /^logic-node: semantic_unavailable: [^\n]*\n {2}Ask it as a query/);
  assert.equal((await run('ask', 'node(N)', '--url', ready.http)).status, 0);
});
