/** Vetting without asking: what it lets through runs, what asking refuses it refuses with the same code, and nothing of it is run. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { asLogicError, ERRORS, isErrorCode } from '@fleet/shared/errors.ts';
import { endOfFile, temporaryFolder } from '../testing/folder.ts';
import { escapes, oddities } from '../testing/hostile.ts';
import { client, ENDLESS, startSite } from '../testing/site.ts';
import { type VetParts, vetQuery } from './vet.ts';

const ending = endOfFile(after);
let site: Awaited<ReturnType<typeof startSite>>;
let parts: VetParts;
let canary = '';
before(async () => {
  canary = join(await temporaryFolder(ending), 'canary');
  site = await startSite(ending);
  const manifest = await loadManifest(new URL('../../../kb/', import.meta.url).pathname);
  parts = { manifest, engine: site.engine };
});

const verdict = (vetting: Promise<void>): Promise<string> =>
  vetting.then(
    () => 'vetted',
    (cause) => asLogicError(cause).code,
  );

const asked = (query: string): Promise<string> =>
  client(site.url)
    .site.ask.query({ query })
    .then(
      () => 'vetted',
      (cause) => (cause.data as { logic?: { code: string } })?.logic?.code ?? String(cause),
    );

test('a question of the catalogue is vetted, whatever is around it, and takes no time to answer', async () => {
  for (const query of [
    'node_temp(N, T), T > 70',
    'prove(has_quorum(C), P)',
    'assuming([node_up(pve1, false)], has_quorum(C))',
    "node('A name of \u00c4 ß')",
    'top(3, T, node_temp(N, T))',
    ENDLESS,
  ])
    assert.equal(await verdict(vetQuery(query, parts)), 'vetted', query);
});

test('what asking refuses, vetting refuses with the same code', async () => {
  for (const query of [
    ...escapes(canary),
    ...oddities(),
    'node(N), T > 70',
    'node_status(N, upp)',
    '\\+ node(N)',
  ]) {
    const [code, told] = [await verdict(vetQuery(query, parts)), await asked(query)];
    // What only running it shows is not vetting's to say; and an empty text is no request.
    const other: Readonly<Record<string, string>> = {
      evaluation_error: 'vetted',
      bad_request: 'syntax_error',
    };
    assert.equal(code, other[told] ?? told, query.slice(0, 200));
    assert.ok(isErrorCode(told) && ERRORS[told].http < 500, `${told}: ${query.slice(0, 200)}`);
  }
  assert.equal(existsSync(canary), false);
});

test('behind Node, Prolog itself vets none of them', async () => {
  const bridge = site.engine.bridge();
  for (const query of escapes(canary)) {
    const code = await verdict(bridge.vet(query));
    assert.ok(isErrorCode(code) && ERRORS[code].http < 500, `${code}: ${query.slice(0, 200)}`);
  }
  // What is only hard to read or to hold is refused, or it is a question that may be asked; neither ends the engine.
  for (const query of oddities()) await verdict(bridge.vet(query));
  assert.equal(await verdict(bridge.vet('x'.repeat(1_100_000))), 'too_large');
  assert.equal(existsSync(canary), false);
  assert.equal(await verdict(bridge.vet('node(N)')), 'vetted');
  assert.equal(site.engine.restarts, 0);
});

test('an engine that ended is told as such', async () => {
  const ended = { manifest: parts.manifest, engine: { bridge: () => site.engine.bridge() } };
  await site.stop();
  assert.match(await verdict(vetQuery('node(N)', ended)), /^(not_ready|engine_lost)$/);
});
