/** Changes of the settings over HTTP, and what photos feel of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listLanes } from '../../src/repositories/lanes.ts';
import { listSettings } from '../../src/repositories/settings.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { readJob } from '../support/queue.ts';
import { INGEST_PASSWORD, startTestServer, type TestServer } from '../support/server.ts';
import { openSettings, type SettingsDesk } from '../support/settings.ts';
import { expectNothingLeft, GEMINI_SLOT, type GeminiServer, startGeminiServer } from '../support/slots.ts';

let server: TestServer;
let desk: SettingsDesk;
let photo: Buffer;

beforeAll(async () => {
  server = await startTestServer();
  desk = await openSettings(server);
  photo = await makePhoto();
});
afterAll(() => server.stop());

async function auditOf(action: string): Promise<Record<string, unknown>[]> {
  const { rows } = await server.db.pool.query(
    'select actor, address, request_id, object_id, details from audit_event where action = $1 order by occurred_at',
    [action],
  );
  return rows;
}

/** What job rows say of a photo: its window, and how long its result is kept, in seconds. */
async function lifetimesOf(jobId: string | undefined): Promise<{ window: number; retention: number }> {
  const { rows } = await server.db.pool.query<{ window: number; retention: number }>(
    `select extract(epoch from expires_at - created_at)::float8 as window,
       extract(epoch from result_expires_at - finalized_at)::float8 as retention from job where id = $1`,
    [jobId],
  );
  return rows[0] as { window: number; retention: number };
}

describe('the window and the retention', () => {
  it('hold for photos from now on; what was there before keeps its own', async () => {
    const post = async () => (await server.post({ photo })).headers.get('x-job-id');
    const before = await post();
    await desk.set({ ingest: { sync_response_timeout_sec: 55 }, media_cache: { processed_media_ttl_hours: 1 } });
    const after = await post();
    expect([await lifetimesOf(before), await lifetimesOf(after)]).toEqual([
      { window: 48, retention: 72 * 3_600 },
      { window: 55, retention: 3_600 },
    ]);
    expect(await auditOf('settings.updated')).toEqual([
      expect.objectContaining({ details: { setting: 'sync_response_timeout_sec', from: null, to: 55 } }),
      expect.objectContaining({ details: { setting: 'processed_media_ttl_hours', from: null, to: 1 } }),
    ]);
  });

  it('a window of the environment below 45 s rules, and settings show that it does', async () => {
    const short = await startTestServer({
      database: server.database,
      environment: { T_SYNC_RESPONSE_SECONDS: '1.5', RESULT_RETENTION_HOURS: '1.5' },
    });
    try {
      const shown = await (await openSettings(short)).set({ ingest: { sync_response_timeout_sec: 45 } });
      expect(shown.ingest).toEqual({ sync_response_timeout_sec: 2, ingest_ttl_sec: 2 });
      expect(shown.media_cache).toEqual({ processed_media_ttl_hours: 1, public_link_ttl_sec: 2 });
      expect((await desk.show()).ingest).toEqual({ sync_response_timeout_sec: 45, ingest_ttl_sec: 45 });
    } finally {
      await short.stop();
    }
  });
});

describe('the ingest password', () => {
  it('that is taken away closes ingest, also after a restart with one in the environment', async () => {
    const shown = await desk.set({ dslr_password: { value: null } });
    expect(shown.dslr_password).toMatchObject({ is_set: false, updated_by: expect.stringMatching(/^test-/) });
    const restarted = await startTestServer({ database: server.database, mediaRoot: server.mediaRoot });
    try {
      for (const place of [server, restarted])
        for (const password of [INGEST_PASSWORD, '', 'null'])
          expect(refusal(await place.post({ photo, password }))).toBe('401 invalid_credentials');
    } finally {
      await restarted.stop();
    }
    expect(await auditOf('ingest_password.removed')).toHaveLength(1);
    await desk.set({ dslr_password: { value: INGEST_PASSWORD } });
    expect(refusal(await server.post({ photo }))).toBe('200');
  });
});

