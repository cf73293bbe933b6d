import { once } from 'node:events';
import { connect } from 'node:net';
import Koa from 'koa';
import { expect, test } from 'vitest';
import { startHttpServer } from '../../src/http/server.ts';

test('a client that does not finish its head in time is disconnected, and the server can close', async () => {
  const server = await startHttpServer(new Koa(), { host: '127.0.0.1', port: 0, headTimeoutMs: 200 });
  const socket = connect(server.address.port, '127.0.0.1');
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  socket.resume();
  await once(socket, 'close');
  await server.close();
  expect(socket.destroyed).toBe(true);
});
