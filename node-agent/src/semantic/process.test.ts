/**
 * The semantic process under the agent: started by the first sentence, started again when it ended, and whatever becomes of it, the
 * rest of the site does not notice.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { RESTART_LONGEST_MS, SEMANTIC_CONTEXT_TOKENS } from '@fleet/shared/limits.ts';
import { readModelSettings } from '@fleet/shared/semantic/model.ts';
import { completionPromises, WHOLE } from '@fleet/shared/testing/completion.ts';
import { pino } from 'pino';
import { atEnd, type Ending, temporaryFolder } from '../testing/folder.ts';
import { MODEL, serveModel } from '../testing/semantic.ts';
import { client, makeSiteFolder, runSite, startSite, until } from '../testing/site.ts';
import { realWorld } from '../world.ts';
import { SemanticProcess, type SemanticProcessOptions } from './process.ts';
import { installedModel, NO_SEMANTIC, readSemanticConfig } from './service.ts';

const STAYS = new AbortController().signal;
const ANSWER = ' node_temp( @n1 , A )';

async function semantic(t: Ending, options: Partial<SemanticProcessOptions> = {}): Promise<SemanticProcess> {
  const made = new SemanticProcess({
    ...{ model: MODEL, voices: [], socket: join(await temporaryFolder(t), 's.sock'), threads: 1 },
    ...{ contextTokens: SEMANTIC_CONTEXT_TOKENS, replyMs: 20_000, cachePrompt: false },
    ...{ world: realWorld, log: pino({ level: 'silent' }) },
    ...options,
  });
  atEnd(t, () => made.stop());
  return made;
}

/** Asks until there is an answer: a rest after an end is short, and said to be one. */
async function answered(ask: () => Promise<{ text: string }>): Promise<string> {
  for (;;) {
    try {
      return (await ask()).text;
    } catch (cause) {
      assert.equal((cause as { code?: string }).code, 'semantic_unavailable');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

test('a site that nobody talks to has no semantic process, the first sentence starts it, and a stop leaves none', async (t) => {
  const process = await semantic(t);
  assert.deepEqual([process.state, process.pid], ['idle', null]);
  assert.equal((await process.complete(WHOLE, STAYS)).text, ANSWER);
  const { pid } = process;
  assert.equal(process.state, 'ready');
  assert.ok(
    process.confinement.landlock >= 1 && process.confinement.seccomp,
    JSON.stringify(process.confinement),
  );
  await process.stop();
  assert.equal(existsSync(`/proc/${pid}`), false);
  await assert.rejects(process.complete(WHOLE, STAYS), { code: 'semantic_unavailable' });
});

test('the process has no network, no file to write, no secret of its agent, and less than 150 MB', async (t) => {
  const child = await semantic(t, { voices: readModelSettings(MODEL).voices });
  process.env.LOGIC_TOKEN = 'a secret of the agent';
  t.after(() => delete process.env.LOGIC_TOKEN);
  await child.complete(WHOLE, STAYS);
  for (const model of readModelSettings(MODEL).voices.map((name) => basename(name, '.gguf')))
    await child.complete({ ...WHOLE, model }, STAYS);
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  assert.match(status, /NoNewPrivs:\s1/);
  assert.match(status, /Seccomp:\s2/);
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(status) ?? [];
  t.diagnostic(`${kilobytes} kB`);
  assert.ok(Number(kilobytes) < 150_000, `${kilobytes} kB`);
  assert.doesNotMatch(readFileSync(`/proc/${child.pid}/environ`, 'utf8'), /LOGIC_TOKEN/);
});

test('killed while it is asked, it says unavailable, and the next sentence starts it again', async (t) => {
  const child = await semantic(t);
  await child.complete(WHOLE, STAYS);
  const asked = child.complete({ ...WHOLE, grammar: 'root ::= " A" root', maxTokens: 200 }, STAYS);
  const lost = assert.rejects(asked, { code: 'semantic_unavailable' });
  process.kill(child.pid ?? 0, 'SIGKILL');
  await lost;
  assert.equal(await answered(() => child.complete(WHOLE, STAYS)), ANSWER);
});

test('one that hangs is late, gives no sign of life, and is ended and started again', async (t) => {
  const child = await semantic(t, { replyMs: 5_000 });
  await child.complete(WHOLE, STAYS);
  const { pid } = child;
  process.kill(pid ?? 0, 'SIGSTOP');
  await assert.rejects(child.complete(WHOLE, STAYS), { code: 'semantic_unavailable' });
  await until(() => child.pid !== pid, 'the end of the one that hangs');
  assert.equal(await answered(() => child.complete(WHOLE, STAYS)), ANSWER);
});

test('one that cannot start waits longer after each try, says so at once meanwhile, and hurts nobody', async (t) => {
  let now = 0;
  const world = { ...realWorld, elapsed: () => now, random: () => 1 };
  const child = await semantic(t, { memoryMegabytes: 20, world });
  const tried = () => assert.rejects(child.complete(WHOLE, STAYS), { code: 'semantic_unavailable' });
  const waits: number[] = [];
  for (let tries = 0; tries < 3; tries += 1) {
    await tried();
    await until(() => child.state === 'resting', 'its end');
    const before = now;
    await assert.rejects(child.complete(WHOLE, STAYS), { message: /started again in a moment/ });
    while (child.state === 'resting') {
      now += 10;
      child.complete(WHOLE, STAYS).catch(() => {});
    }
    waits.push(now - before);
    await until(() => child.state === 'resting', 'its end again');
    now += RESTART_LONGEST_MS;
  }
  assert.deepEqual(
    waits,
    [...waits].sort((a, b) => a - b),
  );
  assert.ok((waits.at(-1) ?? 0) > (waits[0] ?? 0), String(waits));
});

test('a site answers its questions while its semantic process is killed again and again', async (t) => {
  const site = await startSite(t);
  const { semantic: service, url } = site;
  assert.deepEqual([service.state, service.settings().style], ['idle', 'words']);
  const ask = () => client(url).site.ask.query({ query: 'node_status(N, S)' });
  const expected = (await ask()).answers.length;
  for (let times = 0; times < 3; times += 1) {
    assert.equal(await answered(() => service.complete(WHOLE, STAYS)), ANSWER);
    const { pid } = service;
    const asked = Array.from({ length: 8 }, ask);
    process.kill(pid ?? 0, 'SIGKILL');
    const lost = service.complete(WHOLE, STAYS).then(
      () => 'there',
      (cause) => cause.code,
    );
    for (const { answers, complete } of await Promise.all(asked))
      assert.deepEqual([answers.length, complete], [expected, true]);
    assert.ok(['there', 'semantic_unavailable'].includes(await lost));
  }
  const health = (await (await fetch(`${url}/healthz`)).json()) as { engine: string; semantic: string };
  assert.equal(health.engine, 'ready');
  assert.ok(['ready', 'resting', 'starting'].includes(health.semantic));
});

completionPromises('behind --llm-socket', async (t) => {
  const { socket, ready } = await serveModel(t);
  assert.ok(await ready);
  return socket;
});

test('with --llm-socket a site uses what listens there, and starts nothing', async (t) => {
  const { socket, ready } = await serveModel(t);
  assert.ok(await ready);
  const data = await makeSiteFolder(t);
  const { semantic: service } = await runSite(t, data, { flags: { llmSocket: socket } });
  assert.equal((await service.complete(WHOLE, STAYS)).text, ANSWER);
  assert.deepEqual([service.state, service.pid], ['elsewhere', null]);
});

test('with --llm-model none, and where no model lies, a site says that it has none', async (t) => {
  const data = await makeSiteFolder(t);
  const { semantic: service } = await runSite(t, data, { flags: { llmModel: 'none' } });
  assert.equal(service.state, 'none');
  await assert.rejects(service.complete(WHOLE, STAYS), { code: 'semantic_unavailable' });
  assert.throws(() => service.settings(), { code: 'semantic_unavailable' });
  assert.equal(installedModel(data), null);
  assert.deepEqual(readSemanticConfig({ llmModel: 'none' }), NO_SEMANTIC);
});

test('flags for a model that is not there, or numbers that cannot be, are refused before anything starts', () => {
  assert.equal(readSemanticConfig({}).model, MODEL);
  for (const flags of [
    { llmModel: '/no/such.gguf' },
    { llmModel: 'none', llmSocket: '/run/llm.sock' },
    { llmThreads: '0' },
    { llmContext: 'all' },
  ])
    assert.throws(() => readSemanticConfig(flags), { code: 'bad_setup' }, JSON.stringify(flags));
});
