import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RecordedRequest } from '../../scripts/simulators/request-log.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { administratorToken } from '../support/administrators.ts';
import { refusal } from '../support/http.ts';
import { makePhoto, withTail } from '../support/images.ts';
import { idOf, makeFrame, sendTemplate, type Uploader } from '../support/media.ts';
import { expectNothingLeft, GEMINI_SLOT, type GeminiServer, startGeminiServer } from '../support/slots.ts';

let server: GeminiServer;
let admin: Uploader;
let photo: Buffer;
let template: Buffer;
let seen: number;

beforeAll(async () => {
  [photo, template] = await Promise.all([makePhoto(), makeFrame('#ff8800')]);
  server = await startGeminiServer();
  admin = { url: server.url, token: await administratorToken(server, ['slots:write']) };
});
beforeEach(() => {
  seen = server.simulator.requests.length;
});
afterEach(async () => {
  await server.db.pool.query('delete from template_media');
  const templates = (await server.files()).filter((path) => path.startsWith('templates/'));
  for (const path of templates) await rm(join(server.mediaRoot, path));
  await expectNothingLeft(server);
});
afterAll(() => server.stop());

const setUp = (operationId: string, settings: Record<string, unknown>) =>
  updateSlot(server.db, GEMINI_SLOT, {
    providerId: 'gemini',
    operationId,
    settings: { prompt: 'Make it a comic.', ...settings },
    isEnabled: true,
  });

const bind = async (settingKey: string, bytes = template): Promise<string> =>
  idOf(await sendTemplate(admin, bytes, { slot_id: GEMINI_SLOT, setting_key: settingKey }));

const post = (bytes = photo) => server.post({ photo: bytes, slotId: GEMINI_SLOT });

function lastCall(): RecordedRequest {
  const call = server.simulator.requests.findLast(({ path }) => path.endsWith(':generateContent'));
  return call ?? expect.fail('no call was made');
}

const sentHashes = (): string[] => lastCall().images.map(({ sha256 }) => sha256);
const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a photo to a slot of Gemini', () => {
  it('goes with the templates of an edit', async () => {
    const ids = [await bind('template_media_ids'), await bind('template_media_ids', await makeFrame('#0088ff'))];
    await setUp('image_edit', { template_media_ids: ids });
    const answer = await post();
    expect([refusal(answer), answer.headers.get('photochanger-provider')]).toEqual(['200', 'gemini']);
    expect(sentHashes()).toHaveLength(3);
    expect(sentHashes()[0]).toBe(hashOf(photo));
    expect(lastCall().images.map(({ mimeType }) => mimeType)).toEqual(['image/jpeg', 'image/png', 'image/png']);
  });

  it.each([
    ['style_transfer', 'style_media_id', {}, 0],
    ['identity_transfer', 'base_media_id', { overlay_media_id: 'ingest' }, 1],
    ['identity_transfer', 'overlay_media_id', {}, 0],
  ])('goes through %s with a template bound to %s', async (operationId, key, more, photoAt) => {
    const id = await bind(key);
    await setUp(operationId, { ...more, [key]: id });
    expect(refusal(await post())).toBe('200');
    expect(sentHashes()).toHaveLength(2);
    expect(sentHashes().indexOf(hashOf(photo))).toBe(photoAt);
  });

  it('is put together with a person on a JPEG, which needs no transparency', async () => {
    const person = await makePhoto({ widthPx: 96, heightPx: 120 });
    await setUp('identity_transfer', { overlay_media_id: await bind('overlay_media_id', person) });
    expect(refusal(await post())).toBe('200');
    expect(lastCall().images.map(({ mimeType }) => mimeType)).toEqual(['image/jpeg', 'image/jpeg']);
    expect(sentHashes()[0]).toBe(hashOf(photo));
  });

  it('is uploaded where it is too large for a request, and nothing stays at the service', async () => {
    await setUp('image_edit', {});
    const large = withTail(photo, Buffer.alloc(12_000_000));
    const answer = await post(large);
    expect(refusal(answer)).toBe('200');
    expect(await sharp(answer.body).metadata()).toMatchObject({ format: 'jpeg' });
    expect(sentHashes()).toEqual([hashOf(large)]);
    expect(lastCall().bytesReceived).toBeLessThan(1_000);
    await server.simulator.waitForRequest(seen + 4, 'ended');
    expect(server.simulator.requests.slice(seen).map(({ method }) => method)).toEqual([
      'POST',
      'POST',
      'POST',
      'DELETE',
    ]);
    expect(server.simulator.files.size).toBe(0);
  });
});
