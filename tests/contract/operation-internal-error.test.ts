import { afterAll, beforeAll, expect, it } from 'vitest';
import { OPERATIONS } from '../../generated/operations.ts';
import { createContract } from '../../src/contract/contract.ts';
import type { Handlers } from '../../src/contract/handler.ts';
import { PERMISSIONS } from '../../src/domain/permissions.ts';
import { createApp } from '../../src/http/app.ts';
import { type HttpServer, startHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/log.ts';
import { expectDeclared } from '../support/contract-answer.ts';
import { operationsOf } from '../support/contract-matrix.ts';
import { exampleRequest } from '../support/example-request.ts';
import { ask, errorOf } from '../support/http.ts';
import { createLogBook } from '../support/log-book.ts';

const METRICS_TOKEN = 'metrics-token-0123';
const TOKEN = { Authorization: `Bearer ${METRICS_TOKEN}` };
const SECRET = 'postgres://photochanger:swordfish@10.0.0.5/photos';

const book = createLogBook();
let http: HttpServer;
let url: string;

beforeAll(async () => {
  const handlers = Object.fromEntries(
    Object.keys(OPERATIONS).map((id) => [id, () => Promise.reject(new Error(`cannot reach ${SECRET}`))]),
  );
  const app = createApp({
    contract: createContract(handlers as unknown as Handlers),
    log: createLog('debug', book),
    clientAddress: () => '192.0.2.1',
    access: {
      verifyToken: () => Promise.resolve({ name: 'admin', permissions: PERMISSIONS }),
      metricsToken: METRICS_TOKEN,
    },
  });
  http = await startHttpServer(app, { host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${http.address.port}`;
});
afterAll(async () => {
  http.destroy();
  await http.close();
});

const what = 'a fault tells the client its request id and nothing else; the log tells all but the secret';

for (const operationId of operationsOf('fault')) {
  it(`${operationId} 500: ${what}`, async () => {
    const { path, ...request } = exampleRequest(operationId, { headers: TOKEN });
    const answer = await ask(`${url}${path}`, request);
    expectDeclared(operationId, 500, answer);
    const requestId = answer.headers.get('x-request-id');
    expect(errorOf(answer)).toMatchObject({ code: 'internal_error', details: { request_id: requestId } });
    expect(answer.body.toString('utf8')).not.toMatch(/cannot reach|postgres|swordfish|\.ts/);
    const line = await book.waitForLine({ msg: 'request failed', request_id: requestId });
    expect(line).toMatchObject({ level: 'error', err: { message: expect.stringContaining('cannot reach') } });
    expect(JSON.stringify(line)).not.toContain('swordfish');
    await book.waitForLine({ msg: 'request', request_id: requestId, operation: operationId, status: 500 });
  });
}
