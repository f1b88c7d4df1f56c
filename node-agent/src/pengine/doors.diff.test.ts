/**
 * The two doors give the same bytes: generated questions through library(pengines) and through the lane of one running
 * site, both formats. Only the pengine's id, the question's time, the CPU seconds and the names of unbound variables may differ.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { type CreateRequest, readCreate } from '@fleet/shared/door/request.ts';
import { Vocabulary } from '@fleet/shared/door/vocabulary.ts';
import { asLogicError } from '@fleet/shared/errors.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { ANSWERS } from '@fleet/shared/limits.ts';
import fc from 'fast-check';
import { questions } from '../../../shared/test/questions.ts';
import type { EngineReply } from '../prolog/lane.ts';
import { observe } from '../telemetry/pipeline.ts';
import { endOfFile } from '../testing/folder.ts';
import { seen, startSite } from '../testing/site.ts';

const ending = endOfFile(after);
const manifest = await loadManifest(new URL('../../../kb/', import.meta.url).pathname);
const vocabulary = new Vocabulary(manifest);
let site: Awaited<ReturnType<typeof startSite>>;

before(async () => {
  site = await startSite(ending);
  // Both doors are asked at one revision.
  await site.alerts.pass.stop();
  const facts = seen(
    ['node_up', 'pve1', true],
    ['node_up', 'pve2', false],
    ['node_load', 'pve1', 0.62],
    ['node_temp', 'pve1', 88.5],
    ['node_temp', 'sentry', 51.25],
    ['vm_host', 'git', 'pve1'],
  );
  await observe(
    facts.map((one) => ({ ...one, validUntil: one.validUntil + 600_000 })),
    site.telemetry,
  );
  await site.telemetry.sync.settled();
});

const NEVER = new AbortController().signal;
const PENGINE = '12345678-1234-4234-8234-123456789012';

async function stock({ emitted }: CreateRequest): Promise<EngineReply> {
  const request = { method: 'POST', path: '/pengine/create', contentType: 'application/json' } as const;
  return site.engine.bridge().pengine({ ...request, body: emitted });
}

/** What may differ, made alike. */
function alike({ contentType, now, body }: EngineReply): string {
  const text = body
    .toString()
    .replace(/'?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'?/g, 'ID')
    .replaceAll(`"${PENGINE}"`, '"ID"')
    .replace(/[\d.]+(e-\d+)?,false\)/g, 'S,false)')
    .replace(/failure\(ID,[\d.]+(e-\d+)?\)/g, 'failure(ID,S)')
    .replace(/"time": ?[\d.]+(e-\d+)?/g, '"time":S')
    .replace(/\b_G?\d+\b/g, '_')
    .replaceAll(String(now), 'NOW')
    .trim();
  return `${contentType.toLowerCase().replace(' ', '')} ${text}`;
}

function templateOf(text: string): string {
  try {
    return `[${checkAsk(text, manifest).variables.join(',')}]`;
  } catch {
    return '[]';
  }
}

test('generated questions get the same events through both doors', async () => {
  let ran = 0;
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(questions, fc.boolean(), fc.boolean(), async (text, json, prove) => {
      const proved = prove && !text.startsWith('assuming');
      const columns = templateOf(text);
      const ask = proved ? `prove((${text}),P__)` : text;
      const template = proved ? columns.replace(']', `${columns === '[]' ? '' : ','}P__]`) : columns;
      const keys = { ask, template, chunk: ANSWERS, destroy: true, format: json ? 'json' : 'prolog' };
      let wish: CreateRequest;
      try {
        wish = readCreate(new Map(Object.entries(keys)), vocabulary);
      } catch (cause) {
        assert.notEqual(asLogicError(cause).code, 'internal', text);
        return; // refused before either door
      }
      assert.ok(wish.lane !== null, text);
      const here = await site.engine
        .bridge()
        .lane.ask({ format: wish.format, pengine: PENGINE, text: wish.lane, caller: 'test' }, NEVER);
      const there = await stock(wish);
      assert.equal(alike(here), alike(there), text);
      ran += 1;
      if (/success/.test(here.body.toString())) answered += 1;
      if (here.now !== null) assert.equal(here.revision, there.revision);
    }),
    { numRuns: Number(process.env.DOORS_RUNS ?? 1200) },
  );
  assert.ok(
    ran > 500 && answered > 50,
    `only ${ran} ran and ${answered} were answered: the generator is off`,
  );
});
