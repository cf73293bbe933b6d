import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { administratorToken, bearer } from '../support/administrators.ts';
import { answers } from '../support/contract-answer.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { ask, errorOf, type HttpAnswer, type HttpRequest, refusal } from '../support/http.ts';
import { heicPhoto, makePhoto } from '../support/images.ts';
import {
  bodyOf,
  filePart,
  idOf,
  MEDIA_PATH,
  makeFrame,
  sendForm,
  sendMedia,
  sendTemplate,
  setLinkLeft,
  TEMPLATE_PATH,
  type Uploader,
} from '../support/media.ts';
import { closeWindow, enqueueForNobody } from '../support/queue.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const UPLOAD_BYTES_MAX = 1_000_000;
const LINKS_PER_MINUTE = 600;

let server: TestServer;
let admin: Uploader;
let photo: Buffer;
let frame: Buffer;

beforeAll(async () => {
  [photo, frame] = await Promise.all([makePhoto(), makeFrame('#ff0000')]);
  server = await startTestServer({
    environment: { TRUSTED_PROXIES: '127.0.0.1', UPLOAD_BYTES_MAX: String(UPLOAD_BYTES_MAX) },
  });
  admin = { url: server.url, token: await administratorToken(server, ['slots:write']) };
});
afterAll(() => server.stop());
beforeEach(async () => {
  await server.db.pool.query('delete from media_object; delete from template_media');
  await useFrame({});
});
afterEach(async () => {
  expect((await server.files()).filter((path) => path.startsWith('payloads/'))).toEqual([]);
});

const call = (path: string, request: HttpRequest = {}): Promise<HttpAnswer> =>
  ask(`${server.url}${path}`, { ...request, headers: { ...bearer(admin.token), ...request.headers } });
