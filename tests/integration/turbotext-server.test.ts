import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listProcessingLog } from '../../src/repositories/processing-log.ts';
import { administratorToken } from '../support/administrators.ts';
import { ask, errorOf, refusal } from '../support/http.ts';
import {
  decodePixels,
  exifBlock,
  exifSegment,
  heicPhoto,
  makePhoto,
  withSegments,
  withTail,
} from '../support/images.ts';
import { idOf, sendTemplate, type Uploader } from '../support/media.ts';
import { readJob } from '../support/queue.ts';
import { eventually, expectNothingLeft, openJobId } from '../support/slots.ts';
import { setUpSlot, startTurbotextServer, TURBOTEXT_SLOT, type TurbotextServer } from '../support/turbotext.ts';

/** What a camera writes beside the pixels. */
const SECRET = 'GPS 55.7558 N 37.6173 E, serial CY04N068111304S2L';

let server: TurbotextServer;
let admin: Uploader;
let photo: Buffer;
let template: Buffer;

beforeAll(async () => {
  [photo, template] = await Promise.all([makePhoto({ widthPx: 160, heightPx: 120 }), makePhoto({ format: 'png' })]);
  server = await startTurbotextServer();
  admin = { url: server.url, token: await administratorToken(server, ['slots:write']) };
});
afterEach(async () => {
  await server.db.pool.query('delete from template_media');
  const templates = (await server.files()).filter((path) => path.startsWith('templates/'));
  for (const path of templates) await rm(join(server.mediaRoot, path));
  await eventually(async () => {
    const { rows } = await server.db.pool.query('select id from media_object where path is not null');
    expect(rows).toEqual([]);
  });
});
afterAll(() => server.stop());

const post = (bytes = photo) => server.post({ photo: bytes, slotId: TURBOTEXT_SLOT });

const lastJob = () => {
  const job = server.simulator.jobs.at(-1);
  if (job === undefined) throw new Error('no job was submitted');
  return job;
};

const fetched = async (field: string): Promise<Buffer> => (await lastJob().images).get(field)?.bytes ?? Buffer.alloc(0);

/** Registers a template for a key of the slot, and lets its settings name it. */
async function bind(operationId: string, key: string, more: Record<string, unknown> = {}): Promise<void> {
  const id = idOf(await sendTemplate(admin, template, { slot_id: TURBOTEXT_SLOT, setting_key: key }));
  await setUpSlot(server, operationId, { ...more, [key]: id });
}

describe('a photo', () => {
  it('comes back edited, and nothing is left but its result', async () => {
    await setUpSlot(server, 'image_edit', { prompt: 'Сделай комикс.', strength: 30 });
    const answer = await post();
    expect(refusal(answer)).toBe('200');
    expect(answer.headers.get('photochanger-provider')).toBe('turbotext');
    expect(await sharp(answer.body).metadata()).toMatchObject({ format: 'jpeg', width: 160, height: 120 });
    expect(lastJob()).toMatchObject({ method: 'generate_image2image', fields: { strength: '30' } });
    await expectNothingLeft(server);
  });

  it.each([
    ['style_transfer', 'style_media_id', 'mix_images', 'url', 'url_image_target'],
    ['identity_transfer', 'base_media_id', 'deepfake_photo', 'url', 'url_image_target'],
    ['identity_transfer', 'face_media_id', 'deepfake_photo', 'url_image_target', 'url'],
  ])('goes through %s with a template bound to %s', async (operationId, key, method, templateField, photoField) => {
    await bind(operationId, key);
    expect(refusal(await post())).toBe('200');
    expect(lastJob().method).toBe(method);
    expect(await decodePixels(await fetched(templateField))).toEqual(await decodePixels(template));
    expect(await decodePixels(await fetched(photoField))).toEqual(await decodePixels(photo));
  });

  it('whose settings name the photo by the word ingest is that photo', async () => {
    await bind('identity_transfer', 'base_media_id', { face_media_id: 'ingest' });
    expect(refusal(await post())).toBe('200');
    expect(await decodePixels(await fetched('url_image_target'))).toEqual(await decodePixels(photo));
  });

  it('is refused in HEIC before anything is paid for', async () => {
    await setUpSlot(server, 'image_edit', { prompt: 'Сделай комикс.' });
    const before = server.simulator.jobs.length;
    expect(refusal(await post(heicPhoto()))).toBe('415 unsupported_media_type');
    expect(server.simulator.jobs).toHaveLength(before);
  });

  it('whose job was paid for and failed is not tried again', async () => {
    await setUpSlot(server, 'image_edit', { prompt: 'Сделай комикс.' });
    server.simulator.plan({ kind: 'failed', message: 'Ошибка генерации' });
    const before = server.simulator.jobs.length;
    const answer = await post();
    expect(refusal(answer)).toBe('502 provider_error');
    expect(server.simulator.jobs).toHaveLength(before + 1);
    const events = await listProcessingLog(server.db, errorOf(answer).details?.job_id ?? '');
    expect(events.find(({ status }) => status === 'provider_responded')).toMatchObject({
      message: 'the job failed: Ошибка генерации',
      details: { charged: 'yes', outcome: 'unavailable' },
    });
    await expectNothingLeft(server);
  });

  it('is submitted again where the service never took it, by the same link', async () => {
    await setUpSlot(server, 'image_edit', { prompt: 'Сделай комикс.' });
    server.simulator.plan({ kind: 'throttled' }, { kind: 'success' });
    const answer = await post();
    expect(refusal(answer)).toBe('200');
    const { rows } = await server.db.pool.query('select id from media_object where job_id = $1', [
      answer.headers.get('x-job-id'),
    ]);
    expect(rows).toHaveLength(1);
  });
});

