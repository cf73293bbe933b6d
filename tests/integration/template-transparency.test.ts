/** A template that a slot lays over its photos cannot be replaced by one that would hide them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findSlot, updateSlot } from '../../src/repositories/slots.ts';
import { administratorToken } from '../support/administrators.ts';
import { refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { idOf, makeFrame, sendTemplate, type Uploader } from '../support/media.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eventually } from '../support/slots.ts';

const PLAIN_FRAME = { providerId: 'studio', operationId: 'frame', settings: {} };

let server: TestServer;
let admin: Uploader;
let photo: Buffer;
let opaque: Buffer;
let frame: Buffer;
let frameId: string;

beforeAll(async () => {
  [photo, opaque, frame] = await Promise.all([makePhoto(), makePhoto({ format: 'png' }), makeFrame('#ff0000')]);
  server = await startTestServer({ environment: { ROLE: 'api' } });
  admin = { url: server.url, token: await administratorToken(server, ['slots:write']) };
});
afterAll(() => server.stop());
beforeEach(async () => {
  await updateSlot(server.db, 'slot-001', { ...PLAIN_FRAME, fallback: [] });
  frameId = idOf(await sendTemplate(admin, frame, { replace: 'true' }));
  await server.db.pool.query('delete from template_media where deleted_at is not null');
});

const replace = async (bytes: Buffer): Promise<string> =>
  refusal(await sendTemplate(admin, bytes, { replace: 'true' }));

const kept = async (): Promise<number> => {
  const { rows } = await server.db.pool.query('select id from template_media where deleted_at is null');
  expect(rows).toEqual([{ id: frameId }]);
  return (await server.files()).filter((path) => path.startsWith('templates/')).length;
};

describe('a frame that is in use', () => {
  it.each([
    ['of the slot itself', () => ({ settings: { overlay_media_id: frameId } })],
    ['of a fallback link', () => ({ fallback: [{ ...PLAIN_FRAME, settings: { overlay_media_id: frameId } }] })],
  ])('%s is not replaced by an opaque picture; one that is not in use is', async (_, use) => {
    await updateSlot(server.db, 'slot-001', use());
    const files = await kept();
    expect([await replace(photo), await replace(opaque)]).toEqual([
      '415 unsupported_media_type',
      '400 invalid_payload',
    ]);
    expect(await kept()).toBe(files);
    await updateSlot(server.db, 'slot-001', { settings: {}, fallback: [PLAIN_FRAME] });
    expect(await replace(photo)).toBe('201');
  });

  it('is not replaced either when it came into use during the upload', async () => {
    const files = await kept();
    const holder = await server.db.pool.connect();
    let sent: Promise<string>;
    try {
      await holder.query('begin');
      await holder.query(`update slot set settings = $1 where id = 'slot-001'`, [{ overlay_media_id: frameId }]);
      sent = replace(photo);
      await eventually(async () => expect(await kept()).toBe(files + 1));
      await holder.query('commit');
    } finally {
      holder.release(true);
    }
    expect(await sent).toBe('400 invalid_payload');
    expect(await kept()).toBe(files);
    expect((await findSlot(server.db, 'slot-001'))?.settings).toEqual({ overlay_media_id: frameId });
  });
});
