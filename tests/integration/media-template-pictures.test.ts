import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findTemplateFaults } from '../../src/services/media/template-faults.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { ask, type HttpAnswer } from '../support/http.ts';
import { decodePixels, exifBlock, exifSegment, makePhoto, withSegments, withTail } from '../support/images.ts';
import { idOf, makeFrame, sendTemplate, type Uploader } from '../support/media.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const FRAME = { providerId: 'studio', operationId: 'frame' };

let server: TestServer;
let admin: Uploader;
let red: Buffer;

beforeAll(async () => {
  red = await makeFrame('#ff0000');
  server = await startTestServer();
  admin = { url: server.url, token: await administratorToken(server, ['slots:write']) };
});
beforeEach(() => server.db.pool.query('delete from template_media'));
afterAll(() => server.stop());

const remove = (id: string): Promise<HttpAnswer> =>
  ask(`${server.url}/api/template-media/${id}?slot_id=slot-001&setting_key=overlay_media_id`, {
    method: 'DELETE',
    headers: bearer(admin.token),
  });

const fetchTemplate = (id: string): Promise<HttpAnswer> =>
  ask(`${server.url}/api/template-media/${id}`, { headers: bearer(admin.token) });

describe('settings', () => {
  it('are at fault where they name a template of another slot, of another key, or none at all', async () => {
    const id = idOf(await sendTemplate(admin, red));
    const faultsIn = (slotId: string, settings: Record<string, unknown>) =>
      findTemplateFaults(server.db, slotId, { ...FRAME, settings }).then((faults) =>
        faults.map(({ pointer }) => pointer),
      );
    expect(await faultsIn('slot-001', { overlay_media_id: id, style_media_id: 'ingest', prompt: id })).toEqual([]);
    expect(await faultsIn('slot-002', { overlay_media_id: id })).toEqual(['/overlay_media_id']);
    expect(await faultsIn('slot-001', { watermark_media_id: id })).toEqual(['/watermark_media_id']);
    expect(await faultsIn('slot-001', { template_media_ids: ['ingest', id] })).toEqual(['/template_media_ids/1']);
    expect(await faultsIn('slot-001', { overlay_media_id: { id } })).toEqual(['/overlay_media_id']);
    await remove(id);
    expect(await faultsIn('slot-001', { overlay_media_id: id })).toEqual(['/overlay_media_id']);
  });
});

describe('what is kept of a template', () => {
  it('has no camera, no place and nothing behind its end', async () => {
    const secret = exifSegment(exifBlock({ text: 'GPS of the studio' }));
    const jpeg = withTail(withSegments(await makePhoto(), secret), '<script>alert(1)</script>');
    const id = idOf(await sendTemplate(admin, jpeg, { setting_key: 'style_media_id' }));
    const { body } = await fetchTemplate(id);
    expect(body.includes('GPS of the studio')).toBe(false);
    expect(body.includes('script')).toBe(false);
    expect(await decodePixels(body)).toEqual(await decodePixels(jpeg));
  });

  it('lies upright', async () => {
    const turned = await makePhoto({ widthPx: 64, heightPx: 48, orientation: 6 });
    const id = idOf(await sendTemplate(admin, turned, { setting_key: 'style_media_id' }));
    expect(await sharp((await fetchTemplate(id)).body).metadata()).toMatchObject({ width: 48, height: 64 });
  });
});
