import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobTemplates } from '../../src/domain/templates.ts';
import { createLog } from '../../src/log.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { cleanUp } from '../../src/worker/clean-up.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ask, errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { decodePixels, makePhoto } from '../support/images.ts';
import {
  ageDeletion,
  bodyOf,
  idOf,
  makeFrame,
  pixelAt,
  sendTemplate,
  TEMPLATE_PATH,
  type Uploader,
} from '../support/media.ts';
import { postForm } from '../support/post-form.ts';
import { closeWindow, enqueueForNobody, newJob } from '../support/queue.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eventually, openJobId } from '../support/slots.ts';

/** The longest window and a margin of a minute, and a moment. */
const LONG_AGO_SECONDS = 125;

const STUDIO_FRAME = { providerId: 'studio', operationId: 'frame', settings: {} };

/** What the servers of this file share, one after the other and side by side. */
let place: { readonly database: TestDatabase; readonly mediaRoot: string };
let server: TestServer;
let admin: Uploader;
let photo: Buffer;
let red: Buffer;
let green: Buffer;

beforeAll(async () => {
  [photo, red, green] = await Promise.all([
    makePhoto({ widthPx: 320, heightPx: 240 }),
    makeFrame('#ff0000'),
    makeFrame('#00ff00'),
  ]);
  place = { database: await createTestDatabase(), mediaRoot: await mkdtemp(join(tmpdir(), 'photochanger-media-')) };
  server = await startTestServer(place);
  admin = { url: server.url, token: await administratorToken(server, ['slots:write']) };
});
afterAll(async () => {
  await server.stop();
  await place.database.drop();
  await rm(place.mediaRoot, { recursive: true });
});
beforeEach(async () => {
  await useFrame('slot-001', {});
  await server.db.pool.query('delete from template_media');
  for (const file of await templateFiles()) await rm(join(server.mediaRoot, file));
});

const useFrame = (slotId: string, settings: Record<string, unknown>) =>
  updateSlot(server.db, slotId, { providerId: 'studio', operationId: 'frame', settings, isEnabled: true });

async function settingsOf(slotId: string): Promise<Record<string, unknown>> {
  const { rows } = await server.db.pool.query('select settings from slot where id = $1', [slotId]);
  return rows[0].settings;
}

const templateFiles = async (): Promise<string[]> =>
  (await server.files()).filter((path) => path.startsWith('templates/'));

const remove = (id: string, search = ''): Promise<HttpAnswer> =>
  ask(`${server.url}/api/template-media/${id}?slot_id=slot-001&setting_key=overlay_media_id${search}`, {
    method: 'DELETE',
    headers: bearer(admin.token),
  });

const fetchTemplate = (id: string): Promise<HttpAnswer> =>
  ask(`${server.url}/api/template-media/${id}`, { headers: bearer(admin.token) });

function clean() {
  const store = createDiskStore({ root: server.mediaRoot, freeBytesMin: 0 });
  const options = { windowMsMax: 60_000, jobRowDays: 400, withOrphans: true, isDryRun: false };
  return cleanUp({ db: server.db, store, log: createLog('silent') }, options);
}

/** The colour of the frame and of the window in a picture that was framed. */
async function framing(picture: Buffer): Promise<{ frame: string; window: string }> {
  const nameOf = ([r = 0, g = 0, b = 0]: readonly number[]) => {
    if (r > 200 && g < 60 && b < 60) return 'red';
    return g > 200 && r < 60 && b < 60 ? 'green' : 'photo';
  };
  const { width = 0, height = 0 } = await sharp(picture).metadata();
  return {
    frame: nameOf(await pixelAt(picture, 5, 5)),
    window: nameOf(await pixelAt(picture, width / 2, height / 2)),
  };
}

async function postFramed(): Promise<{ frame: string; window: string }> {
  const answer = await server.post({ photo });
  expect(answer.status, answer.body.toString('utf8', 0, 300)).toBe(200);
  return framing(answer.body);
}