describe('a change with several parts', () => {
  it('changes nothing when one of them cannot be, not even what comes before it', async () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`region_${n}`, n]));
    await desk.set({ provider_keys: { gemini: many } });
    const before = [await desk.show(), await listSettings(server.db), await listLanes(server.db)];
    const refused = await desk.change({
      dslr_password: { value: 'never-in-force' },
      ingest: { sync_response_timeout_sec: 60 },
      provider_keys: { studio: { running_max: 3 }, gemini: { api_key: 'never-used', one_more: true } },
    });
    expect(refusal(refused)).toBe('422 invalid_settings');
    expect([await desk.show(), await listSettings(server.db), await listLanes(server.db)]).toEqual(before);
    expect(refusal(await server.post({ photo }))).toBe('200');
    await desk.set({ provider_keys: { gemini: Object.fromEntries(Object.keys(many).map((name) => [name, null])) } });
  });

  it('and several changes at once all come through', async () => {
    const names = Array.from({ length: 8 }, (_, n) => `part_${n}`);
    await Promise.all(names.map((name) => desk.set({ provider_keys: { gemini: { [name]: name } } })));
    expect((await desk.show()).provider_keys.gemini).toMatchObject(
      Object.fromEntries(names.map((name) => [name, name])),
    );
  });

  it('is recorded with who made it, from where, and without secrets', async () => {
    await desk.set({
      dslr_password: { value: INGEST_PASSWORD },
      provider_keys: { gemini: { api_key: 'recorded-nowhere', contract_no: 'G-118' } },
    });
    const who = { actor: expect.stringMatching(/^test-/), address: '127.0.0.1', request_id: expect.any(String) };
    expect((await auditOf('ingest_password.set')).at(-1)).toMatchObject({ ...who, details: {} });
    expect((await auditOf('provider_key.set')).at(-1)).toMatchObject({ ...who, object_id: 'gemini', details: {} });
    expect((await auditOf('provider.updated')).at(-1)).toMatchObject({
      ...who,
      object_id: 'gemini',
      details: { changed: { contract_no: 'G-118' } },
    });
    const { rows } = await server.db.pool.query('select * from audit_event');
    expect(JSON.stringify(rows)).not.toMatch(/recorded-nowhere|argon2/);
  });
});

describe('the limits of a provider', () => {
  it('change its lane at once; a limit that is taken away is shown no more', async () => {
    const shown = await desk.set({ provider_keys: { studio: { running_max: 2, open_max: 5, calls_per_minute: 120 } } });
    expect(shown.provider_keys.studio).toMatchObject({ running_max: 2, open_max: 5, calls_per_minute: 120 });
    const lane = async () => (await listLanes(server.db)).find(({ providerId }) => providerId === 'studio');
    expect(await lane()).toMatchObject({ runningMax: 2, openMax: 5, callsPerMinute: 120 });
    const after = await desk.set({ provider_keys: { studio: { open_max: null, calls_per_minute: null } } });
    expect(after.provider_keys.studio).toEqual({
      is_configured: true,
      updated_at: null,
      updated_by: null,
      running_max: 2,
    });
    expect(await lane()).toMatchObject({ runningMax: 2, openMax: null, callsPerMinute: null });
  });
});

describe('a photo that is held while settings change', () => {
  let held: GeminiServer;

  beforeAll(async () => {
    held = await startGeminiServer();
  });
  afterAll(() => held.stop());

  it('gets its picture, and keeps its window and the password it came with', async () => {
    held.simulator.plan({ kind: 'success', delayMs: 150 });
    const underWay = held.post({ photo, slotId: GEMINI_SLOT });
    await held.simulator.waitForRequest();
    await (await openSettings(held)).set({
      dslr_password: { value: 'another-password' },
      ingest: { sync_response_timeout_sec: 60 },
    });
    expect(refusal(await held.post({ photo }))).toBe('401 invalid_credentials');
    expect(refusal(await held.post({ photo, password: 'another-password' }))).toBe('200');
    const answer = await underWay;
    expect(refusal(answer)).toBe('200');
    const job = await readJob(held.db, answer.headers.get('x-job-id') ?? '');
    expect(job.expires_at.getTime() - job.created_at.getTime()).toBe(12_000);
    await expectNothingLeft(held);
  });
});
