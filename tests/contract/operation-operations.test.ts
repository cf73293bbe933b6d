import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { administratorToken, bearer } from '../support/administrators.ts';
import { answers } from '../support/contract-answer.ts';
import { ask, errorOf, type HttpAnswer, type HttpRequest } from '../support/http.ts';
import { METRICS_TOKEN } from '../support/metrics.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const PURGES = '/api/media/cache/purge';

let server: TestServer;
let token: string;

beforeAll(async () => {
  server = await startTestServer({ environment: { METRICS_TOKEN } });
  token = await administratorToken(server);
});
afterAll(() => server.stop());

const call = (path: string, request: HttpRequest = {}): Promise<HttpAnswer> =>
  ask(`${server.url}${path}`, { ...request, headers: { ...bearer(token), ...request.headers } });

const json = (body: unknown): HttpRequest => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: Buffer.from(JSON.stringify(body)),
});

const bodyOf = (answer: HttpAnswer) => JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>;

describe('metrics', () => {
  answers('getMetrics', 200, 'whoever has the token reads them', async () => {
    const answer = await ask(`${server.url}/metrics`, { headers: bearer(METRICS_TOKEN) });
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    return { ...answer, headers: new Map([...answer.headers, ['content-type', 'text/plain']]) };
  });

  it.each([
    ['no token', {}],
    ['another token', bearer(`${METRICS_TOKEN}x`)],
  ])('are refused to whoever has %s', async (_, headers) => {
    const answer = await ask(`${server.url}/metrics`, { headers });
    expect([answer.status, errorOf(answer).code]).toEqual([401, 'unauthorized']);
  });

  it("are refused to an administrator's token", async () => {
    expect((await call('/metrics')).status).toBe(401);
  });
});

describe('the audit log', () => {
  answers('listAuditEvents', 200, 'shows what was done', async () => {
    await call(PURGES, json({ dry_run: true }));
    const answer = await call('/api/audit?action=media_purge.&page_size=1');
    expect(bodyOf(answer)).toMatchObject({
      data: [
        { action: 'media_purge.requested', object_type: 'media_purge', details: { scope: 'full', dry_run: true } },
      ],
      meta: { page: 1, page_size: 1 },
    });
    return answer;
  });
  const faulty = [
    'action=Slot',
    'action=slot%25',
    'actor=',
    'object_id=%00',
    'from=yesterday',
    'from=0000-01-01T00:00:00Z',
    'to=2016-12-31T23:59:60Z',
    'from=2026-02-01T00:00:00Z&to=2026-02-01T00:00:00Z',
    'page=0',
    'page_size=101',
  ];
  for (const query of faulty) {
    answers('listAuditEvents', 400, `is not asked for by ${query}`, async () => {
      const answer = await call(`/api/audit?${query}`);
      expect(errorOf(answer).code).toBe('invalid_request');
      return answer;
    });
  }
});

describe('a purge', () => {
  const bodies: [string, HttpRequest, Record<string, unknown>][] = [
    ['without a body and its type', { method: 'POST' }, { scope: 'full', dry_run: false }],
    [
      'with a type and no body',
      { method: 'POST', headers: { 'Content-Type': 'application/json' } },
      { scope: 'full', dry_run: false },
    ],
    ['with an empty object', json({}), { scope: 'full', dry_run: false }],
    ['of a scope', json({ scope: 'media_objects' }), { scope: 'media_objects', dry_run: false }],
    ['that only reports', json({ dry_run: true }), { scope: 'full', dry_run: true }],
  ];
  for (const [what, request, expected] of bodies) {
    answers('enqueueMediaCachePurge', 202, what, async () => {
      const answer = await call(PURGES, request);
      const body = bodyOf(answer);
      expect(body).toMatchObject({ status: 'queued_for_gc', ...expected });
      expect(answer.headers.get('location')).toBe(`${PURGES}/${body['job_id']}`);
      return answer;
    });
  }

  const faulty: [string, Buffer][] = [
    ['another scope', Buffer.from('{"scope":"templates"}')],
    ['a member nobody declared', Buffer.from('{"force":true}')],
    ['a text for a truth value', Buffer.from('{"dry_run":"true"}')],
    ['null', Buffer.from('null')],
    ['what is not JSON', Buffer.from('{')],
  ];
  for (const [what, body] of faulty) {
    answers('enqueueMediaCachePurge', 400, `is not asked for by ${what}`, () =>
      call(PURGES, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }),
    );
  }

  answers('getMediaCachePurge', 200, 'can be looked up by its id', async () => {
    const { job_id: jobId } = bodyOf(await call(PURGES, json({ dry_run: true })));
    const answer = await call(`${PURGES}/${jobId}`);
    expect(bodyOf(answer)).toMatchObject({ job_id: jobId, scope: 'full', dry_run: true });
    return answer;
  });
  for (const [what, id] of [
    ['an id that none has', randomUUID()],
    ['what is not an id', 'latest'],
  ] as const) {
    answers('getMediaCachePurge', 404, `is not found by ${what}`, async () => {
      const answer = await call(`${PURGES}/${id}`);
      expect(errorOf(answer).code).toBe('not_found');
      return answer;
    });
  }

  answers('listMediaCachePurges', 200, 'is in the list, the newest first', async () => {
    const { job_id: jobId } = bodyOf(await call(PURGES, json({ dry_run: true })));
    const answer = await call(PURGES);
    expect((bodyOf(answer)['data'] as { job_id: string }[])[0]?.job_id).toBe(jobId);
    return answer;
  });
});
