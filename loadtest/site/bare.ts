/**
 * The other baseline: a fastify route on a TLS port of the same kind as the agent's (HTTP/2 and 1.1), that reads the
 * request's body and sends back fixed bytes with fixed headers. What is left of the agent's cost above this is ours.
 *
 *     node bare.ts '{"cert":FILE,"key":FILE,"reply":FILE}'     prints {"ready":true,"url":...}
 */
import { readFileSync } from 'node:fs';
import { fastify } from 'fastify';
import { z } from 'zod';

const fixed = z.object({ headers: z.record(z.string(), z.string()), body: z.string() });
const given = z
  .object({ cert: z.string(), key: z.string(), reply: z.string() })
  .parse(JSON.parse(process.argv[2] ?? '{}'));
const { headers, body } = fixed.parse(JSON.parse(readFileSync(given.reply, 'utf8')));
const bytes = Buffer.from(body);

const app = fastify({
  http2: true,
  https: {
    allowHTTP1: true,
    cert: readFileSync(given.cert),
    key: readFileSync(given.key),
    minVersion: 'TLSv1.3',
  },
});
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, read, done) => done(null, read));
app.post('/pengine/create', (_request, reply) => reply.headers(headers).send(bytes));
process.stdin.on('end', () => process.exit(0)).resume();
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${JSON.stringify({ ready: true, url })}\n`);