const openLink = (id: string, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  ask(`${server.url}/public/media/${id}`, { headers });
const remove = (id: string, search = 'slot_id=slot-001&setting_key=overlay_media_id'): Promise<HttpAnswer> =>
  call(`/api/template-media/${id}?${search}`, { method: 'DELETE' });

const useFrame = (settings: Readonly<Record<string, string>>): Promise<unknown> =>
  server.db.pool.query(`update slot set operation_id = 'frame', settings = $1 where id = 'slot-001'`, [settings]);

/** Lets the slot lay a frame over its photos. */
async function bindFrame(): Promise<void> {
  await useFrame({ overlay_media_id: idOf(await sendTemplate(admin, frame)) });
}

const openJob = (): Promise<string> => enqueueForNobody(server.db);

describe('a public link', () => {
  answers('registerMedia', 201, 'a picture of its own', () => sendMedia(admin, photo));

  answers('registerMedia', 201, 'a picture for a job, whose link ends with it', async () => {
    const jobId = await openJob();
    const answer = await sendMedia(admin, photo, { job_id: jobId });
    const { rows } = await server.db.pool.query('select expires_at from job where id = $1', [jobId]);
    expect(bodyOf(answer)).toMatchObject({ job_id: jobId, expires_at: rows[0].expires_at.toISOString() });
    return answer;
  });

  for (const format of ['jpeg', 'png', 'webp'] as const) {
    answers('getPublicMedia', 200, `a ${format}`, async () => {
      const { public_url: url } = bodyOf<{ public_url: string }>(await sendMedia(admin, await makePhoto({ format })));
      const answer = await ask(url);
      expect(answer.headers.get('content-type')).toBe(`image/${format}`);
      return answer;
    });
  }

  answers('registerMedia', 400, 'a form without a picture', async () => {
    const answer = await sendForm(admin, MEDIA_PATH, [{ name: 'job_id', value: await openJob() }]);
    expect(errorOf(answer)).toMatchObject({
      code: 'invalid_payload',
      details: { fields: [{ pointer: '/body/file' }] },
    });
    return answer;
  });
  answers('registerMedia', 400, 'a job id that is none', async () => {
    const answer = await sendMedia(admin, photo, { job_id: 'the last one' });
    expect(errorOf(answer).details).toMatchObject({ fields: [{ pointer: '/body/job_id', keyword: 'format' }] });
    return answer;
  });
  answers('registerMedia', 400, 'a field that nobody knows', async () => {
    const answer = await sendMedia(admin, photo, { 'expires/at': '2099-01-01' });
    expect(errorOf(answer).details).toMatchObject({ fields: [{ pointer: '/body/expires~1at' }] });
    return answer;
  });

  answers('registerMedia', 404, 'a job that never was', async () => {
    const answer = await sendMedia(admin, photo, { job_id: randomUUID() });
    expect(refusal(answer)).toBe('404 not_found');
    return answer;
  });

  answers('registerMedia', 409, 'a job whose window is over', async () => {
    const jobId = await openJob();
    await closeWindow(server.db, jobId);
    const answer = await sendMedia(admin, photo, { job_id: jobId });
    expect(refusal(answer)).toBe('409 job_final');
    return answer;
  });

  answers('registerMedia', 413, 'more bytes than an upload may have', () =>
    sendMedia(admin, Buffer.concat([photo, Buffer.alloc(UPLOAD_BYTES_MAX)])),
  );
  answers('registerMedia', 415, 'a picture that cannot be decoded here', () => sendMedia(admin, heicPhoto()));

  answers('registerMedia', 429, 'a thousand links live already', async () => {
    await fill(1_000, '1 hour');
    const answer = await sendMedia(admin, photo);
    expect(refusal(answer)).toBe('429 rate_limited');
    return answer;
  });
  answers('registerMedia', 429, 'six hundred links were made in the last minute, over or not', async () => {
    await fill(600, '1 second');
    await server.db.pool.query('update media_object set path = null');
    return sendMedia(admin, photo);
  });

  answers('getPublicMedia', 400, 'a path that is not percent-encoded UTF-8', () => openLink('%zz'));
  answers('getPublicMedia', 404, 'a link that never was', () => openLink(randomUUID()));
  answers('getPublicMedia', 404, 'a text that is no id', () => openLink('..%2Fsecret'));
  answers('getPublicMedia', 410, 'a link that is over', async () => {
    const id = idOf(await sendMedia(admin, photo));
    await setLinkLeft(server.db, id, -1);
    const answer = await openLink(id);
    expect(refusal(answer)).toBe('410 media_link_expired');
    return answer;
  });
  answers('getPublicMedia', 429, 'too many requests from an address, and from that address alone', async () => {
    const id = idOf(await sendMedia(admin, photo));
    for (let sent = 0; sent < LINKS_PER_MINUTE; sent += 50)
      await Promise.all(Array.from({ length: 50 }, () => openLink('none', { 'X-Forwarded-For': '203.0.113.9' })));
    expect((await openLink(id, { 'X-Forwarded-For': '203.0.113.10' })).status).toBe(200);
    return openLink(id, { 'X-Forwarded-For': '203.0.113.9' });
  });
  answers('getPublicMedia', 503, 'the database cannot be reached', async () => {
    const proxy = await startDatabaseProxy(server.database);
    const environment = { DATABASE_URL: proxy.through(server.database.url) };
    const cutOff = await startTestServer({ database: server.database, mediaRoot: server.mediaRoot, environment });
    try {
      proxy.refuse();
      proxy.cut();
      return await ask(`${cutOff.url}/public/media/${randomUUID()}`);
    } finally {
      await cutOff.stop();
      await proxy.stop();
    }
  });
});

/** Rows of links that were made just now. */
const fill = (count: number, life: string): Promise<unknown> =>
  server.db.pool.query(
    `insert into media_object (id, path, mime_type, size_bytes, checksum, created_by, created_at, expires_at)
     select gen_random_uuid(), 'public/' || n, 'image/png', 1, repeat('0', 64), 'test', now() - interval '1 second', now() + $2::interval
     from generate_series(1, $1::int) n`,
    [count, life],
  );

describe('a template', () => {
  answers('registerTemplateMedia', 201, 'a frame', async () => {
    const answer = await sendTemplate(admin, frame, { label: 'Gold frame' });
    expect(bodyOf(answer)).toMatchObject({ slot_id: 'slot-001', setting_key: 'overlay_media_id', label: 'Gold frame' });
    return answer;
  });

  const faults: readonly (readonly [string, Record<string, string>, string])[] = [
    ['a key that names no pictures', { setting_key: 'prompt' }, '/body/setting_key'],
    ['a label that is too long', { label: 'ü'.repeat(101) }, '/body/label'],
    ['a word for replace that is neither true nor false', { replace: 'yes' }, '/body/replace'],
    ['a field that nobody knows', { colour: 'gold' }, '/body/colour'],
  ];
  for (const [what, fields, pointer] of faults) {
    answers('registerTemplateMedia', 400, what, async () => {
      const answer = await sendTemplate(admin, frame, fields);
      expect(errorOf(answer)).toMatchObject({ code: 'invalid_payload', details: { fields: [{ pointer }] } });
      return answer;
    });
  }
  for (const fields of [{ setting_key: 'finish_frame_media_id' }, { replace: 'true' }]) {
    answers('registerTemplateMedia', 400, `a frame without transparency: ${JSON.stringify(fields)}`, async () => {
      await bindFrame();
      const answer = await sendTemplate(admin, await makePhoto({ format: 'png' }), fields);
      expect(errorOf(answer)).toMatchObject({
        code: 'invalid_payload',
        details: { fields: [{ pointer: '/body/file', keyword: 'picture' }] },
      });
      return answer;
    });
  }

  answers('registerTemplateMedia', 404, 'a slot that does not exist', async () => {
    const answer = await sendTemplate(admin, frame, { slot_id: 'slot-016', setting_key: 'nonsense' });
    expect(refusal(answer)).toBe('404 slot_not_found');
    return answer;
  });
  answers('registerTemplateMedia', 409, 'the key has a template', async () => {
    const first = idOf(await sendTemplate(admin, frame));
    const answer = await sendTemplate(admin, frame);
    expect(errorOf(answer)).toMatchObject({ code: 'template_already_bound', details: { template_ids: [first] } });
    return answer;
  });
  answers('registerTemplateMedia', 413, 'more bytes than an upload may have', () =>
    sendTemplate(admin, Buffer.concat([photo, Buffer.alloc(UPLOAD_BYTES_MAX)]), { setting_key: 'style_media_id' }),
  );
  answers('registerTemplateMedia', 201, 'an opaque overlay that no frame uses', () => sendTemplate(admin, photo));
  answers('registerTemplateMedia', 415, 'a JPEG where only transparency makes sense', () =>
    sendTemplate(admin, photo, { setting_key: 'finish_frame_media_id' }),
  );
  answers('registerTemplateMedia', 415, 'a JPEG in place of the frame that the slot uses', async () => {
    await bindFrame();
    return sendTemplate(admin, photo, { replace: 'true' });
  });
  answers('registerTemplateMedia', 415, 'the same, told only after the file', () =>
    sendForm(admin, TEMPLATE_PATH, [
      filePart(photo),
      { name: 'slot_id', value: 'slot-001' },
      { name: 'setting_key', value: 'finish_frame_media_id' },
    ]),
  );

  answers('listTemplateMedia', 200, 'those of one slot and key, oldest first, page by page', async () => {
    const fields = { slot_id: 'slot-002', setting_key: 'template_media_ids' };
    const ids = [];
    for (const label of ['first', 'second', 'third'])
      ids.push(idOf(await sendTemplate(admin, photo, { ...fields, label })));
    await sendTemplate(admin, frame);
    const search = 'slot_id=slot-002&setting_key=template_media_ids&page_size=2&page=2';
    const answer = await call(`/api/template-media?${search}`);
    expect(bodyOf(answer)).toMatchObject({ data: [{ id: ids[2] }], meta: { page: 2, page_size: 2, total: 3 } });
    return answer;
  });
  answers('listTemplateMedia', 404, 'a slot that does not exist', () => call('/api/template-media?slot_id=slot-016'));

  answers('getTemplateMedia', 200, 'a PNG', async () => {
    const template = bodyOf<{ id: string; checksum: string }>(await sendTemplate(admin, frame));
    const answer = await call(`/api/template-media/${template.id}`);
    expect(answer.headers.get('etag')).toBe(`"${template.checksum}"`);
    return answer;
  });
  for (const format of ['jpeg', 'webp'] as const) {
    answers('getTemplateMedia', 200, `a ${format}`, async () => {
      const fields = { setting_key: 'style_media_id' };
      return call(`/api/template-media/${idOf(await sendTemplate(admin, await makePhoto({ format }), fields))}`);
    });
  }
  answers('getTemplateMedia', 404, 'a template that never was', () => call(`/api/template-media/${randomUUID()}`));
  answers('getTemplateMedia', 404, 'a text that is no id', () => call('/api/template-media/frame'));

  answers('deleteTemplateMedia', 204, 'one that no settings name', async () => {
    const id = idOf(await sendTemplate(admin, frame));
    const answer = await remove(id);
    expect((await call(`/api/template-media/${id}`)).status).toBe(404);
    return answer;
  });
  answers('deleteTemplateMedia', 400, 'no word of where it is bound', () => remove(randomUUID(), 'force=true'));
  answers('deleteTemplateMedia', 404, 'another key than the one it is bound to', async () =>
    remove(idOf(await sendTemplate(admin, frame)), 'slot_id=slot-001&setting_key=style_media_id'),
  );
  answers('deleteTemplateMedia', 404, 'another slot than the one it is bound to', async () =>
    remove(idOf(await sendTemplate(admin, frame)), 'slot_id=slot-002&setting_key=overlay_media_id'),
  );
  answers('deleteTemplateMedia', 404, 'a slot that does not exist', () =>
    remove(randomUUID(), 'slot_id=slot-016&setting_key=overlay_media_id'),
  );
  answers('deleteTemplateMedia', 409, 'the slot uses it', async () => {
    const id = idOf(await sendTemplate(admin, frame));
    await useFrame({ overlay_media_id: id });
    const answer = await remove(id);
    expect(refusal(answer)).toBe('409 template_in_use');
    return answer;
  });
});
