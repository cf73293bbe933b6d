import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answers } from '../support/contract-answer.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { ask, errorOf, type HttpAnswer } from '../support/http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const get = (path: string): Promise<HttpAnswer> => ask(`${server.url}${path}`);

describe('a server that can take photos', () => {
  answers('getHealth', 200, 'is alive', () => get('/healthz'));
  answers('getReadiness', 200, 'is ready', () => get('/readyz'));
  answers('getContract', 200, 'publishes the contract that it keeps to', async () => {
    const answer = await get('/openapi.json');
    const generated = readFileSync(new URL('../../generated/openapi.json', import.meta.url), 'utf8');
    expect(answer.body.toString('utf8')).toBe(JSON.stringify(JSON.parse(generated)));
    return answer;
  });
});

describe('a server whose database cannot be reached', () => {
  let proxy: FaultProxy;
  let cutOff: TestServer;

  beforeAll(async () => {
    proxy = await startDatabaseProxy(server.database);
    cutOff = await startTestServer({
      database: server.database,
      environment: { DATABASE_URL: proxy.through(server.database.url) },
    });
    proxy.refuse();
    proxy.cut();
  });
  afterAll(async () => {
    await cutOff.stop();
    await proxy.stop();
  });

  answers('getHealth', 200, 'is alive', () => ask(`${cutOff.url}/healthz`));
  answers('getContract', 200, 'still publishes the contract', () => ask(`${cutOff.url}/openapi.json`));
  answers('getReadiness', 503, 'is not ready, and says why', async () => {
    const answer = await ask(`${cutOff.url}/readyz`);
    expect(errorOf(answer).details).toMatchObject({
      checks: { database: { ok: false }, schema_version: { ok: false }, media_store: { ok: true } },
    });
    return answer;
  });
});

describe('a server whose disk is nearly full', () => {
  answers('getReadiness', 503, 'is not ready, and says why', async () => {
    const full = await startTestServer({ environment: { MEDIA_FREE_BYTES_MIN: '1000000000000000' } });
    try {
      const answer = await ask(`${full.url}/readyz`);
      expect(errorOf(answer).details).toMatchObject({ checks: { database: { ok: true }, media_store: { ok: false } } });
      return answer;
    } finally {
      await full.stop();
    }
  });
});

describe('every address', () => {
  it.each(['/healthz', '/readyz', '/openapi.json'])(
    '%s answers HEAD with the head of GET, and ignores unknown query parameters',
    async (path) => {
      const whole = await get(`${path}?utm_source=guest&x`);
      const head = await ask(`${server.url}${path}`, { method: 'HEAD' });
      expect([head.status, whole.status]).toEqual([200, 200]);
      expect(head.body).toHaveLength(0);
      for (const name of ['content-type', 'content-length', 'cache-control'])
        expect(head.headers.get(name)).toBe(whole.headers.get(name));
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('refuses %s with 405 and lists what it takes', async (method) => {
    const answer = await ask(`${server.url}/healthz`, { method });
    expect(answer.status).toBe(405);
    expect(errorOf(answer).code).toBe('method_not_allowed');
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  it('that leads nowhere is 404 not_found, as JSON', async () => {
    const answer = await get('/nowhere');
    expect(answer.status).toBe(404);
    expect(errorOf(answer).code).toBe('not_found');
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });
});

describe('an error for a client that asks for application/problem+json', () => {
  it('has the members of RFC 9457, and the same error beside them', async () => {
    const answer = await ask(`${server.url}/public/results/none`, {
      headers: { Accept: 'application/problem+json', 'X-Request-Id': 'probe-1' },
    });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(JSON.parse(answer.body.toString('utf8'))).toMatchObject({
      type: 'about:blank',
      title: 'result not found',
      status: 404,
      detail: expect.any(String),
      instance: 'urn:request:probe-1',
      error: { code: 'result_not_found', message: expect.any(String) },
    });
  });
});
