import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { updateSlot } from '../../src/repositories/slots.ts';
import { type JobDesk, openJobDesk } from '../support/jobs.ts';
import { setPrices, storeCalls } from '../support/ledger.ts';
import { METRICS_TOKEN, scrape } from '../support/metrics.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const SLOT = 'slot-003';

let server: TestServer;
let desk: JobDesk;

beforeAll(async () => {
  server = await startTestServer({
    environment: { ROLE: 'api', GEMINI_API_KEY: 'a-gemini-key-0123456789', METRICS_TOKEN },
  });
  desk = await openJobDesk(server);
});
beforeEach(async () => {
  await server.db.pool.query('delete from provider_call');
  await setPrices(server.db, [['gemini', 0.04]]);
  await updateSlot(server.db, SLOT, {
    providerId: 'gemini',
    operationId: 'image_edit',
    settings: { prompt: 'Make it a comic.' },
    isEnabled: true,
    fallback: [{ providerId: 'studio', operationId: 'frame', settings: {} }],
    dailyBudget: 1,
    overBudget: 'fallback',
  });
});
afterAll(() => server.stop());

/** Lets so many calls have been charged. */
const spend = (calls: number, price = 0.04) =>
  storeCalls(
    server.db,
    Array.from({ length: calls }, () => ({ slotId: SLOT, price })),
  );
const shown = async () => {
  const { budget, warnings } = await desk.read(`/slots/${SLOT}`);
  return { budget, codes: warnings.map(({ code }: { code: string }) => code), warnings };
};

describe('the budget of a slot', () => {
  it('is shown with what is left of it', async () => {
    await spend(5);
    expect(await shown()).toMatchObject({
      budget: { amount: 1, spent: 0.2, share: 0.2, currency: 'EUR', state: 'ok', day_ends_at: expect.any(String) },
      codes: [],
    });
  });

  it('warns from 80 % on, and once no further call fits into it', async () => {
    await spend(20);
    expect(await shown()).toMatchObject({ budget: { spent: 0.8, state: 'warned' }, codes: ['budget_warned'] });
    await spend(4);
    expect(await shown()).toMatchObject({ budget: { spent: 0.96, state: 'warned' } });
    await spend(1, 0.01);
    const { budget, codes, warnings } = await shown();
    expect([budget.state, codes]).toEqual(['used_up', ['budget_used_up']]);
    expect(warnings[0].message).toContain('0.97 of 1 EUR');
  });

  it('counts calls that were perhaps charged, but no test runs, no free calls and none of yesterday', async () => {
    await storeCalls(server.db, [
      { slotId: SLOT, charged: 'maybe' },
      { slotId: SLOT, charged: 'no' },
      { slotId: SLOT, isTest: true },
      { slotId: SLOT, endedAt: new Date(Date.now() - 86_400_000) },
      { slotId: 'slot-004' },
    ]);
    expect((await shown()).budget.spent).toBe(0.04);
  });

  it('is in the list of slots, and null where there is none', async () => {
    await spend(25);
    const { data } = await desk.read('/slots');
    const budgets = data.filter(({ budget }: { budget: unknown }) => budget !== null);
    expect(budgets).toMatchObject([{ id: SLOT, budget: { state: 'used_up' }, warnings: [{ code: 'budget_used_up' }] }]);
  });

  it('does not move the tag of the slot', async () => {
    const before = (await desk.ask(`/slots/${SLOT}`)).headers.get('etag');
    await spend(25);
    expect((await desk.ask(`/slots/${SLOT}`)).headers.get('etag')).toBe(before);
  });

  it('is in the metrics as the share that is used; slots without one are not', async () => {
    await spend(21);
    await storeCalls(server.db, [
      { providerId: 'studio', linkNo: 1, charged: 'no', price: null },
      { providerId: 'openai', price: null },
    ]);
    // what a scrape read is shared for a while: a server that has not been asked yet
    const other = await startTestServer({ database: server.database, environment: { ROLE: 'api', METRICS_TOKEN } });
    try {
      const { samples, value } = await scrape(other);
      expect(samples.filter(({ name }) => name === 'photochanger_slot_budget_used_ratio')).toEqual([
        { name: 'photochanger_slot_budget_used_ratio', labels: { slot: SLOT }, value: 0.84 },
      ]);
      expect(value('photochanger_provider_day_cost', { provider: 'gemini', charged: 'yes' })).toBe(0.84);
      expect(value('photochanger_provider_day_calls', { provider: 'gemini', charged: 'yes' })).toBe(21);
      expect(value('photochanger_provider_day_calls', { provider: 'studio', charged: 'no' })).toBe(1);
      expect(value('photochanger_provider_day_fallback_pictures', { provider: 'studio' })).toBe(1);
      expect(value('photochanger_provider_day_fallback_pictures', { provider: 'gemini' })).toBe(0);
      expect(value('photochanger_provider_day_unpriced_calls', { provider: 'openai' })).toBe(1);
      expect(value('photochanger_provider_day_unpriced_calls', { provider: 'studio' })).toBe(0);
    } finally {
      await other.stop();
    }
  });
});
