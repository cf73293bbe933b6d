import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKysely } from '../../src/db/pool.ts';
import { HEALTH_MINUTES, UNHEALTHY_OUTCOMES } from '../../src/domain/provider-health.ts';
import { findRecentCalls } from '../../src/repositories/provider-calls.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const recent = () =>
  findRecentCalls(
    { kysely: createKysely(database.pool) },
    { minutes: HEALTH_MINUTES, failureOutcomes: UNHEALTHY_OUTCOMES },
  );

const tell = (status: string, details: object, message: string | null, secondsAgo: number) =>
  database.pool.query(
    `insert into processing_log (job_id, slot_id, status, occurred_at, message, details)
     values ($1, 'slot-001', $2, clock_timestamp() - $3 * interval '1 second', $4, $5)`,
    [randomUUID(), status, secondsAgo, message, JSON.stringify(details)],
  );

it('only the answers of the last minutes count, by provider; what the photo is to blame for is no failure', async () => {
  expect(await recent()).toEqual([]);
  await tell('provider_responded', { provider_id: 'gemini', outcome: 'image' }, null, 30);
  await tell('provider_responded', { provider_id: 'gemini', outcome: 'refused' }, 'SAFETY', 20);
  await tell('provider_responded', { provider_id: 'gemini', outcome: 'empty' }, 'NO_IMAGE', 100);
  await tell('provider_responded', { provider_id: 'gemini', outcome: 'throttled' }, 'slow down', 90);
  await tell('provider_responded', { provider_id: 'gemini', outcome: 'empty' }, 'long ago', HEALTH_MINUTES * 60 + 1);
  await tell('dispatched', { provider_id: 'gemini', outcome: 'empty' }, null, 1);
  await tell('provider_responded', { provider_id: 'studio', outcome: 'image' }, null, HEALTH_MINUTES * 60 - 10);
  await tell('provider_responded', {}, 'nobody’s', 1);
  const found = await recent();
  expect(found.toSorted((a, b) => a.providerId.localeCompare(b.providerId))).toEqual([
    {
      providerId: 'gemini',
      calls: 4,
      failures: 2,
      lastSuccessAt: expect.any(Date),
      lastFailureAt: expect.any(Date),
      lastFailureReason: 'slow down',
    },
    {
      providerId: 'studio',
      calls: 1,
      failures: 0,
      lastSuccessAt: expect.any(Date),
      lastFailureAt: null,
      lastFailureReason: null,
    },
  ]);
});
