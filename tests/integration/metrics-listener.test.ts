/** Metrics on a port of their own. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask } from '../support/http.ts';
import { readMetrics } from '../support/metrics.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let alone: TestServer;
let url: string;

beforeAll(async () => {
  alone = await startTestServer({ environment: { METRICS_PORT: '0', ROLE: 'worker' } });
  url = `http://127.0.0.1:${alone.running.metricsAddress?.port}`;
});
afterAll(() => alone.stop());

it('serves a process that answers no requests, without a token', async () => {
  const answer = await ask(`${url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const { value } = readMetrics(answer.body.toString('utf8'));
  expect(value('photochanger_database_up')).toBe(1);
  expect(value('process_resident_memory_bytes')).toBeGreaterThan(0);
  expect(alone.running.address).toBeUndefined();
});

it('answers HEAD without the text', async () => {
  const answer = await ask(`${url}/metrics`, { method: 'HEAD' });
  expect([answer.status, answer.body.length]).toEqual([200, 0]);
});

it.each([
  ['GET', '/', 404],
  ['GET', '/api/slots', 404],
  ['GET', '/healthz', 404],
  ['GET', '/metrics/', 404],
  ['POST', '/metrics', 405],
])('serves nothing else: %s %s is %i', async (method, path, status) => {
  const answer = await ask(`${url}${path}`, { method });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/json');
});

it('listens on this machine alone, unless it is told otherwise', () => {
  expect(alone.running.metricsAddress?.address).toBe('127.0.0.1');
});

it('ends with its process', async () => {
  const other = await startTestServer({ database: alone.database, environment: { METRICS_PORT: '0' } });
  const { port } = other.running.metricsAddress ?? { port: 0 };
  await other.stop();
  await expect(ask(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow(/ECONNREFUSED/);
});

it('is not there unless it is asked for', async () => {
  const other = await startTestServer({ database: alone.database });
  expect(other.running.metricsAddress).toBeUndefined();
  await other.stop();
});
