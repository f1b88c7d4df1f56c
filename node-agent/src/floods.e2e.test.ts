/**
 * A site under attack, in processes of its own: memory bombs, endless questions, thousands of sessions, slow clients, HTTP/2
 * rapid resets, floods of settings, pings and headers. All the while somebody else asks an honest question again and again:
 * it is answered, the engine is not replaced, and Node and swipl together stay below the design's 512 MB.
 */
import assert from 'node:assert/strict';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { AGENT_MEMORY_BYTES, ANSWERS, CALLER_SESSIONS, QUESTION_WALL_MS } from '@fleet/shared/limits.ts';
import { endOfFile } from './testing/folder.ts';
import { postPengine } from './testing/pengines.ts';
import { type Served, serveSite } from './testing/served.ts';
import { ENDLESS, HUGE, SITE } from './testing/site.ts';

const CEILING_MEBIBYTES = AGENT_MEMORY_BYTES / 1024 / 1024;
const ending = endOfFile(after);
let site: Served;
let honest: Readonly<Record<string, string>>;
let attacker: Readonly<Record<string, string>>;
before(async () => {
  site = await serveSite(ending);
  honest = site.headers('honest');
  attacker = site.headers('attacker');
});

const HONEST = question('node_status(N,S)', '[N,S]');

function question(ask: string, template: string): string {
  return JSON.stringify({ ask, template, chunk: ANSWERS, destroy: true, format: 'json' });
}

const post = (body: string, headers: Readonly<Record<string, string>>) =>
  postPengine(site.http, 'create', body, { headers });

interface Honest {
  readonly answered: number;
  readonly worstMs: number;
  readonly failures: readonly string[];
}

/** Asks honestly, one question after the other, until `attack` is over, and at least ten times. */
async function askingWhile(attack: Promise<unknown>): Promise<Honest> {
  let over = false;
  const ended = attack.finally(() => {
    over = true;
  });
  ended.catch(() => {});
  let answered = 0;
  let worstMs = 0;
  const failures: string[] = [];
  for (let at = 0; at < 10 || !over; at += 1) {
    const began = performance.now();
    const text = await (await post(HONEST, honest)).text();
    worstMs = Math.max(worstMs, performance.now() - began);
    if (text.includes('"success"')) answered += 1;
    else failures.push(text);
  }
  await ended;
  return { answered, worstMs, failures };
}

async function assertWithstood(attack: Promise<unknown>): Promise<void> {
  const { answered, worstMs, failures } = await askingWhile(attack);
  const peak = site.peakMebibytes();
  assert.deepEqual(failures, []);
  assert.ok(answered >= 10);
  // Its turn comes after questions that run now, none of which runs longer than this.
  assert.ok(worstMs < QUESTION_WALL_MS + 1_000, `${worstMs} ms`);
  assert.ok(peak < CEILING_MEBIBYTES, `${peak} MiB`);
  const health = (await (await fetch(`${site.http}/healthz`)).json()) as { engine: string };
  assert.equal(health.engine, 'ready');
  assert.ok(!site.log().includes('engine lost'), site.log());
}

test('memory bombs and endless questions, more at once than there are threads', async () => {
  const big = 'x'.repeat(250);
  const bombs = [
    question(HUGE, '[Count]'),
    question(ENDLESS, '[N]'),
    question('aggregate_all(list(A),(node(A),node(B),node(C),node(D),node(E),node(F),node(G)),L)', '[L]'),
    question('X0 is 2, X1 is X0*X0, X2 is X1*X1, X3 is X2*X2, X4 is X3*X3*X3*X3*X3', '[X4]'),
    question(`prove((node(A),node(B),node(C),node(D),A \\== '${big}',B \\== '${big}'),P)`, '[A,B,C,D,P]'),
    question('top(1,M,(node_memory(N,M),node(A),node(B),node(C)))', '[N,M,A,B,C]'),
  ];
  const codes = new Set<string>();
  const attack = Promise.all(
    Array.from({ length: 60 }, async (_, at) => {
      const text = await (await post(bombs[at % bombs.length] ?? '', attacker)).text();
      codes.add(/"code": ?"(\w+)"/.exec(text)?.[1] ?? 'answered');
    }),
  );
  await assertWithstood(attack);
  assert.ok(codes.has('memory_limit'), [...codes].join());
  assert.ok(!codes.has('internal') && !codes.has('engine_lost'), [...codes].join());
});

test('thousands of sessions, left open', async () => {
  let opened = 0;
  const open = async () => {
    for (let at = 0; at < 100; at += 1) {
      const reply = await post('{"ask":"node(N)","destroy":false,"format":"json"}', attacker);
      const { event } = (await reply.json()) as { event: string };
      if (event === 'create') opened += 1;
      else assert.equal(reply.status, 429);
    }
  };
  await assertWithstood(Promise.all(Array.from({ length: 20 }, open)));
  assert.ok(opened >= CALLER_SESSIONS && opened <= CALLER_SESSIONS + 2, `${opened} sessions`);
});

