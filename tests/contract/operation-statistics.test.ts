import { afterAll, beforeAll, describe, expect } from 'vitest';
import { rollTallies } from '../../src/repositories/tallies.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { answers } from '../support/contract-answer.ts';
import { ask, errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { DAY_MS, HOUR_MS, storeJobs } from '../support/statistics.ts';

let server: TestServer;
let headers: Record<string, string>;

beforeAll(async () => {
  server = await startTestServer();
  headers = bearer(await administratorToken(server, ['stats:read']));
  await storeJobs(server.db, [
    { createdAt: MORNING, tookMs: 8_000 },
    { createdAt: MORNING, tookMs: 8_000, slotId: 'slot-002', providerId: 'gemini' },
    { createdAt: new Date(MORNING.getTime() + 5 * HOUR_MS), tookMs: 48_000, failureReason: 'timeout' },
    { createdAt: new Date(MORNING.getTime() + DAY_MS), tookMs: 1_000, failureReason: 'cancelled' },
  ]);
  expect(await rollTallies(server.db, 6)).toBe('rolled');
});
afterAll(() => server.stop());

const MIDNIGHT = new Date(Math.floor(Date.now() / DAY_MS - 3) * DAY_MS);
const MORNING = new Date(MIDNIGHT.getTime() + 9 * HOUR_MS);
const dayAfter = (days: number): string => new Date(MIDNIGHT.getTime() + days * DAY_MS).toISOString();
const date = (days: number): string => dayAfter(days).slice(0, 10);

const get = (path: string, more: Record<string, string> = {}): Promise<HttpAnswer> =>
  ask(`${server.url}/api/stats/${path}`, { headers: { ...headers, ...more } });
const read = ({ body }: HttpAnswer) => JSON.parse(body.toString());
const lines = ({ body }: HttpAnswer): string[] => body.toString().split('\r\n');
const pointers = (answer: HttpAnswer): string[] => {
  expect(refusal(answer)).toBe('400 invalid_request');
  const fields = errorOf(answer).details?.fields as { pointer: string }[] | undefined;
  return (fields ?? []).map(({ pointer }) => pointer);
};

const NOTHING = {
  ingest_count: 0,
  total_runs: 0,
  success: 0,
  timeouts: 0,
  errors: 0,
  timeout_share: null,
  latency_ms: null,
};

describe('the statistics of a slot', () => {
  answers('getSlotStats', 200, 'the last 14 days by day, days without photos as well', async () => {
    const answer = await get('slot-001');
    const { slot_id: slotId, range, summary, metrics } = read(answer);
    expect({ slotId, groupBy: range.group_by, days: metrics.length }).toEqual({
      slotId: 'slot-001',
      groupBy: 'day',
      days: 14,
    });
    expect(range).toEqual({ from: dayAfter(-10), to: dayAfter(4), group_by: 'day' });
    expect(summary).toMatchObject({
      title: 'Slot 1',
      ingest_count: 3,
      total_runs: 3,
      success: 1,
      timeouts: 1,
      cancelled: 1,
    });
    expect(summary).toMatchObject({ errors: 2, timeout_share: 0.3333, last_reset_at: null });
    expect(metrics[0]).toMatchObject({ period_start: dayAfter(-10), period_end: dayAfter(-9), ...NOTHING });
    expect(metrics[10]).toMatchObject({ period_start: dayAfter(0), success: 1, timeouts: 1, timeout_share: 0.5 });
    return answer;
  });

  answers('getSlotStats', 200, 'by hour, of a range that begins and ends within hours', async () => {
    const answer = await get(`slot-001?from=${date(0)}T08:30:00Z&to=${date(0)}T15:30:00%2B01:00&group_by=hour`);
    const { metrics } = read(answer);
    expect(metrics.map(({ period_start: start }: { period_start: string }) => start.slice(11, 16))).toEqual([
      '08:30',
      '09:00',
      '10:00',
      '11:00',
      '12:00',
      '13:00',
      '14:00',
    ]);
    expect(metrics[1]).toMatchObject({ success: 1, latency_ms: { p50: 8_246, p95: 8_246, p99: 8_246 } });
    expect(metrics.at(-1)).toMatchObject({ period_end: `${date(0)}T14:30:00.000Z`, timeouts: 1 });
    return answer;
  });

  answers('getSlotStats', 200, 'as CSV, as a file, for whoever accepts only that', async () => {
    const answer = await get(`slot-001?from=${date(0)}&to=${date(2)}`, { Accept: 'text/csv' });
    expect(answer.headers.get('content-disposition')).toMatch(
      /^attachment; filename="statistics-slot-001-\d{8}-\d{8}\.csv"$/,
    );
    expect(lines(answer)).toEqual([
      'slot_id,period_start,period_end,ingest_count,total_runs,success,timeouts,provider_errors,cancelled,errors,timeout_share,latency_p50_ms,latency_p95_ms,latency_p99_ms',
      `slot-001,${dayAfter(0)},${dayAfter(1)},2,2,1,1,0,0,1,0.5,8246,8246,8246`,
      `slot-001,${dayAfter(1)},${dayAfter(2)},1,1,0,0,0,1,1,0,,,`,
      '',
    ]);
    return answer;
  });

  answers('getSlotStats', 400, 'a range that is too long', async () => {
    const answer = await get(`slot-001?from=2026-01-01&to=2026-02-01T00:00:00.001Z`);
    expect(pointers(answer)).toEqual(['/query/to']);
    return answer;
  });

  answers('getSlotStats', 400, 'what is no moment, no grouping and no form', async () => {
    const answer = await get('slot-001?from=yesterday&to=2026-02-30&group_by=month&format=xml');
    expect(new Set(pointers(answer))).toEqual(
      new Set(['/query/from', '/query/to', '/query/group_by', '/query/format']),
    );
    expect(pointers(await get('slot-001?from=2026-01-01&to=2026-01-01'))).toEqual(['/query/to']);
    expect(pointers(await get('slot-001?to=0000-01-01T00:00:00Z'))).toEqual(['/query/to']);
    expect(pointers(await get('slot-001?from=2026-12-31T23:59:60Z'))).toEqual(['/query/from']);
    return answer;
  });

  answers('getSlotStats', 404, 'an unknown slot', () => get('slot-016'));
  answers('getSlotStats', 406, 'a client that takes neither JSON nor CSV', () =>
    get('slot-001', { Accept: 'image/png' }),
  );
});

describe('the statistics of all slots', () => {
  answers('getGlobalStats', 200, 'this week and the seven before, the newest first', async () => {
    const answer = await get('global');
    const { range, summary, data, meta } = read(answer);
    expect({ groupBy: range.group_by, to: range.to, meta }).toEqual({
      groupBy: 'week',
      to: dayAfter(4),
      meta: { page: 1, page_size: 10, total: 8 },
    });
    expect(summary).toMatchObject({
      ingest_count: 4,
      total_runs: 4,
      success: 2,
      timeouts: 1,
      errors: 2,
      timeout_share: 0.25,
    });
    expect(new Date(range.from).getUTCDay()).toBe(1);
    expect(data[0].period_end).toBe(range.to);
    expect(data.at(-1)).toMatchObject({ period_start: range.from, ...NOTHING });
    return answer;
  });

  answers(
    'getGlobalStats',
    200,
    'one page of the periods, in the order that was asked for; the summary is of all',
    async () => {
      const of = (page: number) =>
        get(
          `global?from=${date(-5)}&to=${date(3)}&group_by=day&page=${page}&page_size=1&sort_by=errors&sort_order=desc`,
        );
      const [first, second, third] = await Promise.all([of(1), of(2), of(9)]);
      expect(read(first).data).toMatchObject([{ period_start: dayAfter(0), errors: 1 }]);
      expect(read(second).data).toMatchObject([{ period_start: dayAfter(1), errors: 1 }]);
      expect(read(third)).toMatchObject({ data: [], meta: { page: 9, page_size: 1, total: 8 } });
      for (const page of [first, second, third])
        expect(read(page).summary).toMatchObject({ ingest_count: 4, errors: 2 });
      return first;
    },
  );

  answers('getGlobalStats', 200, 'of one slot, or one provider, or one that never was', async () => {
    const answer = await get('global?provider_id=gemini');
    expect(read(answer).summary).toMatchObject({ ingest_count: 1, success: 1 });
    expect(read(await get('global?slot_id=slot-001')).summary).toMatchObject({ ingest_count: 3 });
    expect(read(await get('global?slot_id=slot-001&provider_id=gemini')).summary).toMatchObject(NOTHING);
    expect(read(await get('global?provider_id=nobody')).summary).toMatchObject(NOTHING);
    return answer;
  });

  answers('getGlobalStats', 200, 'as CSV all periods, whatever the page', async () => {
    const answer = await get(`global?from=${date(-30)}&to=${date(3)}&group_by=day&page=2&format=csv`, {
      Accept: 'image/png',
    });
    expect(lines(answer)).toHaveLength(1 + 33 + 1);
    expect(lines(answer)[1]).toMatch(new RegExp(`^${dayAfter(2)},`));
    return answer;
  });

  answers('getGlobalStats', 400, 'a range that is too long, or reversed', async () => {
    expect(pointers(await get('global?from=2026-02-01&to=2026-01-01'))).toEqual(['/query/to']);
    const answer = await get('global?from=2026-01-01&to=2026-04-02');
    expect(pointers(answer)).toEqual(['/query/to']);
    return answer;
  });

  answers('getGlobalStats', 400, 'what is no grouping, no order, no page and no provider', async () => {
    const answer = await get('global?group_by=hour&sort_by=title&sort_order=up&page=0&page_size=51&provider_id=%00');
    expect(new Set(pointers(answer))).toEqual(
      new Set(
        ['group_by', 'sort_by', 'sort_order', 'page', 'page_size', 'provider_id'].map((name) => `/query/${name}`),
      ),
    );
    return answer;
  });

  answers('getGlobalStats', 404, 'an unknown slot', async () => {
    const answer = await get('global?slot_id=slot-16');
    expect(refusal(answer)).toBe('404 slot_not_found');
    return answer;
  });
  answers('getGlobalStats', 406, 'a client that takes neither JSON nor CSV', async () => {
    const answer = await get('global', { Accept: 'text/html, application/json;q=0' });
    expect(refusal(answer)).toBe('406 not_acceptable');
    return answer;
  });
});
