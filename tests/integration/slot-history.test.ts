import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { updateSlot } from '../../src/repositories/slots.ts';
import { errorOf, refusal } from '../support/http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createSlotClient, jsonOf, type SlotClient, studioUpdate } from '../support/slot-requests.ts';

interface Version {
  readonly version: number;
  readonly change: string;
  readonly restored_from: number | null;
  readonly changed_at: string;
  readonly changed_by: string | null;
  readonly changed_fields: string[] | null;
  readonly name: string;
}

let server: TestServer;
let slots: SlotClient;

beforeAll(async () => {
  server = await startTestServer();
  slots = await createSlotClient(server);
});
afterAll(() => server.stop());

async function history(slotId: string, query = ''): Promise<Version[]> {
  return jsonOf<{ data: Version[] }>(await slots.get(`/${slotId}/versions${query}`)).data;
}

const auditOf = async (slotId: string) => {
  const { rows } = await server.db.pool.query<{ action: string; actor: string; details: unknown }>(
    'select action, actor, details from audit_event where object_id = $1 order by occurred_at, id',
    [slotId],
  );
  return rows;
};

describe('every change is a version', () => {
  it('with who made it, when, and what was changed', async () => {
    await slots.put('slot-002', studioUpdate({ name: 'Slot 2' }));
    await slots.put(
      'slot-002',
      studioUpdate({ is_enabled: true, settings_json: { effect: 'vintage', strength: 0.5 } }),
    );
    const { updated_at, updated_by } = await slots.slot('slot-002');
    expect(updated_by).toMatch(/^test-/);
    expect(await history('slot-002')).toMatchObject([
      {
        version: 3,
        change: 'updated',
        changed_at: updated_at,
        changed_by: updated_by,
        changed_fields: ['/name', '/is_enabled', '/settings_json/effect', '/settings_json/strength'],
      },
      { version: 2, change: 'updated', changed_by: updated_by, changed_fields: ['/settings_json/effect'] },
      { version: 1, change: 'created', changed_by: null, changed_fields: null },
    ]);
  });

  it('also one that goes past this program’s own use case', async () => {
    await server.db.pool.query(`update slot set settings = '{"effect": "noir"}' where id = 'slot-003'`);
    expect(await history('slot-003')).toMatchObject([
      { version: 2, changed_fields: ['/settings_json/effect'] },
      { version: 1 },
    ]);
  });

  it('but not one that changes nothing, nor a reset of the statistics', async () => {
    await slots.put('slot-004', studioUpdate());
    await slots.put('slot-004', studioUpdate());
    await slots.post('/slot-004/reset_stats');
    expect((await history('slot-004')).map(({ version }) => version)).toEqual([2, 1]);
  });

  it('nor one that was refused', async () => {
    await slots.put('slot-005', studioUpdate({ settings_json: { effect: 'none' } }));
    await slots.put('slot-005', studioUpdate(), { 'If-Match': '"stale"' });
    expect(await history('slot-005')).toHaveLength(1);
    expect(await auditOf('slot-005')).toEqual([]);
  });

  it('and the audit log tells of it', async () => {
    await slots.put('slot-006', studioUpdate());
    await slots.post('/slot-006/versions/1/restore');
    await slots.post('/slot-006/reset_stats');
    const actor = expect.stringMatching(/^test-/);
    expect(await auditOf('slot-006')).toMatchObject([
      { action: 'slot.updated', actor, details: { version: 2, changed_fields: ['/name', '/settings_json/effect'] } },
      { action: 'slot.restored', actor, details: { version: 3, restored_from: 1 } },
      { action: 'slot.stats_reset', actor },
    ]);
  });
});

describe('the list', () => {
  it('is paged, and the last entry of a page is compared with the next page’s first', async () => {
    for (const name of ['A', 'B', 'C']) await slots.put('slot-007', studioUpdate({ name }));
    const first = await history('slot-007', '?page_size=2');
    const second = await history('slot-007', '?page_size=2&page=2');
    expect([...first, ...second].map(({ version }) => version)).toEqual([4, 3, 2, 1]);
    expect(first[1]?.changed_fields).toEqual(['/name']);
  });

  it('keeps the 200 newest versions', async () => {
    for (let version = 2; version <= 203; version += 1)
      await updateSlot(server.db, 'slot-008', { name: `V${version}` });
    const answer = await slots.get('/slot-008/versions?page_size=100&page=2');
    const { data, meta } = jsonOf<{ data: Version[]; meta: { total: number } }>(answer);
    expect(meta.total).toBe(200);
    expect(data.at(-1)).toMatchObject({ version: 4, changed_fields: null });
    expect(refusal(await slots.post('/slot-008/versions/3/restore'))).toBe('404 not_found');
  });
});

describe('bringing a version back', () => {
  it('sets the slot up as it was, whole, as a new version that says so', async () => {
    await slots.put('slot-009', studioUpdate({ name: 'Old', is_enabled: true, keep_original_hours: 10 }));
    const old = await slots.slot('slot-009');
    await slots.put('slot-009', {
      name: 'New',
      provider_id: 'studio',
      operation_id: 'crop',
      settings_json: { print_ratio: '1:1' },
      is_enabled: false,
      keep_original_hours: 0,
    });
    const answer = await slots.post('/slot-009/versions/2/restore', { 'If-Match': (await slots.slot('slot-009')).tag });
    expect(answer.status).toBe(200);
    const now = await slots.slot('slot-009');
    const { name, provider_id, operation_id, settings_json, is_enabled, keep_original_hours } = old;
    expect(now).toMatchObject({ name, provider_id, operation_id, settings_json, is_enabled, keep_original_hours });
    expect(now.tag).not.toBe(old.tag);
    expect((await history('slot-009'))[0]).toMatchObject({ version: 4, change: 'restored', restored_from: 2 });
  });

  it('that is in force changes nothing and makes no version', async () => {
    await slots.put('slot-010', studioUpdate());
    expect((await slots.post('/slot-010/versions/2/restore')).status).toBe(200);
    expect(await history('slot-010')).toMatchObject([
      { version: 2, change: 'updated', restored_from: null },
      { version: 1 },
    ]);
  });

  it('that would not work any more is refused, with the pointers of an update', async () => {
    await updateSlot(server.db, 'slot-011', { settings: { effect: 'retired' } });
    await slots.put('slot-011', studioUpdate());
    const answer = await slots.post('/slot-011/versions/2/restore');
    expect(errorOf(answer)).toMatchObject({ details: { fields: [{ pointer: '/body/settings_json/effect' }] } });
    expect(await history('slot-011')).toHaveLength(3);
  });
});
