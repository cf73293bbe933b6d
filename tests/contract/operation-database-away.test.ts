/** Every operation for administrators while the database is away. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OperationId } from '../../generated/operations.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { expectDeclared } from '../support/contract-answer.ts';
import { operationsOf } from '../support/contract-matrix.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { exampleRequest } from '../support/example-request.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { ask, type HttpAnswer, refusal } from '../support/http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let cutOff: TestServer;
let proxy: FaultProxy;
const answersOf = new Map<OperationId, HttpAnswer>();

beforeAll(async () => {
  server = await startTestServer();
  proxy = await startDatabaseProxy(server.database);
  cutOff = await startTestServer({
    database: server.database,
    environment: { DATABASE_URL: proxy.through(server.database.url) },
  });
  const headers = bearer(await administratorToken(server));
  proxy.refuse();
  proxy.cut();
  // all at once: each waits a while for a connection
  await Promise.all(
    operationsOf('noDatabase').map(async (operationId) => {
      const { path, ...request } = exampleRequest(operationId, { headers });
      answersOf.set(operationId, await ask(`${cutOff.url}${path}`, request));
    }),
  );
});
afterAll(async () => {
  await cutOff.stop();
  await proxy.stop();
  await server.stop();
});

for (const operationId of operationsOf('noDatabase')) {
  it(`${operationId} 503: says that the database cannot be reached`, () => {
    const answer = answersOf.get(operationId) as HttpAnswer;
    expectDeclared(operationId, 503, answer);
    expect(refusal(answer)).toBe('503 queue_unavailable');
  });
}
