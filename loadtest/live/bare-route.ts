/**
 * What `fleet.ask` over a live view is compared with: a fastify route on plain HTTP that sends the same bytes.
 *
 *     node bare-route.ts FILE     FILE holds the reply's body; prints {"ready":true,"url":...}
 */
import { readFileSync } from 'node:fs';
import { fastify } from 'fastify';

const bytes = readFileSync(process.argv[2] ?? '');
const app = fastify();
app.post('/trpc/fleet.ask', (_request, reply) => reply.type('application/json').send(bytes));
process.stdin.on('end', () => process.exit(0)).resume();
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${JSON.stringify({ ready: true, url })}\n`);