/** Sockets that a test holds open, ended with it. */
async function heldOpen(
  count: number,
  hold: () => Promise<Socket>,
  during: () => Promise<void>,
): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: count }, hold));
  try {
    await during();
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

test('slow clients: headers and bodies that never end, and replies that nobody reads', async () => {
  const { hostname, port } = new URL(site.http);
  const say = (text: string) => () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connectTcp(Number(port), hostname, () => {
        socket.write(text);
        socket.pause();
        resolve(socket);
      });
      socket.once('error', reject);
    });
  const head = `POST /pengine/create HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: application/json\r\n`;
  const all = question('node(A),node(B),node(C),node(D)', '[A,B,C,D]');
  const greedy = `${head}Content-Length: ${all.length}\r\n\r\n${all}`.repeat(20);
  await assertWithstood(
    heldOpen(300, say(head), () =>
      heldOpen(300, say(`${head}Content-Length: 500000\r\n\r\n{"ask":"`), () =>
        heldOpen(30, say(greedy), async () => {
          for (let at = 0; at < 20; at += 1) await (await post(HONEST, attacker)).text();
        }),
      ),
    ),
  );
});

function http2Session() {
  const session = connectHttp2(site.https, { ca: site.ca, servername: SITE });
  session.on('error', () => {});
  return session;
}

test('HTTP/2 rapid reset: thousands of questions that are given up at once', async () => {
  const attack = async () => {
    for (let round = 0; round < 10; round += 1) {
      const session = http2Session();
      for (let at = 0; at < 300 && !session.closed; at += 1) {
        const stream = session.request({
          ':method': 'POST',
          ':path': '/pengine/create',
          'content-type': 'application/json',
          ...attacker,
        });
        stream.on('error', () => {});
        stream.end(at % 2 === 0 ? HONEST : question(ENDLESS, '[N]'));
        stream.close(constants.NGHTTP2_CANCEL);
        if (at % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await new Promise<void>((resolve) => {
        session.once('close', () => resolve());
        session.destroy();
      });
    }
  };
  await assertWithstood(attack());
});

const RECORD_BYTES = 16 * 1024;

/** Says raw bytes on a TLS connection of HTTP/2, until all are sent or the site ends it. */
function flood(frames: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(site.https);
    const socket = connectTls({
      host: hostname,
      port: Number(port),
      ca: site.ca,
      servername: SITE,
      ALPNProtocols: ['h2'],
    });
    // In pieces of a TLS record each: the asker of honest questions shares this process, and must not wait for us.
    const all = Buffer.concat(frames);
    let at = 0;
    const more = () => {
      while (at < all.length) {
        at += RECORD_BYTES;
        if (!socket.write(all.subarray(at - RECORD_BYTES, at))) return;
      }
      socket.end();
    };
    socket.on('secureConnect', () => {
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      more();
    });
    // The acknowledgements are not read until all is sent: they pile up on the other side.
    socket.on('drain', more);
    socket.on('error', () => {});
    socket.once('close', () => resolve());
    socket.setTimeout(5_000, () => socket.destroy());
    socket.pause();
    socket.once('finish', () => socket.resume());
  });
}

/** RFC 9113 section 4.1. */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const NOTHING = Buffer.alloc(0);
const SETTINGS = frame(4, 0, 0, NOTHING);

const FLOODS: readonly (readonly [string, readonly Buffer[]])[] = [
  ['settings', repeated(frame(4, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100])), 100_000)],
  ['pings', repeated(frame(6, 0, 0, Buffer.alloc(8, 7)), 100_000)],
  ['window updates', repeated(frame(8, 0, 0, Buffer.from([0, 0, 0, 1])), 100_000)],
  ['priorities of streams that are none', repeated(frame(2, 0, 1, Buffer.from([0, 0, 0, 0, 16])), 100_000)],
  // A header block without an end.
  [
    'continuations',
    [SETTINGS, frame(1, 0, 1, NOTHING), ...repeated(frame(9, 0, 1, Buffer.alloc(16_000, 0x40)), 500)],
  ],
  // An indexed field that is not there, and a length past the frame.
  ['broken frames', [SETTINGS, frame(1, 4, 1, Buffer.from([0xff, 0xff, 0xff])), Buffer.alloc(100_000, 0xff)]],
];

function repeated(one: Buffer, count: number): Buffer[] {
  return Array<Buffer>(count).fill(one);
}

for (const [what, frames] of FLOODS) {
  test(`a flood of ${what}`, async () => {
    await assertWithstood(Promise.all([1, 2, 3, 4].map(() => flood([SETTINGS, ...frames]))));
  });
}

test('thousands of headers, of one request and of many', async () => {
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`x-${at}`, 'y'.repeat(500)]));
  const attack = async () => {
    for (let at = 0; at < 20; at += 1) {
      const session = http2Session();
      const streams = Array.from({ length: 10 }, () => session.request({ ':path': '/healthz', ...many }));
      await Promise.all(
        streams.map((stream) => {
          stream.on('error', () => {});
          stream.resume();
          return new Promise<void>((resolve) => stream.once('close', () => resolve()));
        }),
      );
      session.destroy();
    }
  };
  await assertWithstood(attack());
});

test('after all of it honest questions are answered as before, and the sessions left open still count', async (t) => {
  const { answered, worstMs } = await askingWhile(Promise.resolve());
  assert.equal(answered, 10);
  assert.equal((await post('{"ask":"node(N)","destroy":false}', attacker)).status, 429);
  t.diagnostic(
    `Node and swipl held at most ${Math.round(site.peakMebibytes())} MiB; now ${Math.round(worstMs)} ms`,
  );
});
