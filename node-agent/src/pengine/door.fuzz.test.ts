/**
 * Whatever arrives at the door, or on the engine's lane behind it, gets a reply in the protocol's shape; nothing throws,
 * nothing is left open, and the engine lives on. The seed is printed; FUZZ_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ERRORS, isErrorCode } from '@fleet/shared/errors.ts';
import { ANSWERS } from '@fleet/shared/limits.ts';
import { readTerm } from '@fleet/shared/term.ts';
import fc from 'fast-check';
import { questions } from '../../../shared/test/questions.ts';
import { endOfFile } from '../testing/folder.ts';
import { escapes, HOSTILE_EVENTS, HOSTILE_TEMPLATES, oddities } from '../testing/hostile.ts';
import { makeSiteFolder, runSite } from '../testing/site.ts';

const ending = endOfFile(after);
let site: Awaited<ReturnType<typeof runSite>>;
let data = '';
before(async () => {
  data = await makeSiteFolder(ending);
  site = await runSite(ending, data);
});

const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const NEVER = new AbortController().signal;

const short = (texts: readonly string[]) => texts.filter((text) => text.length < 2_000);
const seeds = fc.oneof(
  { weight: 4, arbitrary: questions },
  { weight: 2, arbitrary: fc.constantFrom(...short(escapes('/nowhere/canary'))) },
  { weight: 2, arbitrary: fc.constantFrom(...short(oddities())) },
);
const piece = fc.oneof(
  fc.constantFrom(
    '(',
    ')',
    '[',
    ']',
    ',',
    '.',
    "'",
    '"',
    '\\',
    '|',
    '{',
    '}',
    ':',
    '-',
    ' ',
    '\n',
    '\0',
    '/*',
    '`',
  ),
  fc.constantFrom('node(N)', 'prove(', 'assuming([', '\\+ ', ' is ', '0x1', '1.0e9', '_', 'N', "'\\x"),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
/** A text with a few places replaced, doubled or cut out. */
const mutated = fc
  .tuple(
    seeds,
    fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(8), piece), { maxLength: 4 }),
  )
  .map(([text, edits]) =>
    edits.reduce((now, [where, cut, put]) => {
      const at = Math.floor(where * now.length);
      return now.slice(0, at) + put + now.slice(at + cut);
    }, text),
  );
const ask = fc.oneof(
  { weight: 3, arbitrary: mutated },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
);

const keys = fc.record(
  {
    ask: fc.oneof({ weight: 9, arbitrary: ask }, { weight: 1, arbitrary: fc.jsonValue() }),
    template: fc.oneof(fc.constantFrom(...HOSTILE_TEMPLATES, '[N]', '[]', 'v(N)'), mutated),
    chunk: fc.oneof({ weight: 4, arbitrary: fc.constant(ANSWERS) }, { weight: 1, arbitrary: fc.jsonValue() }),
    format: fc.constantFrom('json', 'prolog', 'csv'),
    destroy: fc.constantFrom(true, 'true', 0),
    application: fc.constantFrom('logic', 'pengine_sandbox', 'user'),
    src_text: fc.constantFrom('', ' ', 'a.'),
  },
  { requiredKeys: ['ask'] },
);
const bodies = fc.oneof(
  { weight: 6, arbitrary: keys.map((one) => Buffer.from(JSON.stringify(one))) },
  { weight: 1, arbitrary: fc.uint8Array().map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.jsonValue().map((one) => Buffer.from(JSON.stringify(one))) },
);
const requests = fc.record({
  action: fc.constantFrom(
    'create',
    'create',
    'create',
    'send',
    'pull_response',
    'abort',
    'ping',
    'destroy_all',
    'list',
  ),
  method: fc.constantFrom('POST', 'POST', 'GET'),
  body: fc.oneof(
    { weight: 5, arbitrary: bodies },
    { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_EVENTS).map(Buffer.from) },
  ),
  contentType: fc.constantFrom(
    'application/json',
    'application/json',
    'application/x-www-form-urlencoded',
    '',
  ),
  id: fc.oneof(fc.uuid(), fc.string({ unit: 'binary', maxLength: 20 })),
  format: fc.constantFrom('json', 'prolog', 'x'),
});

