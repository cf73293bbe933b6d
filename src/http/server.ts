/** The listening server: Koa's callback behind Node's HTTP server, with limits against slow and endless clients. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Koa from 'koa';
import { DomainError } from '../domain/errors.ts';
import { type Connections, watchConnections } from './connections.ts';
import { toErrorAnswer } from './error-answer.ts';
import { DEFAULT_HEADERS } from './send-reply.ts';

/** A client has this long to send its whole head, in milliseconds. */
const HEAD_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 30_000;
/** How often slow heads are looked for. */
const CHECK_MS = 500;
/** Requests arrive in bursts after an outage; the system's default backlog of 511 would drop them. */
const BACKLOG = 4_096;

/** Where to listen, and how long a client may take to send its head (15 s unless a test says otherwise). */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly headTimeoutMs?: number;
  /** Carried by every answer, also by those that are given before there is a request. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Told of faults while accepting connections; the server carries on. */
  readonly onError?: (error: Error) => void;
}

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
export async function startHttpServer(app: Koa, where: ListenAddress): Promise<HttpServer> {
  const answer = app.callback() as (req: IncomingMessage, res: ServerResponse) => void;
  const server = createServer({
    headersTimeout: where.headTimeoutMs ?? HEAD_TIMEOUT_MS,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_MS,
  });
  const connections = watchConnections(server);
  const { headers = [] } = where;
  const handle = (req: IncomingMessage, res: ServerResponse) => {
    connections.open(res);
    for (const [name, value] of headers) res.setHeader(name, value);
    answer(req, res);
  };
  server.on('request', handle);
  // without this listener Node says 100 Continue at once, and the whole photo travels before it can be refused
  server.on('checkContinue', handle);
  // and without this one it answers other expectations itself, in another shape (they may be ignored: RFC 9110, section 10.1.1)
  server.on('checkExpectation', handle);
  server.on('clientError', (_error, socket) => {
    // in the middle of an answer the words would become part of the picture
    if (socket.writable && !connections.isAnswering(socket)) socket.end(badRequest(headers));
    else socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: where.host, port: where.port, backlog: BACKLOG }, () => {
      server.off('error', reject);
      server.on('error', where.onError ?? (() => undefined));
      resolve();
    });
  });
  return {
    address: server.address() as AddressInfo,
    close: () => close(server, connections),
    destroy: () => server.closeAllConnections(),
  };
}

function close(server: Server, connections: Connections): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    connections.end();
  });
}

/** The one error shape also for what is not well-formed HTTP, where no request exists yet. */
function badRequest(headers: NonNullable<ListenAddress['headers']>): string {
  const requestId = randomUUID();
  const { status, body, contentType } = toErrorAnswer(
    new DomainError('invalid_request', 'The request is not well-formed HTTP.'),
    requestId,
    undefined,
  );
  return [
    `HTTP/1.1 ${status} Bad Request`,
    `X-Request-Id: ${requestId}`,
    ...[...DEFAULT_HEADERS, ...headers].map(([name, value]) => `${name}: ${value}`),
    'Cache-Control: no-store',
    `Content-Type: ${contentType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