describe('the link to a photo', () => {
  it('lives while the job runs, no longer than its window, and is over the moment it is cancelled', async () => {
    await setUpSlot(server, 'image_edit', { prompt: 'Сделай комикс.' });
    server.simulator.plan({ kind: 'never' });
    const before = server.simulator.jobs.length;
    const held = post();
    const jobId = await openJobId(server);
    await eventually(() => expect(server.simulator.jobs).toHaveLength(before + 1));
    const url = lastJob().fields['url'] ?? '';
    expect(url).toMatch(new RegExp(`^${server.url}/public/media/`));
    expect((await ask(url)).status).toBe(200);
    const { rows } = await server.db.pool.query(
      'select m.expires_at, j.expires_at as job_expires_at from media_object m join job j on j.id = m.job_id where j.id = $1',
      [jobId],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].expires_at).toEqual(rows[0].job_expires_at);
    const cancelled = await ask(`${server.url}/api/jobs/${jobId}/cancel`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${admin.token}` },
    });
    expect(refusal(cancelled)).toBe('200');
    expect(refusal(await ask(url))).toBe('410 media_link_expired');
    expect(refusal(await held)).toBe('503 job_cancelled');
    await expectNothingLeft(server);
  });

  it('is over once the station has its picture', async () => {
    await setUpSlot(server, 'image_edit', { prompt: 'Сделай комикс.' });
    expect(refusal(await post())).toBe('200');
    expect(refusal(await ask(lastJob().fields['url'] ?? ''))).toBe('410 media_link_expired');
  });

  it('shows the pixels bit for bit, and nothing of what the camera wrote beside them', async () => {
    await setUpSlot(server, 'image_edit', { prompt: 'Сделай комикс.' });
    const tagged = withTail(withSegments(photo, exifSegment(exifBlock({ text: SECRET }))), SECRET);
    expect(tagged.includes(SECRET)).toBe(true);
    expect(refusal(await post(tagged))).toBe('200');
    const shown = await fetched('url');
    expect(shown.includes('GPS')).toBe(false);
    expect(shown.includes('Exif')).toBe(false);
    expect(await decodePixels(shown)).toEqual(await decodePixels(photo));
  });

  it('shows a photo that the camera only marked as turned upright', async () => {
    await setUpSlot(server, 'image_edit', { prompt: 'Сделай комикс.' });
    const turned = await makePhoto({ widthPx: 160, heightPx: 120, orientation: 6 });
    expect(refusal(await post(turned))).toBe('200');
    const { width, height, orientation, exif } = await sharp(await fetched('url')).metadata();
    expect({ width, height, orientation, exif }).toEqual({ width: 120, height: 160 });
  });
});

describe('a ticket', () => {
  it('is stored before the job is asked for', async () => {
    await setUpSlot(server, 'image_edit', { prompt: 'Сделай комикс.' });
    server.simulator.plan({ kind: 'poll_fault', fault: 'hang' });
    const polls = server.simulator.steps.filter(({ step }) => step === 'poll').length;
    const held = post();
    const { jobId: queueId } = await server.simulator.waitForStep('poll', polls + 1);
    const jobId = await openJobId(server);
    const { provider_job_reference: reference } = await readJob(server.db, jobId);
    expect(JSON.parse(reference ?? '{}')).toMatchObject({ id: queueId, charged: 'yes' });
    await ask(`${server.url}/api/jobs/${jobId}/cancel`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${admin.token}` },
    });
    await held;
  });
});
