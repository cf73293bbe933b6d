/** Trying a slot before the event. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { updateSlot } from '../../src/repositories/slots.ts';
import { ask, refusal } from '../support/http.ts';
import { heicPhoto, makePhoto } from '../support/images.ts';
import { type Json, jsonOf, postedJobId } from '../support/jobs.ts';
import { idOf, makeFrame, pixelAt, sendTemplate } from '../support/media.ts';
import { openSettings } from '../support/settings.ts';
import { createSlotClient, type SlotClient } from '../support/slot-requests.ts';
import { expectNothingLeft, GEMINI_SLOT } from '../support/slots.ts';
import {
  openTrialDesk,
  promptCandidate,
  STUDIO_CANDIDATE,
  startTrialServer,
  type TrialDesk,
  type TrialServer,
  trialField,
  trialPhoto,
} from '../support/test-runs.ts';

const DISABLED = 'slot-009';

let server: TrialServer;
let desk: TrialDesk;
let slots: SlotClient;
let photo: Buffer;
/** How many calls each service had received before the test. */
let seen: { gemini: number; openAi: number };

beforeAll(async () => {
  photo = await makePhoto({ widthPx: 320, heightPx: 240 });
  server = await startTrialServer();
  desk = await openTrialDesk(server);
  slots = await createSlotClient(server);
});
beforeEach(() => {
  seen = { gemini: server.simulator.requests.length, openAi: server.openAi.requests.length };
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const geminiCalls = () => server.simulator.requests.slice(seen.gemini);
const openAiCalls = () => server.openAi.requests.slice(seen.openAi);
const pictureOf = async ({ result }: Json): Promise<Buffer> => (await ask(result.download_url)).body;
const download = (candidate: Json) => ask(candidate.result.download_url);

describe('a test run', () => {
  it('of the slot as it is, also of one that is switched off, makes a picture that can be fetched', async () => {
    const [candidate] = await desk.outcomes(DISABLED, photo);
    expect(candidate).toMatchObject({
      provider_id: 'studio',
      model: null,
      outcome: 'succeeded',
      attempts: 1,
      fallback_no: 0,
    });
    expect(candidate).toMatchObject({ made_by: 'studio', error: null, cost: { known: 0, possible: 0 } });
    const answer = await download(candidate);
    const { width, height } = await sharp(answer.body).metadata();
    expect(candidate.result).toMatchObject({ mime: 'image/jpeg', size_bytes: answer.body.length, width, height });
    expect((await ask(candidate.result.thumbnail_url)).status).toBe(200);
  });

  it('with settings that are not saved leaves the slot as it was', async () => {
    const before = await slots.slot('slot-001');
    const settings = promptCandidate('gemini', 'Paint {{survey1_name|nobody}} as a knight.');
    const [candidate] = await desk.outcomes('slot-001', photo, { settings, metadata: { survey1_name: 'Ada' } });
    expect(candidate).toMatchObject({
      outcome: 'succeeded',
      made_by: 'gemini',
      model: expect.stringMatching(/^gemini-/),
    });
    expect(geminiCalls()).toMatchObject([{ prompt: 'Paint Ada as a knight.' }]);
    expect(await slots.slot('slot-001')).toEqual(before);
  });

  it('can name templates of the slot that its saved settings do not name', async () => {
    const admin = { url: server.url, token: desk.headers['Authorization']?.slice('Bearer '.length) ?? '' };
    const place = { slot_id: 'slot-004', setting_key: 'overlay_media_id' };
    const frame = idOf(await sendTemplate(admin, await makeFrame('#00ff00'), place));
    const settings = { provider_id: 'studio', operation_id: 'frame', settings_json: { overlay_media_id: frame } };
    const [candidate] = await desk.outcomes('slot-004', photo, { settings });
    expect(await pixelAt(await pictureOf(candidate), 5, 5)).toEqual([0, 255, 1]);
    await rm(join(server.mediaRoot, 'templates', `${frame}.png`));
  });
});

describe('a slot whose provider has no key', () => {
  const SLOT = 'slot-006';
  const setUp = (fallback: { providerId: string; operationId: string; settings: object }[]) =>
    updateSlot(server.db, SLOT, {
      providerId: 'turbotext',
      operationId: 'image_edit',
      settings: { prompt: 'Make it a comic.' },
      fallback: fallback as [],
    });

  it('is tried as a station would find it: through its chain, or not at all', async () => {
    await setUp([{ providerId: 'studio', operationId: 'frame', settings: {} }]);
    expect(await desk.outcomes(SLOT, photo)).toMatchObject([
      { outcome: 'succeeded', made_by: 'studio', fallback_no: 1 },
    ]);
    await setUp([]);
    expect(refusal(await desk.run(SLOT, photo))).toBe('503 slot_not_configured');
  });

  it('can be tried with other settings, also where they come after the photo', async () => {
    const parts = [trialPhoto(photo), trialField('settings', STUDIO_CANDIDATE)];
    expect(jsonOf(await desk.send(SLOT, parts)).candidates).toMatchObject([
      { outcome: 'succeeded', made_by: 'studio' },
    ]);
  });
});

describe('candidates side by side', () => {
  it('each get the same photo, run at the same time and are answered in their order, failures among them', async () => {
    server.simulator.plan({ kind: 'safety_block' });
    const all = [promptCandidate('openai'), promptCandidate('gemini'), STUDIO_CANDIDATE];
    const outcomes = await desk.outcomes(GEMINI_SLOT, photo, { candidates: all });
    expect(outcomes).toMatchObject([
      { provider_id: 'openai', outcome: 'succeeded', made_by: 'openai', error: null },
      { provider_id: 'gemini', outcome: 'failed', made_by: null, result: null, error: { code: 'provider_error' } },
      { provider_id: 'studio', outcome: 'succeeded', made_by: 'studio', error: null },
    ]);
    expect(new Set(outcomes.map(({ job_id }) => job_id)).size).toBe(3);
    const images = [...geminiCalls(), ...openAiCalls()].map(({ images: [image] }) => image?.sha256);
    expect(new Set(images).size).toBe(1);
    expect(images).toHaveLength(2);
  });

  it('have no fallback, whatever the slot has; without candidates its chain is tried, and can be tried away', async () => {
    const chain = [{ providerId: 'studio', operationId: 'frame', settings: {} }];
    await updateSlot(server.db, GEMINI_SLOT, { fallback: chain });
    const settings = promptCandidate('gemini');
    server.simulator.plan(...Array.from({ length: 3 }, () => ({ kind: 'safety_block' }) as const));
    const [asItIs] = await desk.outcomes(GEMINI_SLOT, photo, { settings });
    const [alone] = await desk.outcomes(GEMINI_SLOT, photo, { candidates: [settings] });
    const [without] = await desk.outcomes(GEMINI_SLOT, photo, { settings: { ...settings, fallback: [] } });
    await updateSlot(server.db, GEMINI_SLOT, { fallback: [] });
    expect(asItIs).toMatchObject({
      outcome: 'succeeded',
      provider_id: 'gemini',
      made_by: 'studio',
      fallback_no: 1,
      attempts: 2,
    });
    expect([alone, without]).toMatchObject([{ outcome: 'failed' }, { outcome: 'failed' }]);
  });

  it('that cannot read the photo are refused by themselves, and without a single one that can it is 415', async () => {
    const both = [promptCandidate('openai'), promptCandidate('gemini')];
    const outcomes = await desk.outcomes('slot-001', heicPhoto(), { candidates: both });
    expect(outcomes).toMatchObject([
      { outcome: 'refused', job_id: null, attempts: 0, error: { code: 'unsupported_media_type' } },
      { outcome: 'succeeded', made_by: 'gemini' },
    ]);
    expect((await desk.run('slot-001', heicPhoto(), { candidates: [promptCandidate('openai')] })).status).toBe(415);
  });
});

describe('a test is real', () => {
  it('for its provider, and says what it cost; the daily budget of the slot neither stops nor counts it', async () => {
    const settingsDesk = await openSettings(server);
    await settingsDesk.set({
      pricing: { currency: 'EUR', prices: [{ provider_id: 'gemini', model: '*', price: 0.04 }] },
    });
    await updateSlot(server.db, GEMINI_SLOT, { dailyBudget: 0.05, overBudget: 'stop' });
    const costs: Json[] = [];
    for (let run = 0; run < 3; run += 1) costs.push((await desk.outcomes(GEMINI_SLOT, photo))[0].cost);
    expect(costs).toEqual(Array.from({ length: 3 }, () => ({ currency: 'EUR', known: 0.04, possible: 0 })));
    expect((await server.post({ photo, slotId: GEMINI_SLOT })).status).toBe(200);
    expect((await server.post({ photo, slotId: GEMINI_SLOT })).status).toBe(503);
    await updateSlot(server.db, GEMINI_SLOT, { dailyBudget: null, overBudget: 'fallback' });
    const { rows } = await server.db.pool.query(
      `select is_test, count(*)::int from provider_call where slot_id = $1
      and price > 0 and charged = 'yes' group by 1 order by 1`,
      [GEMINI_SLOT],
    );
    expect(rows).toMatchObject([{ is_test: false, count: 1 }, { is_test: true }]);
  });

  it('and no guest sees it: not in statistics, results, archives or originals, and no webhook is told', async () => {
    const slotId = 'slot-005';
    await updateSlot(server.db, slotId, { keepOriginalHours: 24, isEnabled: true });
    await server.db.pool.query(`insert into webhook (url, events, slot_ids, created_by, updated_by)
      values ('http://127.0.0.1:9/', '{job.succeeded}', '{slot-005}', 'test', 'test')`);
    const read = async (path: string): Promise<Json> =>
      jsonOf(await ask(`${server.url}/api${path}`, { headers: { ...desk.headers } }));
    const look = async () => ({
      stats: (await read(`/stats/${slotId}`)).summary,
      everything: (await read('/stats/global')).summary,
      recent: (await slots.slot(slotId)).recent_results,
      results: await read(`/slots/${slotId}/results`),
      requests: (await read(`/slots/${slotId}/requests`)).data,
    });
    const before = await look();
    expect(before).toMatchObject({ stats: { ingest_count: 0 }, recent: [], results: { data: [] }, requests: [] });
    const [candidate] = await desk.outcomes(slotId, photo);
    expect(candidate.outcome).toBe('succeeded');
    expect(await look()).toEqual(before);
    const archive = await ask(`${server.url}/api/slots/${slotId}/results.zip`, { headers: { ...desk.headers } });
    expect(archive.body.includes(candidate.job_id)).toBe(false);
    const { rows } = await server.db.pool.query('select is_test, request_hash from job where id = $1', [
      candidate.job_id,
    ]);
    expect(rows).toEqual([{ is_test: true, request_hash: null }]);
    expect(
      (await server.db.pool.query('select from job_original where job_id = $1', [candidate.job_id])).rowCount,
    ).toBe(0);
    const guestsJob = await postedJobId(server, photo, slotId);
    expect((await look()).stats.success).toBe(before.stats.success + 1);
    expect((await server.db.pool.query('select job_id from webhook_delivery')).rows).toEqual([{ job_id: guestsJob }]);
    await server.db.pool.query('delete from webhook_delivery');
    await server.db.pool.query('delete from webhook');
  });

  it('and is audited with its jobs', async () => {
    const outcomes = await desk.outcomes('slot-001', photo, { candidates: [STUDIO_CANDIDATE, STUDIO_CANDIDATE] });
    const { rows } = await server.db.pool.query(
      `select object_id, details from audit_event where action = 'slot.tested' order by occurred_at desc, id desc limit 1`,
    );
    const jobs = outcomes.map(({ job_id }) => ({ job_id, provider_id: 'studio', operation_id: 'filter' }));
    expect(rows).toEqual([{ object_id: 'slot-001', details: { jobs } }]);
  });
});
