/** The listening server: Koa's callback behind Node's HTTP server, with limits against slow and endless clients. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Koa from 'koa';

/** A client has this long to send its whole head, in milliseconds. */
const HEAD_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 30_000;
/** Requests arrive in bursts after an outage; the system's default backlog of 511 would drop them. */
const BACKLOG = 4_096;

/** A listening server. */
export interface HttpServer {
  /** The address it listens on. */
  readonly address: AddressInfo;
  /** Accepts no new connection; idle ones are closed. Resolves when the last request is answered. */
  close(): Promise<void>;
  /** Closes every connection, answered or not. */
  destroy(): void;
}

/** Listens. Rejects when the address cannot be taken. */
export async function startHttpServer(app: Koa, where: { host: string; port: number }): Promise<HttpServer> {
  const handle = app.callback() as (req: IncomingMessage, res: ServerResponse) => void;
  const server = createServer(
    {
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
    },
    handle,
  );
  // without this listener Node says 100 Continue at once, and the whole photo travels before it can be refused
  server.on('checkContinue', handle);
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end(BAD_REQUEST);
    else socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...where, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    address: server.address() as AddressInfo,
    close: () => close(server),
    destroy: () => server.closeAllConnections(),
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

const BAD_REQUEST_BODY = JSON.stringify({
  error: { code: 'invalid_request', message: 'The request is not well-formed HTTP.' },
});
const BAD_REQUEST = [
  'HTTP/1.1 400 Bad Request',
  'Content-Type: application/json',
  'Cache-Control: no-store',
  `Content-Length: ${Buffer.byteLength(BAD_REQUEST_BODY)}`,
  'Connection: close',
  '',
  BAD_REQUEST_BODY,
].join('\r\n');
