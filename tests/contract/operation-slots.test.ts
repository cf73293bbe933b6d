import { afterAll, beforeAll, describe, expect } from 'vitest';
import { lockReset } from '../../src/repositories/slots.ts';
import { transaction } from '../../src/repositories/transaction.ts';
import { answers } from '../support/contract-answer.ts';
import { errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { makeResult } from '../support/results.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createSlotClient, jsonOf, type SlotBody, type SlotClient, studioUpdate } from '../support/slot-requests.ts';

const STALE = '2020-01-01T00:00:00.000Z';

let server: TestServer;
let slots: SlotClient;

beforeAll(async () => {
  server = await startTestServer();
  slots = await createSlotClient(server);
});
afterAll(() => server.stop());

describe('reading', () => {
  answers('listSlots', 200, 'all slots', async () => {
    const answer = await slots.get('');
    expect(jsonOf<{ meta: unknown }>(answer).meta).toEqual({ total: 15 });
    return answer;
  });

  answers('listSlots', 200, 'those that fit every filter', () =>
    slots.get('?provider_id=studio&operation_id=filter&search=slot%201'),
  );

  answers('listSlots', 400, 'a search that is too long', () => slots.get(`?search=${'x'.repeat(101)}`));

  answers('getSlot', 200, 'with its newest results', async () => {
    const { jobId } = await makeResult(server, await makePhoto());
    const answer = await slots.get('/slot-001');
    expect(jsonOf<SlotBody>(answer).recent_results).toMatchObject([
      { job_id: jobId, download_url: `${server.url}/public/results/${jobId}` },
    ]);
    return answer;
  });

  answers('listSlotVersions', 200, 'the version of the installation', async () => {
    const answer = await slots.get('/slot-015/versions');
    expect(jsonOf<{ data: unknown[]; meta: unknown }>(answer)).toMatchObject({
      data: [{ version: 1, change: 'created', changed_by: null, changed_fields: null }],
      meta: { page: 1, page_size: 20, total: 1 },
    });
    return answer;
  });

  answers('listSlotVersions', 400, 'a page before the first', () => slots.get('/slot-015/versions?page=0'));

  answers('listSlotRequests', 200, 'nothing was received yet', async () => {
    const answer = await slots.get('/slot-014/requests');
    expect(jsonOf(answer)).toEqual({ data: [] });
    return answer;
  });

  answers('listSlotRequests', 200, 'an answered and a refused request', async () => {
    await makeResult(server, await makePhoto());
    await server.post({ photo: Buffer.from('no picture'), search: '?booth=7' });
    return slots.get('/slot-001/requests');
  });
});

describe('a change', () => {
  answers('updateSlot', 200, 'as existing clients send it', async () => {
    const answer = await slots.put('slot-002', studioUpdate());
    const slot = await slots.slot('slot-002');
    expect(jsonOf(answer)).toEqual({ id: 'slot-002', updated_at: slot.updated_at, warnings: [] });
    expect(answer.headers.get('etag')).toBe(slot.tag);
    return answer;
  });

  answers('updateSlot', 200, 'with everything that is about failures and money', async () => {
    const policy = {
      fallback: [{ provider_id: 'studio', operation_id: 'frame', settings_json: { style: 'polaroid' } }],
      repeat_paid_calls: 'never',
      daily_budget: 0.0001,
      over_budget: 'stop',
    };
    const answer = await slots.put('slot-006', studioUpdate(policy));
    expect(jsonOf(answer)).toMatchObject({ warnings: [{ code: 'fallback_unreachable' }] });
    expect(await slots.slot('slot-006')).toMatchObject(policy);
    return answer;
  });

  answers('updateSlot', 400, 'a name without a visible character', async () => {
    const answer = await slots.put('slot-002', studioUpdate({ name: ' \u00a0' }));
    expect(errorOf(answer).details).toMatchObject({ fields: [{ pointer: '/body/name', keyword: 'pattern' }] });
    return answer;
  });

  answers('updateSlot', 409, 'the slot was changed since `updated_at`', async () => {
    const answer = await slots.put('slot-002', studioUpdate({ updated_at: STALE }));
    const { updated_at } = await slots.slot('slot-002');
    expect(errorOf(answer)).toMatchObject({ code: 'slot_conflict', details: { updated_at } });
    return answer;
  });

  answers('updateSlot', 412, 'the slot was changed since the tag', async () => {
    const answer = await slots.put('slot-002', studioUpdate(), { 'If-Match': `"${STALE}"` });
    const { updated_at } = await slots.slot('slot-002');
    expect(errorOf(answer)).toMatchObject({ code: 'precondition_failed', details: { updated_at } });
    return answer;
  });

  answers('updateSlot', 422, 'settings that the operation does not take', async () => {
    const answer = await slots.put('slot-002', studioUpdate({ settings_json: { effect: 'none', bogus: 1 } }));
    expect(errorOf(answer)).toMatchObject({
      code: 'invalid_slot_settings',
      details: {
        fields: expect.arrayContaining([
          expect.objectContaining({ pointer: '/body/settings_json/effect' }),
          { pointer: '/body/settings_json/bogus', message: 'is not known', keyword: 'additionalProperties' },
        ]),
      },
    });
    return answer;
  });
});

describe('a fallback link', () => {
  answers('updateSlot', 422, 'that its operation does not take', async () => {
    const link = { provider_id: 'studio', operation_id: 'frame', settings_json: { bogus: 1 } };
    const answer = await slots.put('slot-002', studioUpdate({ fallback: [link] }));
    expect(errorOf(answer).details).toMatchObject({ fields: [{ pointer: '/body/fallback/0/settings_json/bogus' }] });
    return answer;
  });
});

describe('bringing a version back', () => {
  answers('restoreSlotVersion', 200, 'the first one', async () => {
    await slots.put('slot-003', studioUpdate());
    const answer = await slots.post('/slot-003/versions/1/restore');
    expect(answer.headers.get('etag')).toBe((await slots.slot('slot-003')).tag);
    return answer;
  });

  answers('restoreSlotVersion', 400, 'a version that is no number', () =>
    slots.post('/slot-003/versions/first/restore'),
  );

  answers('restoreSlotVersion', 404, 'a version that never was', async () => {
    const answer = await slots.post('/slot-003/versions/4711/restore');
    expect(errorOf(answer).code).toBe('not_found');
    return answer;
  });

  answers('restoreSlotVersion', 412, 'the slot was changed since the tag', async () => {
    const answer = await slots.post('/slot-003/versions/1/restore', { 'If-Match': `"${STALE}"` });
    expect(errorOf(answer).code).toBe('precondition_failed');
    return answer;
  });

  answers('restoreSlotVersion', 422, 'a version that would not work any more', async () => {
    await server.db.pool.query(`update slot set provider_id = 'nobody' where id = 'slot-004'`);
    await slots.put('slot-004', studioUpdate());
    const answer = await slots.post('/slot-004/versions/2/restore');
    expect(errorOf(answer)).toMatchObject({ details: { fields: [{ pointer: '/body/provider_id', keyword: 'enum' }] } });
    return answer;
  });
});

describe('a reset of the statistics', () => {
  answers('resetSlotStats', 204, 'of a slot', () => slots.post('/slot-005/reset_stats'));

  answers('resetSlotStats', 409, 'while another one runs', async () =>
    transaction(server.db, async (step) => {
      expect(await lockReset(step, 'slot-005')).toBe(true);
      const answer = await slots.post('/slot-005/reset_stats');
      expect(refusal(answer)).toBe('409 reset_in_progress');
      return answer;
    }),
  );
});
