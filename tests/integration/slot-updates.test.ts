import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putSetting } from '../../src/repositories/settings.ts';
import { listSlots, lockSlot, updateSlot } from '../../src/repositories/slots.ts';
import { transaction } from '../../src/repositories/transaction.ts';
import { ask, errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { makeResult, setRetentionLeft } from '../support/results.ts';
import { createSlotClient, jsonOf, type SlotBody, type SlotClient, studioUpdate } from '../support/slot-requests.ts';
import { GEMINI_SLOT, type GeminiServer, startGeminiServer, withGeminiServer } from '../support/slots.ts';

let server: GeminiServer;
let slots: SlotClient;

beforeAll(async () => {
  server = await startGeminiServer();
  slots = await createSlotClient(server);
});
afterAll(() => server.stop());

const fieldsOf = (answer: Parameters<typeof errorOf>[0]) =>
  (errorOf(answer).details as { fields: { pointer: string; keyword: string }[] }).fields.map(
    ({ pointer, keyword }) => `${pointer} ${keyword}`,
  );

describe('of two people at once', () => {
  it('exactly one wins, however many change the same state', async () => {
    const { tag } = await slots.slot('slot-003');
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        slots.put('slot-003', studioUpdate({ name: `Party ${index}` }), { 'If-Match': tag }),
      ),
    );
    const winners = answers.flatMap((answer, index) => (answer.status === 200 ? [index] : []));
    expect(winners).toHaveLength(1);
    expect(answers.filter((answer) => answer.status !== 200).map(refusal)).toEqual(
      Array.from({ length: 9 }, () => '412 precondition_failed'),
    );
    expect(await slots.slot('slot-003')).toMatchObject({ name: `Party ${winners[0]}`, version: 2 });
  });

  it('exactly one wins by `updated_at`, too', async () => {
    const { updated_at } = await slots.slot('slot-003');
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => slots.put('slot-003', studioUpdate({ name: `P${index}`, updated_at }))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
  });

  it('without either condition every change is made, one after the other', async () => {
    const { version } = await slots.slot('slot-003');
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, index) => slots.put('slot-003', studioUpdate({ name: `Any ${index}` }))),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await slots.slot('slot-003')).version).toBe(version + 5);
  });

  it('the answer’s own tag and time are good for the next change', async () => {
    const first = await slots.put('slot-003', studioUpdate({ name: 'First' }));
    const second = await slots.put(
      'slot-003',
      studioUpdate({ name: 'Second', updated_at: jsonOf<SlotBody>(first).updated_at }),
      { 'If-Match': first.headers.get('etag') ?? '' },
    );
    expect(second.status).toBe(200);
  });

  it.each([
    ['any state', () => '*', 200],
    ['one of several tags', (tag: string) => `"other", ${tag}`, 200],
    ['a weak tag never', (tag: string) => `W/${tag}`, 412],
    ['no tag at all never', (tag: string) => tag.replaceAll('"', ''), 412],
  ] as const)('`If-Match` fits %s', async (_, header, status) => {
    const { tag } = await slots.slot('slot-003');
    expect((await slots.put('slot-003', studioUpdate(), { 'If-Match': header(tag) })).status).toBe(status);
  });

  it('with both conditions the tag is judged first', async () => {
    const body = studioUpdate({ updated_at: '2020-01-01T00:00:00.000Z' });
    const { tag } = await slots.slot('slot-003');
    expect(refusal(await slots.put('slot-003', body, { 'If-Match': '"stale"' }))).toBe('412 precondition_failed');
    expect(refusal(await slots.put('slot-003', body, { 'If-Match': tag }))).toBe('409 slot_conflict');
  });

  it('a stale state is told before faults of the settings, which the reader has not seen', async () => {
    const body = studioUpdate({ settings_json: {} });
    expect(refusal(await slots.put('slot-003', body, { 'If-Match': '"stale"' }))).toBe('412 precondition_failed');
  });

  it('`updated_at` is a moment: the same one in another time zone is no conflict', async () => {
    const { updated_at } = await slots.slot('slot-003');
    const shifted = new Date(Date.parse(updated_at) + 2 * 3_600_000).toISOString().replace('Z', '+02:00');
    expect((await slots.put('slot-003', studioUpdate({ updated_at: shifted }))).status).toBe(200);
  });
});

