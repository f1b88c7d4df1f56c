/** `--say` as a person at a terminal and a script meet it. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { z } from 'zod';
import type { FleetTranslation, fleetCorrectionInput, Translation } from './api/translate.ts';
import { converse, SAY_EXIT, type Talk, type Terminal } from './conversation.ts';

const OPTIONS = [
  { query: 'node_temp(Node, Temp)', echo: 'the temperature of each node', confidence: 0.5 },
  { query: 'at_risk_of_throttling(Node)', echo: 'the nodes at risk of throttling', confidence: 0.4 },
];
const MEANT: Translation = { kind: 'did_you_mean', text: 'what is warm', readAs: [], options: OPTIONS };

interface Talked {
  readonly printed: readonly string[];
  readonly asked: readonly string[];
  readonly corrected: readonly z.input<typeof fleetCorrectionInput>[];
  readonly status: number;
}

interface Setting {
  readonly json?: boolean;
  readonly terminal?: Terminal | null;
  readonly correct?: () => Promise<unknown>;
}

async function talk(
  translation: Translation | FleetTranslation,
  { json = false, terminal = null, correct = async () => null }: Setting = {},
): Promise<Talked> {
  const [printed, asked, corrected]: [string[], string[], z.input<typeof fleetCorrectionInput>[]] = [
    [],
    [],
    [],
  ];
  const calls: Talk<string> = {
    ...{ program: 'logic-node', json },
    translate: async () => translation,
    correct: (correction) => {
      corrected.push(correction);
      return correct();
    },
    ask: async (query) => {
      asked.push(query);
      return 'the answer';
    },
    words: (result) => result,
    status: () => 3,
  };
  const status = await converse('what is warm', calls, { terminal, print: (line) => printed.push(line) });
  return { printed, asked, corrected, status };
}

/** Somebody who types these lines, each when he is asked. */
function typing(...lines: readonly string[]): Terminal & { readonly shown: () => string } {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const left = [...lines];
  let shown = '';
  output.on('data', (chunk: Buffer) => {
    shown += chunk;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's cursor is moved behind the prompt
    if (/: (?:\x1b\[\d+G)?$/.test(shown)) {
      const next = left.shift();
      if (next !== undefined) setImmediate(() => input.write(`${next}\n`));
    }
  });
  return { input, output, shown: () => shown };
}

test('a sentence with one meaning is shown in words and as a query, and asked at once', async () => {
  const readAs = [{ written: 'boxs', read: 'boxes' }];
  const { printed, asked, status } = await talk({
    kind: 'query',
    text: 'x',
    readAs,
    ...(OPTIONS[0] as (typeof OPTIONS)[0]),
  });
  assert.deepEqual(printed, [
    '(read "boxs" as boxes)\nthe temperature of each node\n  node_temp(Node, Temp)',
    '\nthe answer',
  ]);
  assert.deepEqual([asked, status], [['node_temp(Node, Temp)'], 3]);
});

test('without a terminal both meanings are printed, nothing is asked, and the status says that somebody must choose', async () => {
  const { printed, asked, status } = await talk(MEANT);
  assert.match(printed.join('\n'), /Did you mean:\n {2}1 {2}the temp[\s\S]* {2}2 {2}the nodes at risk/);
  assert.deepEqual([asked, status], [[], SAY_EXIT.choose]);
});

test('at a terminal a number chooses, which is kept and asked', async () => {
  const { asked, corrected, status } = await talk({ ...MEANT, site: 'garage' }, { terminal: typing('2') });
  const [first, second] = OPTIONS.map(({ query }) => query);
  assert.deepEqual([asked, status], [[second], 3]);
  assert.deepEqual(corrected, [
    { text: 'what is warm', proposed: first, query: second, choice: true, site: 'garage' },
  ]);
});

test('e takes the first to be edited, and what comes of it is kept as a correction; a log that fails harms nothing', async () => {
  const terminal = typing('e', ', Temp > 70');
  const correct = () => Promise.reject(new Error('no disk'));
  const { asked, corrected } = await talk(MEANT, { terminal, correct });
  assert.deepEqual(asked, ['node_temp(Node, Temp), Temp > 70']);
  assert.deepEqual(corrected, [
    { text: 'what is warm', proposed: 'node_temp(Node, Temp)', query: asked[0], choice: false },
  ]);
});

test('anything else at the terminal is none of them, and so is its end', async () => {
  for (const said of ['', '3', 'no']) {
    const { asked, status } = await talk(MEANT, { terminal: typing(said) });
    assert.deepEqual([said, asked, status], [said, [], SAY_EXIT.choose]);
  }
  const input = new PassThrough();
  input.end();
  const { asked, status } = await talk(MEANT, { terminal: { input, output: new PassThrough() } });
  assert.deepEqual([asked, status], [[], SAY_EXIT.choose]);
});

test('what has no query is told with what could be asked, and with a status of its own', async () => {
  const examples = ["what's hot?"];
  const cases: readonly (readonly [Translation, RegExp])[] = [
    [
      { kind: 'abstain', text: 'x', readAs: [], examples },
      /no query for that[\s\S]*logic-node ask --say 'what'\\''s hot\?'/,
    ],
    [{ kind: 'order', text: 'x', readAs: [], examples }, /only answers questions, and nothing was done/],
    [
      { kind: 'unknown_name', text: 'x', readAs: [], names: [{ written: 'nas9', near: ['nas', 'nas2'] }] },
      /no "nas9" here; there is nas, nas2/,
    ],
  ];
  for (const [translation, words] of cases) {
    const { printed, asked, status } = await talk(translation);
    assert.match(printed.join('\n'), words);
    assert.deepEqual([asked, status], [[], SAY_EXIT.none]);
  }
});

test('with JSON there is one object, the translation with the result, and nobody is asked to choose', async () => {
  const terminal = typing('1');
  const chosen = await talk(MEANT, { json: true, terminal });
  assert.deepEqual(
    chosen.printed.map((line) => JSON.parse(line)),
    [{ translation: MEANT, result: null }],
  );
  assert.equal(terminal.shown(), '');
  const translation: Translation = {
    kind: 'query',
    text: 'x',
    readAs: [],
    ...(OPTIONS[0] as (typeof OPTIONS)[0]),
  };
  const { printed } = await talk(translation, { json: true });
  assert.deepEqual(
    printed.map((line) => JSON.parse(line)),
    [{ translation, result: 'the answer' }],
  );
});