describe('a frame that is bound to a slot', () => {
  it('lies over the next photo once the settings name it', async () => {
    const id = idOf(await sendTemplate(admin, red));
    expect(await postFramed()).not.toMatchObject({ frame: 'red' });
    await useFrame('slot-001', { overlay_media_id: id });
    expect(await postFramed()).toEqual({ frame: 'red', window: 'photo' });
  });

  it('is given back as it is kept: the same pixels, under its checksum', async () => {
    const template = bodyOf<{ id: string; size_bytes: number }>(await sendTemplate(admin, red));
    const answer = await fetchTemplate(template.id);
    expect(answer.body.length).toBe(template.size_bytes);
    expect(await decodePixels(answer.body)).toEqual(await decodePixels(red));
  });

  it('may be replaced: the settings name the new one at once, as a new version of the slot', async () => {
    const first = idOf(await sendTemplate(admin, red));
    await useFrame('slot-001', { caption: 'Hi', overlay_media_id: first });
    const { rows: before } = await server.db.pool.query(`select version from slot where id = 'slot-001'`);
    const second = idOf(await sendTemplate(admin, green, { replace: 'true' }));
    expect(await settingsOf('slot-001')).toEqual({ caption: 'Hi', overlay_media_id: second });
    const { rows: after } = await server.db.pool.query(`select version, updated_by from slot where id = 'slot-001'`);
    expect(after[0].version).toBe(before[0].version + 1);
    expect(after[0].updated_by).toMatch(/^test-/);
    expect((await fetchTemplate(first)).status).toBe(404);
    expect(await postFramed()).toMatchObject({ frame: 'green' });
  });

  it('may be replaced where nothing names it: the settings stay', async () => {
    await sendTemplate(admin, red);
    await sendTemplate(admin, green, { replace: 'true' });
    expect(await settingsOf('slot-001')).toEqual({});
  });

  it('is bound once, however many are sent at the same time; no other file is left', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => sendTemplate(admin, red)));
    expect(answers.map(refusal).sort()).toEqual(['201', ...Array(7).fill('409 template_already_bound')]);
    expect(await templateFiles()).toHaveLength(1);
  });

  it('ends the job with a reason when its file is gone', async () => {
    const id = idOf(await sendTemplate(admin, red));
    await useFrame('slot-001', { overlay_media_id: id });
    for (const file of await templateFiles()) await rm(join(server.mediaRoot, file));
    const answer = await server.post({ photo });
    expect(refusal(answer)).toBe('502 provider_error');
    const { rows } = await server.db.pool.query('select failure_message from job where id = $1', [
      errorOf(answer).details?.job_id,
    ]);
    expect(rows[0].failure_message).toBe(
      'the template picture of overlay_media_id is gone or damaged (the answer will not change)',
    );
  });
});

