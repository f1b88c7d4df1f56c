/** The connection of commands that are told things: where it never comes about, whoever waits for it is told so, and why. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { LogicError } from '@fleet/shared/errors.ts';
import { connectLive } from './live-client.ts';

/** Healthy, and `upgraded` decides what becomes of who wants a WebSocket. */
async function serve(t: TestContext, upgraded: (server: Server) => void): Promise<string> {
  const server = createServer((_request, response) => response.end('{"ok":true}'));
  upgraded(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const says = (error: LogicError) =>
  error.code === 'unreachable' && /no coordinator answers at/.test(error.message);

test('a connection that is refused is an error at once', async (t) => {
  const refused = await serve(t, (server) =>
    server.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
    ),
  );
  const live = await connectLive(refused);
  t.after(() => live.close());
  await assert.rejects(live.failed, says);
});

test('where nothing listens there is no connection', async () => {
  await assert.rejects(connectLive('http://127.0.0.1:1'), says);
});

test('a server that ends between the look and the connection is one that does not answer', async (t) => {
  const gone = await serve(t, (server) => server.on('request', () => server.close()));
  const live = await connectLive(gone);
  t.after(() => live.close());
  await assert.rejects(live.failed, says);
});

test('a server that says nothing to the upgrade is given up in time', async (t) => {
  const silent = await serve(t, (server) => server.on('upgrade', () => {}));
  const live = await connectLive(silent, { openMs: 200 });
  t.after(() => live.close());
  await assert.rejects(live.failed, says);
});
