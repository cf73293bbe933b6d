import { afterAll, beforeAll, describe, expect } from 'vitest';
import { updateSlot } from '../../src/repositories/slots.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { answers } from '../support/contract-answer.ts';
import { ask, errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { jobIdIn, jsonOf } from '../support/jobs.ts';
import { setPrices, storeCalls } from '../support/ledger.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { DAY_MS } from '../support/statistics.ts';

let server: TestServer;
let headers: Record<string, string>;

const TODAY = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS);
const date = (daysAgo: number): string => new Date(TODAY.getTime() - daysAgo * DAY_MS).toISOString().slice(0, 10);
const noon = (daysAgo: number): Date => new Date(TODAY.getTime() - (daysAgo - 0.5) * DAY_MS);

beforeAll(async () => {
  server = await startTestServer();
  headers = bearer(await administratorToken(server, ['stats:read']));
  await setPrices(server.db, [['gemini', 0.04]]);
  await storeCalls(server.db, [
    { endedAt: noon(3) },
    { endedAt: noon(3), outcome: 'empty', charged: 'maybe' },
    { endedAt: noon(3), slotId: 'slot-002', model: 'pro', price: null },
    { endedAt: noon(2), isTest: true },
    { endedAt: noon(399), price: 0.02 },
    { endedAt: noon(401) },
    // a moment that is today also when midnight comes
    { endedAt: new Date(TODAY.getTime() + 1), price: 0.09 },
  ]);
  await updateSlot(server.db, 'slot-001', { dailyBudget: 0.1 });
});
afterAll(() => server.stop());

const get = (path: string): Promise<HttpAnswer> => ask(`${server.url}/api/${path}`, { headers });
const pointers = (answer: HttpAnswer): string[] => {
  expect(refusal(answer)).toBe('400 invalid_request');
  const fields = errorOf(answer).details?.fields as { pointer: string }[] | undefined;
  return (fields ?? []).map(({ pointer }) => pointer);
};

describe('what a slot costs', () => {
  answers('getSlotCosts', 200, 'the last 30 days, test runs apart, and what is left of today', async () => {
    const answer = await get('stats/slot-001/costs');
    expect(jsonOf(answer)).toEqual({
      slot_id: 'slot-001',
      range: { from: date(29), to: date(-1) },
      currency: 'EUR',
      totals: {
        calls: 3,
        outcomes: { empty: 1, image: 2 },
        charged: { yes: 2, maybe: 1, no: 0 },
        known: 0.13,
        possible: 0.04,
        unpriced_calls: 0,
      },
      test_runs: expect.objectContaining({ calls: 1, known: 0.04 }),
      data: [
        expect.objectContaining({ date: date(3), provider_id: 'gemini', model: '*', calls: 2, known: 0.04 }),
        expect.objectContaining({ date: date(0), provider_id: 'gemini', model: '*', calls: 1, known: 0.09 }),
      ],
      budget: {
        amount: 0.1,
        spent: 0.09,
        share: 0.9,
        currency: 'EUR',
        state: 'warned',
        day_ends_at: `${date(-1)}T00:00:00.000Z`,
      },
    });
    return answer;
  });

  answers('getSlotCosts', 200, 'of a slot without a budget and without calls', async () => {
    const answer = await get('stats/slot-015/costs');
    expect(jsonOf(answer)).toMatchObject({ totals: { calls: 0, outcomes: {}, known: 0 }, data: [], budget: null });
    return answer;
  });

  answers('getSlotCosts', 400, 'what is no day, or no range', async () => {
    const answer = await get('stats/slot-001/costs?from=2026-11-23T00:00:00Z&to=2026-02-30');
    expect(pointers(answer).sort()).toEqual(['/query/from', '/query/to']);
    expect(pointers(await get('stats/slot-001/costs?from=2026-02-01&to=2026-02-01'))).toEqual(['/query/to']);
    expect(pointers(await get('stats/slot-001/costs?from=1999-12-31'))).toEqual(['/query/from']);
    return answer;
  });

  answers('getSlotCosts', 404, 'an unknown slot', () => get('stats/slot-016/costs'));
});

describe('what all slots cost', () => {
  answers('getGlobalCosts', 200, 'of 400 days, calls without a price by their number', async () => {
    const answer = await get(`stats/costs?from=${date(399)}&to=${date(-1)}`);
    expect(jsonOf(answer)).toMatchObject({
      totals: { calls: 5, charged: { yes: 4, maybe: 1, no: 0 }, known: 0.15, possible: 0.04, unpriced_calls: 1 },
      test_runs: { calls: 1, known: 0.04 },
      data: [
        { date: date(399), known: 0.02 },
        { date: date(3), model: '*', calls: 2 },
        { date: date(3), model: 'pro', calls: 1, known: 0, unpriced_calls: 1 },
        { date: date(0) },
      ],
    });
    return answer;
  });

  answers('getGlobalCosts', 400, 'a range of more than 400 days', async () => {
    const answer = await get(`stats/costs?from=${date(400)}&to=${date(-1)}`);
    expect(pointers(answer)).toEqual(['/query/to']);
    return answer;
  });
});

describe('what a job costs', () => {
  answers('listJobCalls', 200, 'every call, with what it came to', async () => {
    const jobId = jobIdIn(await server.post({ photo: await makePhoto(), slotId: 'slot-001' }));
    const answer = await get(`jobs/${jobId}/calls`);
    expect(jsonOf(answer).data).toEqual([
      {
        attempt_no: 1,
        fallback_no: 0,
        claim_no: 1,
        provider_id: 'studio',
        model: '*',
        outcome: 'image',
        charged: 'no',
        price: null,
        latency_ms: expect.any(Number),
        ended_at: expect.any(String),
      },
    ]);
    const { job } = jsonOf(await get(`jobs/${jobId}`));
    expect(job).toMatchObject({
      fallback_no: 0,
      is_test: false,
      result_provider_id: 'studio',
      cost: { currency: 'EUR', known: 0, possible: 0 },
    });
    return answer;
  });

  answers('listJobCalls', 404, 'what is no job', async () => {
    expect(refusal(await get('jobs/0/calls'))).toBe('404 not_found');
    return get('jobs/6f1c2a52-3a4e-4d0c-9a55-0f6a5e2d9b11/calls');
  });
});
