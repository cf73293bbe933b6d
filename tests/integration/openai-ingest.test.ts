import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type OpenAiBehaviour, type OpenAiSimulator, startOpenAiSimulator } from '../../scripts/simulators/openai.ts';
import type { StationAnswer } from '../../scripts/station.ts';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { administratorToken } from '../support/administrators.ts';
import { errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { idOf, makeFrame, sendTemplate } from '../support/media.ts';
import { OPENAI_KEY } from '../support/openai.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { openSettings } from '../support/settings.ts';
import { expectNothingLeft } from '../support/slots.ts';

const SLOT = 'slot-003';
let simulator: OpenAiSimulator;
let server: TestServer;
let photo: Buffer;
let seen: number;

beforeAll(async () => {
  photo = await makePhoto();
  simulator = await startOpenAiSimulator({ apiKey: OPENAI_KEY });
  // A retry is planned with the time that this service takes: in a short window there would be none.
  const environment = {
    OPENAI_BASE_URL: simulator.url,
    OPENAI_API_KEY: OPENAI_KEY,
    T_SYNC_RESPONSE_SECONDS: '48',
  };
  server = await startTestServer({ environment });
  await useSlot();
});
beforeEach(async () => {
  seen = simulator.requests.length;
  // what an earlier failure says of the provider is not what these tests are about
  await server.db.pool.query('delete from circuit');
});
afterEach(() => expectNothingLeft(server));
afterAll(async () => {
  await server.stop();
  await simulator.stop();
});

const useSlot = (settings: Record<string, unknown> = {}) =>
  updateSlot(server.db, SLOT, {
    providerId: 'openai',
    operationId: 'image_edit',
    settings: { prompt: 'Make it a comic.', ...settings },
    isEnabled: true,
  });

async function postDuring(...behaviours: OpenAiBehaviour[]): Promise<StationAnswer> {
  simulator.plan(...behaviours);
  return server.post({ photo, slotId: SLOT });
}

const calls = () => simulator.requests.slice(seen);

async function outcomesOf(answer: StationAnswer): Promise<unknown[]> {
  const jobId = answer.headers.get('x-job-id') ?? errorOf(answer).details?.job_id ?? '';
  const events = await listProcessingLog(server.db, jobId);
  return events.map(({ details }) => details?.['outcome']).filter((outcome) => outcome !== undefined);
}

describe('a photo to a slot of OpenAI', () => {
  it('comes back as a JPEG, and says who made it', async () => {
    const answer = await postDuring();
    expect(refusal(answer)).toBe('200');
    expect(answer.headers.get('photochanger-provider')).toBe('openai');
    expect((await sharp(answer.body).metadata()).format).toBe('jpeg');
    expect(calls()).toMatchObject([{ prompt: 'Make it a comic.', fields: { model: 'gpt-image-2' } }]);
  });

  it('is finished as the slot wishes', async () => {
    await useSlot({ output: { format: 'webp', max_side_px: 256 } });
    const answer = await server.post({ photo: await makePhoto({ widthPx: 600, heightPx: 300 }), slotId: SLOT });
    await useSlot();
    expect(await sharp(answer.body).metadata()).toMatchObject({ format: 'webp', width: 256, height: 128 });
    expect(calls()[0]?.fields['output_format']).toBe('webp');
  });

  it('is edited by the templates that the slot names, in their order', async () => {
    const admin = { url: server.url, token: await administratorToken(server, ['slots:write']) };
    const pictures = [await makeFrame('#ff0000'), await makeFrame('#00ff00')];
    const fields = { slot_id: SLOT, setting_key: 'template_media_ids' };
    const ids: string[] = [];
    for (const picture of pictures) ids.push(idOf(await sendTemplate(admin, picture, fields)));
    await useSlot({ template_media_ids: ids.toReversed() });
    const answer = await postDuring();
    await useSlot();
    for (const id of ids) await rm(join(server.mediaRoot, 'templates', `${id}.png`));
    expect(refusal(answer)).toBe('200');
    const sha256 = [photo, ...pictures.toReversed()].map((bytes) => createHash('sha256').update(bytes).digest('hex'));
    expect(calls()[0]?.images.map((image) => image.sha256)).toEqual(sha256);
  });

  it('is made with the key of the settings while there is one, and else with that of the environment', async () => {
    const desk = await openSettings(server);
    const key = 'sk-run-time-0123456789-WXYZ';
    simulator.setApiKey(key);
    await desk.set({ provider_keys: { openai: { api_key: key } } });
    expect(refusal(await postDuring())).toBe('200');
    simulator.setApiKey(OPENAI_KEY);
    await desk.set({ provider_keys: { openai: { api_key: null } } });
    expect(refusal(await postDuring())).toBe('200');
  });

  it.each<[OpenAiBehaviour, string]>([
    [{ kind: 'status', status: 503 }, 'unavailable'],
    [{ kind: 'throttled', retryAfterMs: '50' }, 'throttled'],
    [{ kind: 'no_image' }, 'empty'],
    [{ kind: 'cut', afterBytes: 300 }, 'unavailable'],
    [{ kind: 'html' }, 'bad_answer'],
  ])('comes back from the second call after %j', async (behaviour, outcome) => {
    const answer = await postDuring(behaviour, { kind: 'success' });
    expect(refusal(answer)).toBe('200');
    expect(calls()).toHaveLength(2);
    expect(await outcomesOf(answer)).toEqual([outcome, 'image']);
  });

  it.each<[OpenAiBehaviour, RegExp]>([
    [{ kind: 'moderation_blocked', categories: ['violence'] }, /moderation_blocked input violence: Your request was/],
    [{ kind: 'insufficient_quota' }, /insufficient_quota: You exceeded your current quota/],
    [{ kind: 'unknown_model' }, /model "gpt-image-2" is unknown, was retired/],
    [{ kind: 'truncated_image' }, /picture/],
  ])('is refused at once with the reason where no call helps: %j', async (behaviour, reason) => {
    const answer = await postDuring(behaviour);
    expect(refusal(answer)).toBe('502 provider_error');
    expect(errorOf(answer).message).toMatch(reason);
    expect(calls()).toHaveLength(1);
  });

  it('is refused for a wrong key, which is told nowhere', async () => {
    simulator.setApiKey('another');
    const answer = await postDuring();
    simulator.setApiKey(OPENAI_KEY);
    expect(refusal(answer)).toBe('502 provider_error');
    expect(errorOf(answer).message).toContain('invalid_api_key');
    expect(answer.body.toString('utf8') + server.logged.join('')).not.toMatch(/sk-proj|WXYZ/);
  });
});