describe('a slot as a whole must be usable', () => {
  it.each([
    ['a provider', { provider_id: 'nobody' }, ['/body/provider_id enum']],
    ['an operation', { operation_id: 'nothing' }, ['/body/operation_id enum']],
    [
      'a missing setting',
      { provider_id: 'gemini', operation_id: 'image_edit', settings_json: {} },
      ['/body/settings_json/prompt required'],
    ],
    [
      'a template',
      { operation_id: 'frame', settings_json: { overlay_media_id: '6f1c2a52-3a4e-4d0c-9a55-0f6a5e2d9b11' } },
      ['/body/settings_json/overlay_media_id template'],
    ],
  ])('%s that is not there is refused by its pointer, and nothing is changed', async (_, change, faults) => {
    const before = await slots.slot('slot-004');
    const answer = await slots.put('slot-004', studioUpdate(change));
    expect(refusal(answer)).toBe('422 invalid_slot_settings');
    expect(fieldsOf(answer)).toEqual(faults);
    expect(await slots.slot('slot-004')).toEqual(before);
  });

  it('a provider without its key is refused, unless the slot is switched off', () =>
    withGeminiServer({ GEMINI_API_KEY: '' }, async (keyless) => {
      const client = await createSlotClient(keyless);
      const body = {
        name: 'Comic',
        provider_id: 'gemini',
        operation_id: 'image_edit',
        settings_json: { prompt: 'Comic' },
      };
      const answer = await client.put('slot-001', body);
      expect(fieldsOf(answer)).toEqual(['/body/provider_id configured']);
      expect((await client.put('slot-001', { ...body, is_enabled: false })).status).toBe(200);
      expect(fieldsOf(await client.put('slot-001', { ...body, is_enabled: true }))).toEqual([
        '/body/provider_id configured',
      ]);
    }));

  it('originals are kept no longer than results, as settings have it now', async () => {
    const put = (hours: number) => slots.put('slot-004', studioUpdate({ keep_original_hours: hours }));
    expect((await put(72)).status).toBe(200);
    expect(fieldsOf(await put(73))).toEqual(['/body/keep_original_hours maximum']);
    await putSetting(server.db, 'processed_media_ttl_hours', 100, 'test');
    expect((await put(100)).status).toBe(200);
    await putSetting(server.db, 'processed_media_ttl_hours', 50, 'test');
    expect((await slots.put('slot-004', studioUpdate({ name: 'Later' }))).status).toBe(200);
    expect(await slots.slot('slot-004')).toMatchObject({ name: 'Later', keep_original_hours: 100 });
    await server.db.pool.query(`delete from platform_setting where key = 'processed_media_ttl_hours'`);
  });

  it('what is left out stays as it is', async () => {
    await slots.put('slot-004', studioUpdate({ is_enabled: true, keep_original_hours: 5 }));
    await slots.put('slot-004', studioUpdate({ name: 'Other' }));
    expect(await slots.slot('slot-004')).toMatchObject({ is_enabled: true, keep_original_hours: 5, name: 'Other' });
  });
});

