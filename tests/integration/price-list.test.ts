/** What administrators say that calls cost. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { openSettings, type SettingsDesk } from '../support/settings.ts';

let server: TestServer;
let desk: SettingsDesk;

beforeAll(async () => {
  server = await startTestServer({ environment: { ROLE: 'api' } });
  desk = await openSettings(server);
});
beforeEach(() => server.db.pool.query(`delete from platform_setting where key = 'pricing'`));
afterAll(() => server.stop());

const ALL = { provider_id: 'gemini', model: '*', price: 0.04 };
const PRO = { provider_id: 'gemini', model: 'gemini-3-pro-image', price: 0.134567 };
const LIST = { currency: 'EUR', prices: [ALL, PRO] };

const setPrices = (prices: readonly unknown[], currency = 'EUR') => desk.change({ pricing: { currency, prices } });

const pointersOf = (answer: HttpAnswer): string[] =>
  (errorOf(answer).details as { fields: { pointer: string }[] }).fields.map(({ pointer }) => pointer);

async function told(): Promise<{ actor: string; details: unknown }[]> {
  const { rows } = await server.db.pool.query(
    `select actor, details from audit_event where details ->> 'setting' = 'pricing' order by occurred_at, id`,
  );
  return rows;
}

describe('the price list', () => {
  it('is empty until somebody sets it: costs are unknown then', async () => {
    expect((await desk.show()).pricing).toEqual({ currency: null, prices: [], updated_at: null, updated_by: null });
  });

  it('is shown as it was set, stays when other settings change, and goes as a whole', async () => {
    const set = { updated_at: expect.stringMatching(/Z$/), updated_by: expect.stringMatching(/^test-/) };
    expect((await desk.set({ pricing: LIST })).pricing).toEqual({ ...LIST, ...set });
    expect((await desk.set({ ingest: { sync_response_timeout_sec: 50 } })).pricing).toEqual({ ...LIST, ...set });
    const emptied = { currency: 'USD', prices: [] };
    expect((await desk.set({ pricing: emptied })).pricing).toEqual({ ...emptied, ...set });
  });

  it('is stored in the shape that statements of the database read', async () => {
    await desk.set({ pricing: LIST });
    const { rows } = await server.db.pool.query(
      `select p ->> 'provider_id' as provider, p ->> 'model' as model, (p ->> 'price')::numeric(12, 6)::text as price
         from platform_setting, jsonb_array_elements(value -> 'prices') p where key = 'pricing'`,
    );
    expect(rows).toEqual([
      { provider: 'gemini', model: '*', price: '0.040000' },
      { provider: 'gemini', model: 'gemini-3-pro-image', price: '0.134567' },
    ]);
  });

  it('is told to the audit log when it changes, with what it was; the same list is no change', async () => {
    const before = (await told()).length;
    await desk.set({ pricing: LIST });
    const first = (await desk.show()).pricing;
    expect((await desk.set({ pricing: LIST })).pricing).toEqual(first);
    await desk.set({ pricing: { ...LIST, prices: [ALL] } });
    expect((await told()).slice(before)).toEqual([
      { actor: expect.stringMatching(/^test-/), details: { setting: 'pricing', from: null, to: LIST } },
      { actor: expect.any(String), details: { setting: 'pricing', from: LIST, to: { ...LIST, prices: [ALL] } } },
    ]);
  });

  it.each([
    ['a provider that there is not', [ALL, { ...PRO, provider_id: 'midjourney' }], ['/prices/1/provider_id']],
    ['a name of the prototype', [{ ...ALL, provider_id: '__proto__' }], ['/prices/0/provider_id']],
    ['the studio, which is free', [{ ...ALL, provider_id: 'studio' }], ['/prices/0/provider_id']],
    ['one model twice', [ALL, PRO, ALL], ['/prices/2']],
    ['seven digits', [{ ...ALL, price: 0.000_000_1 }], ['/prices/0/price']],
    [
      'several faults',
      [{ ...ALL, provider_id: 'x', price: 0.123_456_7 }],
      ['/prices/0/provider_id', '/prices/0/price'],
    ],
  ])('with %s cannot be', async (_, prices, pointers) => {
    const answer = await setPrices(prices);
    expect(refusal(answer)).toBe('422 invalid_settings');
    expect(pointersOf(answer)).toEqual(pointers.map((pointer) => `/body/pricing${pointer}`));
    expect((await desk.show()).pricing.currency).toBeNull();
  });

  it('in a currency that is none cannot be', async () => {
    expect(pointersOf(await setPrices([ALL], 'EUE'))).toEqual(['/body/pricing/currency']);
  });

  it.each([
    ['a currency in words', { currency: 'euro', prices: [] }, '/currency'],
    ['no currency', { prices: [] }, '/currency'],
    ['no list', { currency: 'EUR' }, '/prices'],
    ['10,000 prices', { currency: 'EUR', prices: Array(10_000).fill(ALL) }, '/prices'],
    ['a price below nothing', { currency: 'EUR', prices: [{ ...ALL, price: -0.01 }] }, '/prices/0/price'],
    ['a price without end', { currency: 'EUR', prices: [{ ...ALL, price: 1e300 }] }, '/prices/0/price'],
    ['a price as text', { currency: 'EUR', prices: [{ ...ALL, price: '0.04' }] }, '/prices/0/price'],
    ['a model with a line break', { currency: 'EUR', prices: [{ ...ALL, model: 'a\nb' }] }, '/prices/0/model'],
    ['an unknown member', { currency: 'EUR', prices: [{ ...ALL, per: 'call' }] }, '/prices/0/per'],
  ])('with %s does not keep to the contract', async (_, pricing, pointer) => {
    const answer = await desk.change({ pricing });
    expect(refusal(answer)).toBe('400 invalid_settings_payload');
    expect(pointersOf(answer)).toContain(`/body/pricing${pointer}`);
  });
});

describe('calls a day', () => {
  it('are a limit like the others: shown, changed, taken away', async () => {
    const limited = await desk.set({ provider_keys: { gemini: { calls_per_day: 1_500 } } });
    expect(limited.provider_keys['gemini']).toMatchObject({ calls_per_day: 1_500 });
    const { rows } = await server.db.pool.query(`select calls_per_day from lane where provider_id = 'gemini'`);
    expect(rows).toEqual([{ calls_per_day: 1_500 }]);
    const free = await desk.set({ provider_keys: { gemini: { calls_per_day: null } } });
    expect(free.provider_keys['gemini']).not.toHaveProperty('calls_per_day');
  });

  it.each([0, 10_000_001])('cannot be %i', async (calls) => {
    const answer = await desk.change({ provider_keys: { gemini: { calls_per_day: calls } } });
    expect(refusal(answer)).toBe('422 invalid_settings');
    expect(pointersOf(answer)).toEqual(['/body/provider_keys/gemini/calls_per_day']);
  });
});