describe('a list of templates', () => {
  const fields = { setting_key: 'template_media_ids' };

  it('takes fifteen; the sixteenth is refused, also when many are sent at once', async () => {
    const answers = await Promise.all(Array.from({ length: 17 }, () => sendTemplate(admin, red, fields)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(15);
    expect(answers.filter((answer) => refusal(answer) === '409 template_already_bound')).toHaveLength(2);
    expect(await templateFiles()).toHaveLength(15);
  });

  it('is carried by the job in the order of the settings', async () => {
    const ids = [];
    for (const bytes of [red, green]) ids.push(idOf(await sendTemplate(admin, bytes, fields)));
    await useFrame('slot-001', { template_media_ids: ids.toReversed() });
    const jobId = (await server.post({ photo })).headers.get('x-job-id');
    const { rows } = await server.db.pool.query('select snapshot from job where id = $1', [jobId]);
    const { template_media_ids: carried } = rows[0].snapshot.templates;
    expect(carried.map(({ id }: { id: string }) => id)).toEqual(ids.toReversed());
    expect(carried[0]).toEqual({
      id: ids[1],
      path: `templates/${ids[1]}.png`,
      mimeType: 'image/png',
      sizeBytes: expect.any(Number),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });
});

describe('a template that is deleted', () => {
  it('is still used by a job that was accepted before, and goes when no job can need it', async () => {
    const id = idOf(await sendTemplate(admin, red));
    await useFrame('slot-001', { overlay_media_id: id });
    await server.stop();
    const api = await startTestServer({ ...place, environment: { ROLE: 'api', T_SYNC_RESPONSE_SECONDS: '15' } });
    const held = api.post({ photo });
    await openJobId(api);
    const search = 'slot_id=slot-001&setting_key=overlay_media_id&force=true';
    const headers = bearer(await administratorToken(api, ['slots:write']));
    expect((await ask(`${api.url}/api/template-media/${id}?${search}`, { method: 'DELETE', headers })).status).toBe(
      204,
    );
    await ageDeletion(server.db, id, LONG_AGO_SECONDS);
    expect(await clean()).toMatchObject({ deletedTemplates: 0 });
    expect(await templateFiles()).toEqual([`templates/${id}.png`]);
    const worker = await startTestServer({ ...place, environment: { ROLE: 'worker' } });
    expect(await framing((await held).body)).toMatchObject({ frame: 'red' });
    expect(await clean()).toMatchObject({ deletedTemplates: 1, orphanFiles: 0 });
    expect(await templateFiles()).toEqual([]);
    await Promise.all([api.stop(), worker.stop()]);
    server = await startTestServer(place);
    admin = { url: server.url, token: await administratorToken(server, ['slots:write']) };
  });

  it('keeps its file as long as an upload may be under way that read the slot before', async () => {
    const id = idOf(await sendTemplate(admin, red));
    await remove(id);
    await ageDeletion(server.db, id, LONG_AGO_SECONDS - 10);
    expect(await clean()).toMatchObject({ deletedTemplates: 0, orphanFiles: 0 });
    await ageDeletion(server.db, id, 10);
    expect(await clean()).toMatchObject({ deletedTemplates: 1 });
  });

  it.each([
    ['in a list', (templates: JobTemplates) => ({ templates })],
    ['in a fallback link', (templates: JobTemplates) => ({ links: [{ ...STUDIO_FRAME, templates }] })],
  ])('keeps its file while an unfinished job carries it %s', async (_, carrying) => {
    const fields = { setting_key: 'template_media_ids' };
    const template = bodyOf<{ id: string }>(await sendTemplate(admin, red, fields));
    const copy = { id: template.id, path: '', mimeType: 'image/png', sizeBytes: 1, sha256: '' };
    const job = newJob({ providerId: 'nobody' });
    const templates = { template_media_ids: [{ ...copy, id: 'another' }, copy] };
    await enqueueForNobody(server.db, { ...job, snapshot: { ...job.snapshot, ...carrying(templates) } });
    await server.db.pool.query('update template_media set deleted_at = now()');
    await ageDeletion(server.db, template.id, LONG_AGO_SECONDS);
    expect(await clean()).toMatchObject({ deletedTemplates: 0 });
    await closeWindow(server.db, job.id);
    await server.waitForLine({ msg: 'swept', job_id: job.id });
    expect(await clean()).toMatchObject({ deletedTemplates: 1 });
  });

  it('by force is named no more by the settings of its slot, and the slot goes on without it', async () => {
    const id = idOf(await sendTemplate(admin, red));
    await useFrame('slot-001', { caption: 'Hi', overlay_media_id: id });
    expect(refusal(await remove(id))).toBe('409 template_in_use');
    expect((await remove(id, '&force=false')).status).toBe(409);
    expect((await remove(id, '&force=true')).status).toBe(204);
    expect(await settingsOf('slot-001')).toEqual({ caption: 'Hi' });
    expect(await postFramed()).not.toMatchObject({ frame: 'red' });
  });

  it('makes room for another under its key', async () => {
    await remove(idOf(await sendTemplate(admin, red)));
    expect((await sendTemplate(admin, green)).status).toBe(201);
  });

  it('is deleted once: the second time there is none', async () => {
    const id = idOf(await sendTemplate(admin, red));
    const answers = await Promise.all([remove(id), remove(id), remove(id)]);
    expect(answers.map(refusal).sort()).toEqual(['204', '404 not_found', '404 not_found']);
  });
});

it('every change is told in the audit log, by whom and where', async () => {
  const id = idOf(await sendTemplate(admin, red));
  const next = idOf(await sendTemplate(admin, green, { replace: 'true' }));
  await remove(next);
  const { rows } = await server.db.pool.query(
    'select actor, action, object_id from audit_event where object_id = any ($1) order by id',
    [[id, next]],
  );
  const by = { actor: expect.stringMatching(/^test-/) };
  expect(rows).toEqual([
    { ...by, action: 'template.registered', object_id: id },
    { ...by, action: 'template.replaced', object_id: next },
    { ...by, action: 'template.deleted', object_id: next },
  ]);
});

it('a form without a token is refused before its file is read', async () => {
  const answer = await postForm(server, [{ name: 'slot_id', value: 'slot-001' }], TEMPLATE_PATH);
  expect(refusal(answer)).toBe('401 unauthorized');
  await eventually(async () => expect(await server.files()).not.toContainEqual(expect.stringMatching(/^payloads/)));
});