describe('photos', () => {
  it('that are under way keep what the slot was when they came', async () => {
    server.simulator.plan({ kind: 'success', delayMs: 300 });
    const seen = server.simulator.requests.length;
    const held = server.post({ photo: await makePhoto(), slotId: GEMINI_SLOT });
    await server.simulator.waitForRequest(seen + 1);
    expect((await slots.put(GEMINI_SLOT, studioUpdate({ is_enabled: false }))).status).toBe(200);
    const answer = await held;
    expect(answer.status).toBe(200);
    expect(answer.headers.get('photochanger-provider')).toBe('gemini');
    expect((await server.post({ photo: await makePhoto(), slotId: GEMINI_SLOT })).status).toBe(503);
  });

  it('are accepted while somebody changes the slot', async () => {
    await transaction(server.db, async (step) => {
      await lockSlot(step, 'slot-001');
      expect((await server.post({ photo: await makePhoto() })).status).toBe(200);
    });
  });

  it('do not move the tag of their slot, and only those that can be fetched are shown, newest first', async () => {
    await slots.put('slot-005', studioUpdate({ is_enabled: true }));
    const { tag } = await slots.slot('slot-005');
    const photo = await makePhoto();
    const jobIds: string[] = [];
    for (let made = 0; made < 12; made += 1) jobIds.push((await makeResult(server, photo, 'slot-005')).jobId);
    await setRetentionLeft(server.db, jobIds[11] as string, -1);
    const slot = await slots.slot('slot-005');
    expect(slot.recent_results.map((result) => result.job_id)).toEqual(jobIds.slice(1, 11).reverse());
    expect(slot.tag).toBe(tag);
  });
});

describe('a reset of the statistics', () => {
  it('is told by the database’s time and changes nothing else of the slot', async () => {
    const { last_reset_at: none, ...before } = await slots.slot('slot-006');
    expect(none).toBeNull();
    expect((await slots.post('/slot-006/reset_stats')).status).toBe(204);
    const { last_reset_at: at, ...after } = await slots.slot('slot-006');
    expect(after).toEqual(before);
    const { rows } = await server.db.pool.query<{ age: number }>(
      `select extract(epoch from clock_timestamp() - $1::timestamptz)::float8 as age`,
      [at],
    );
    expect(Math.abs(rows[0]?.age ?? Number.NaN)).toBeLessThan(5);
  });
});

describe('the list', () => {
  const found = async (query: Readonly<Record<string, string>>) =>
    jsonOf<{ data: SlotBody[] }>(await slots.get(`?${new URLSearchParams(query)}`)).data.map(({ id }) => id);

  beforeAll(async () => {
    await updateSlot(server.db, 'slot-010', { name: 'Новый год 100%' });
    await updateSlot(server.db, 'slot-011', { name: 'Straße_2' });
    await updateSlot(server.db, 'slot-012', { name: 'Straße 22', providerId: 'gemini', operationId: 'image_edit' });
  });

  it.each([
    ['whatever its case, in any script', 'НОВЫЙ', ['slot-010']],
    ['whatever its case, where one letter becomes two', 'STRASSE', ['slot-011', 'slot-012']],
    ['a percent sign is one', '%', ['slot-010']],
    ['an underscore is one', 'e_2', ['slot-011']],
    ['a backslash is one', '\\', []],
  ])('finds a part of the name: %s', async (_, search, expected) => {
    expect(await found({ search })).toEqual(expected);
  });

  it('keeps to every filter', async () => {
    expect(await found({ search: 'straße', provider_id: 'gemini' })).toEqual(['slot-012']);
    expect(await found({ operation_id: 'no_such_operation' })).toEqual([]);
    expect(await found({ search: '' })).toHaveLength((await listSlots(server.db)).length);
  });
});

describe('hostile values', () => {
  it.each(['search=%00', 'provider_id=%00', 'search=%ED%A0%80', 'search=a&search=b'])(
    'of a filter are refused or find nothing, and break nothing: %s',
    async (query) => {
      expect([200, 400]).toContain((await slots.get(`?${query}`)).status);
    },
  );

  it('of a name cost no time, however long they are', async () => {
    const answer = await slots.put('slot-013', studioUpdate({ name: `${'a'.repeat(900_000)}\n` }));
    expect(fieldsOf(answer)).toEqual(['/body/name maxLength', '/body/name pattern']);
  });

  it('of settings are no members of their prototype', async () => {
    const body = Buffer.from('{"name":"x","provider_id":"__proto__","operation_id":"constructor","settings_json":{}}');
    const headers = { ...slots.headers, 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
    const answer = await ask(`${server.url}/api/slots/slot-013`, { method: 'PUT', headers, body });
    expect(fieldsOf(answer)).toEqual(['/body/provider_id enum']);
  });
});
