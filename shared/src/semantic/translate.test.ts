/** What is run, asked back, refused: by what the voices say. The real model is tested at a whole site; here each voice says what the test wants. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadManifest } from '../catalogue.ts';
import { LogicError } from '../errors.ts';
import type { CompletionRequest } from './completion.ts';
import { Lexicon } from './spelling.ts';
import { NameTable } from './tag.ts';
import { translate } from './translate.ts';

const manifest = await loadManifest(new URL('../../../kb', import.meta.url).pathname);
const names = new NameTable({
  node: ['pve1'],
  vm: ['mail'],
  cluster: ['rack'],
  ups: [],
  zone: [],
  mount: [],
  service: [],
});
const lexicon = new Lexicon(
  'how hot is which nodes are reboot please write a poem mail on rack'.split(' '),
  [],
  ['zeus'],
);
const settings = {
  format: 1 as const,
  style: 'words' as const,
  voices: ['second.gguf'],
  thresholds: { run: 0.7, offer: 0.25, refuse: 1 },
  digest: '0'.repeat(64),
};

type Voice = readonly [text: string, confidence: number];

interface Scene {
  readonly voices: readonly [Voice, Voice];
  /** When the first voice may not use its predicate. */
  readonly other?: Voice;
  readonly vet?: (query: string) => Promise<void>;
}

async function said(text: string, { voices, other = ['!abstain', 0], vet = async () => {} }: Scene) {
  const asked: CompletionRequest[] = [];
  const complete = async (request: CompletionRequest) => {
    asked.push(request);
    const isOther = !request.grammar.includes('"!abstain') && !request.grammar.includes('" !abstain"');
    const [voice, confidence] = isOther ? other : voices[request.model === 'second' ? 1 : 0];
    return { text: ` ${voice}`, confidence };
  };
  const parts = { complete, names, lexicon, manifest, settings, vet };
  return { asked, translation: await translate(text, parts, new AbortController().signal) };
}

const TEMP = 'node_temp( @n1 , A )';
const HEADROOM = 'thermal_headroom( @n1 , A )';
const QUESTION = 'how hot is pve1';

test('what both voices say is run, with its words, and how sure they were', async () => {
  const { translation, asked } = await said(QUESTION, {
    voices: [
      [TEMP, 0.9],
      [TEMP, 0.7],
    ],
  });
  assert.equal(translation.kind, 'query');
  assert.ok(translation.kind === 'query' && translation.query === 'node_temp(pve1, Temp)');
  assert.ok(Math.abs(translation.confidence - 0.8) < 1e-9);
  assert.match(translation.echo, /pve1/);
  assert.deepEqual(
    asked.map(({ prompt }) => prompt),
    ['how hot is @n1 =>', 'how hot is @n1 =>'],
  );
});

test('where the voices differ, or are not sure, the person is asked', async () => {
  const differ = await said(QUESTION, {
    voices: [
      [TEMP, 0.9],
      [HEADROOM, 0.8],
    ],
  });
  assert.deepEqual(
    differ.translation.kind === 'did_you_mean' && differ.translation.options.map(({ query }) => query),
    ['node_temp(pve1, Temp)', 'thermal_headroom(pve1, Headroom)'],
  );
  const unsure = await said(QUESTION, {
    voices: [
      [TEMP, 0.6],
      [TEMP, 0.5],
    ],
    other: [HEADROOM, 0.4],
  });
  assert.deepEqual(
    unsure.translation.kind === 'did_you_mean' && unsure.translation.options.map(({ query }) => query),
    ['node_temp(pve1, Temp)', 'thermal_headroom(pve1, Headroom)'],
  );
  const hardly = await said(QUESTION, {
    voices: [
      [TEMP, 0.2],
      [HEADROOM, 0.1],
    ],
  });
  assert.equal(hardly.translation.kind, 'abstain');
});

test('a query that leaves out what was named, or that the site refuses, is none', async () => {
  const uncovered = 'node_temp( A , B )';
  const forgot = await said(QUESTION, {
    voices: [
      [uncovered, 1],
      [uncovered, 1],
    ],
  });
  assert.equal(forgot.translation.kind, 'abstain');
  const vet = async () => {
    throw new LogicError('unknown_predicate', 'no');
  };
  const refused = await said(QUESTION, {
    voices: [
      [TEMP, 1],
      [TEMP, 1],
    ],
    vet,
  });
  assert.equal(refused.translation.kind, 'abstain');
});

test('an engine that is away is told, not taken for a bad query', async () => {
  const vet = async () => {
    throw new LogicError('not_ready', 'starting');
  };
  await assert.rejects(
    said(QUESTION, {
      voices: [
        [TEMP, 1],
        [TEMP, 1],
      ],
      vet,
    }),
    { code: 'not_ready' },
  );
});

test('orders and what is no question are refused with examples; a name that is not there is told with those that are near', async () => {
  const order = await said('reboot pve1 please', {
    voices: [
      ['!order', 0.9],
      ['!order', 0.9],
    ],
  });
  assert.ok(order.translation.kind === 'order' && order.translation.examples.length === 3);
  // Whatever it names: nothing would be done to that either.
  const nobody = await said('reboot pve7', {
    voices: [
      ['!order', 0.9],
      ['!order', 0.9],
    ],
  });
  assert.equal(nobody.translation.kind, 'order');
  const poem = await said('write a poem', {
    voices: [
      ['!abstain', 0.9],
      ['!abstain', 0.9],
    ],
  });
  assert.ok(poem.translation.kind === 'abstain' && poem.translation.examples.length === 3);
  const gone = await said('how hot is pve7', {
    voices: [
      ['node_temp( A , B )', 1],
      ['node_temp( A , B )', 1],
    ],
  });
  assert.deepEqual(gone.translation.kind === 'unknown_name' && gone.translation.names, [
    { written: 'pve7', near: ['pve1'] },
  ]);
  const zeus = await said('how hot is zeus', {
    voices: [
      ['!unknown', 1],
      ['!unknown', 1],
    ],
  });
  assert.deepEqual(zeus.translation.kind === 'unknown_name' && zeus.translation.names, [
    { written: 'zeus', near: [] },
  ]);
});

test('a word that nobody knows is never run over: the person is asked', async () => {
  const { translation } = await said('how hot is pve1 florble', {
    voices: [
      [TEMP, 1],
      [TEMP, 1],
    ],
  });
  assert.equal(translation.kind, 'did_you_mean');
});