function assertShaped(contentType: string, body: Buffer): void {
  const text = body.toString();
  if (contentType.startsWith('text/plain')) return;
  if (contentType.startsWith('application/json')) JSON.parse(text);
  // Who names no template gets library(pengines)'s own, a dict, which is no term of the language; an id is echoed as it came.
  else if (!text.includes('[swish_default_template{'))
    readTerm(text.normalize('NFC'), { any: true, depth: 1_000, bytes: 1 << 24 });
  const code = /"code": ?"(\w+)"|error\(logic\((\w+),/.exec(text);
  const told = code?.[1] ?? code?.[2];
  if (told === undefined || told === 'existence_error') return;
  assert.ok(isErrorCode(told) && (ERRORS[told].http < 500 || /_limit$/.test(told)), text.slice(0, 300));
}

async function assertAlive(): Promise<void> {
  assert.equal(site.door.running, 0);
  assert.equal(site.engine.restarts, 0);
  const { body } = await site.engine
    .bridge()
    .lane.ask({ format: 'json', pengine: 'p', text: 'lane(node(N),[N])', caller: 'test' }, NEVER);
  assert.match(body.toString(), /"pve1"/);
}

test('anything at the door gets a reply in the shape of the protocol', { timeout: 60_000 }, async (t) => {
  t.diagnostic(`FUZZ_SEED=${SEED}`);
  await fc.assert(
    fc.asyncProperty(requests, async ({ id, format, ...request }) => {
      const reply = await site.door.handle({
        ...request,
        query: new URLSearchParams({ id, format, ids: id }),
        nonce: '',
        caller: 'fuzz',
        gone: NEVER,
      });
      assert.ok([200, 400, 404, 413, 429].includes(reply.status), String(reply.status));
      assertShaped(reply.headers['content-type'] ?? '', reply.body);
    }),
    { numRuns: 1_500, seed: SEED },
  );
  await assertAlive();
});

const header = fc.oneof(
  fc.constantFrom(
    // Not the ids that the agent's own lane uses meanwhile.
    'ask f1 json p',
    'ask f1 prolog p',
    'cancel f1',
    'drop t',
    'forget t',
    'ask',
    'ask 1',
    '',
    'ask f1 csv p',
  ),
  fc.string({ unit: 'binary-ascii' }),
);
const frames = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(header, mutated).map(([head, text]) => framed(`${head}\nlane((${text}),[])`)),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map(framed) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  ),
  { minLength: 1, maxLength: 5 },
);

function framed(payload: string): Buffer {
  const bytes = Buffer.from(payload, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Says the frames on a connection of its own and ends it; resolves when the engine has closed it too. */
function say(path: string, all: readonly Buffer[]): Promise<number> {
  return new Promise((resolve, reject) => {
    let heard = 0;
    const socket = createConnection(path, () => socket.end(Buffer.concat(all)));
    socket.on('data', (chunk) => {
      heard += chunk.length;
    });
    socket.once('error', (cause) =>
      'code' in cause && /EPIPE|ECONNRESET/.test(String(cause.code)) ? {} : reject(cause),
    );
    socket.once('close', () => resolve(heard));
  });
}

test('any frames on the lane are answered or end their own connection', { timeout: 60_000 }, async (t) => {
  t.diagnostic(`FUZZ_SEED=${SEED}`);
  const path = join(data, 'run', 'lane.sock');
  await fc.assert(
    fc.asyncProperty(frames, async (all) => {
      await say(path, all);
    }),
    { numRuns: 300, seed: SEED },
  );
  assert.ok((await say(path, [framed('ask f7 json p\nlane(node(N),[N])')])) > 100);
  await assertAlive();
});
