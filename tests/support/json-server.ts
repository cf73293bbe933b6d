/** The real HTTP side with a contract of three operations and no database: what their handlers get is what is looked at. */
import type { CheckedRequest } from '../../src/contract/contract.ts';
import type { AnyReply } from '../../src/contract/handler.ts';
import type { RequestContext } from '../../src/contract/request-context.ts';
import { createApp } from '../../src/http/app.ts';
import { type HttpServer, startHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/log.ts';
import { createLogBook, type LogBook } from './log-book.ts';
import { connectRaw, type RawClient } from './raw-http.ts';
import { makeContract, makeDocument, makeOperation } from './small-contract.ts';

export interface JsonServer extends LogBook {
  readonly port: number;
  readonly url: string;
  /** The bodies that handlers got. */
  readonly bodies: readonly unknown[];
  connect(): Promise<RawClient>;
  /** Begins to drain: no new connection, the open ones end with their answers. */
  close: HttpServer['close'];
  stop(): Promise<void>;
}

const body = (required: boolean): object => ({
  required,
  content: { 'application/json': { schema: { type: 'object', properties: { a: { type: 'integer' } } } } },
});

const DOCUMENT = makeDocument({
  '/api/strict': { post: makeOperation('strict', { requestBody: body(true) }) },
  '/api/relaxed': { post: makeOperation('relaxed', { requestBody: body(false) }) },
  '/api/bare': { post: makeOperation('bare'), get: makeOperation('readBare'), delete: makeOperation('removeBare') },
});

/**
 * Listens on a free port.
 *
 * @param handle what every handler does with its context before it answers.
 * @param reply what every handler answers instead of the body it got.
 */
export async function startJsonServer(
  handle: (context: RequestContext) => Promise<void> = async () => {},
  reply?: AnyReply,
): Promise<JsonServer> {
  const book = createLogBook();
  const bodies: unknown[] = [];
  const handler = async (request: CheckedRequest, context: RequestContext): Promise<object> => {
    bodies.push(request.body);
    await handle(context);
    return reply ?? { status: 200, body: { got: request.body ?? null } };
  };
  const ids = ['strict', 'relaxed', 'bare', 'readBare', 'removeBare'];
  const app = createApp({
    contract: makeContract(DOCUMENT, Object.fromEntries(ids.map((id) => [id, handler]))),
    log: createLog('debug', book),
    clientAddress: () => '192.0.2.1',
    access: { verifyToken: () => Promise.reject(new Error('nobody is asked')), metricsToken: undefined },
  });
  const http = await startHttpServer(app, { host: '127.0.0.1', port: 0 });
  const { port } = http.address;
  return {
    ...book,
    port,
    url: `http://127.0.0.1:${port}`,
    bodies,
    connect: () => connectRaw(port),
    close: () => http.close(),
    async stop() {
      http.destroy();
      await http.close();
    },
  };
}
