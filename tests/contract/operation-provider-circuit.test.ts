import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { administratorToken, bearer } from '../support/administrators.ts';
import { tellFailure } from '../support/circuits.ts';
import { answers } from '../support/contract-answer.ts';
import { ask, type HttpAnswer } from '../support/http.ts';
import { type Json, jsonOf } from '../support/jobs.ts';
import { METRICS_TOKEN, scrape } from '../support/metrics.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let headers: Record<string, string>;

beforeAll(async () => {
  server = await startTestServer({
    environment: { ROLE: 'api', GEMINI_API_KEY: 'a-gemini-key-0123456789', METRICS_TOKEN },
  });
  headers = bearer(await administratorToken(server));
});
beforeEach(() => server.db.pool.query('delete from circuit; update lane set calls_per_day = null'));
afterAll(() => server.stop());

const keyId = async (): Promise<string> => {
  const { rows } = await server.db.pool.query<{ key_id: string }>(
    `select key_id from lane where provider_id = 'gemini'`,
  );
  return rows[0]?.key_id ?? '';
};

/** Gemini refuses the key: it is not called again for a minute, longer than a test takes. */
async function breakDown(key?: string): Promise<void> {
  const used = key ?? (await keyId());
  const failure = { kind: 'invalid_key', retryable: false } as const;
  await tellFailure(server.db, { providerId: 'gemini', keyId: used, failure });
}

const closeGemini = (id = 'gemini'): Promise<HttpAnswer> =>
  ask(`${server.url}/api/providers/${id}/close_circuit`, { method: 'POST', headers });
const availability = async (): Promise<Json> => {
  const answer = await ask(`${server.url}/api/providers`, { headers });
  return jsonOf(answer).providers.find((each: { id: string }) => each.id === 'gemini').availability;
};
const readiness = async (): Promise<Json> => jsonOf(await ask(`${server.url}/readyz`));

describe('a provider that can be called again by hand', () => {
  answers('closeProviderCircuit', 200, 'one that was down is ready at once', async () => {
    await breakDown();
    expect(await availability()).toMatchObject({
      state: 'down',
      retry_after_ms: expect.any(Number),
      reason: 'the service is not well',
    });
    const answer = await closeGemini();
    expect(jsonOf(answer)).toMatchObject({ state: 'ready', retry_after_ms: null, reason: null });
    expect(await availability()).toEqual(jsonOf(answer));
    expect((await server.db.pool.query('select from circuit')).rows).toEqual([]);
    return answer;
  });

  answers('closeProviderCircuit', 200, 'one whose service asked to wait, or called its quota used up', async () => {
    const used = await keyId();
    await tellFailure(server.db, {
      providerId: 'gemini',
      keyId: used,
      failure: { kind: 'throttled', retryAfterMs: 30_000 },
    });
    expect(await availability()).toMatchObject({ state: 'paused' });
    await tellFailure(server.db, {
      providerId: 'gemini',
      keyId: used,
      failure: { kind: 'throttled', exhausted: true },
    });
    expect(await availability()).toMatchObject({ state: 'exhausted' });
    const answer = await closeGemini();
    expect(await availability()).toMatchObject({ state: 'ready' });
    return answer;
  });

  answers('closeProviderCircuit', 200, 'one that was ready stays so', () => closeGemini());
  answers('closeProviderCircuit', 404, 'a provider that is none', async () => {
    for (const id of ['__proto__', '%00', 'x'.repeat(2_000), 'Gemini'])
      expect((await closeGemini(id)).status).toBe(404);
    return closeGemini('nobody');
  });

  it('is said in the audit log', async () => {
    await breakDown();
    await server.db.pool.query('delete from audit_event');
    await closeGemini();
    const { rows } = await server.db.pool.query('select action, object_type, object_id, details from audit_event');
    expect(rows).toEqual([
      {
        action: 'provider.circuit_closed',
        object_type: 'provider',
        object_id: 'gemini',
        details: { was: 'down', changed: true },
      },
    ]);
  });

  it('keeps what is held against another key, and our own limit of the day', async () => {
    await breakDown('another key');
    await server.db.pool.query(
      `update lane set calls_per_day = 3, day_calls = 3, day_ends_at = now() + interval '1 hour' where provider_id = 'gemini'`,
    );
    expect(jsonOf(await closeGemini())).toMatchObject({
      state: 'exhausted',
      reason: 'all calls of the day are used up',
      day_calls: 3,
    });
    const { rows } = await server.db.pool.query('select key_id from circuit where open_until is not null');
    expect(rows).toEqual([{ key_id: 'another key' }]);
  });

  it('wakes whoever has photos waiting for it', async () => {
    await breakDown();
    const client = await server.db.pool.connect();
    try {
      const heard = new Promise<string | undefined>((resolve) => {
        client.on('notification', ({ payload }) => resolve(payload));
      });
      await client.query('listen job_new');
      await closeGemini();
      expect(await heard).toBe('gemini');
    } finally {
      client.release(true);
    }
  });
});

describe('a provider that is down', () => {
  it('is named by readiness without a word of the service, and does not make the server unready', async () => {
    expect(await readiness()).toMatchObject({ status: 'ready', providers: [] });
    await breakDown();
    const { status, providers } = await readiness();
    expect({ status, providers }).toEqual({
      status: 'ready',
      providers: [{ id: 'gemini', state: 'down', retry_after_ms: expect.any(Number) }],
    });
  });

  it('is not named where it has no key, because no slot can use it', async () => {
    for (let call = 0; call < 5; call++) await tellFailure(server.db, { providerId: 'openai' });
    expect((await readiness()).providers).toEqual([]);
  });

  it('is in the metrics', async () => {
    await breakDown();
    const { value } = await scrape(server);
    const of = (state: string) => value('photochanger_provider_availability', { provider: 'gemini', state });
    expect(['ready', 'down', 'paused', 'probe', 'probing', 'exhausted'].map(of)).toEqual([0, 1, 0, 0, 0, 0]);
    expect(value('photochanger_provider_availability', { provider: 'studio', state: 'ready' })).toBe(1);
  });
});
