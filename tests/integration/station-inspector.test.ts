import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { updateSlot } from '../../src/repositories/slots.ts';
import { BOUNDARY, formBytes } from '../support/form.ts';
import { ask, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { PASSWORD_PART, photoPart, postForm } from '../support/post-form.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';
import { INGEST_PASSWORD, startTestServer } from '../support/server.ts';
import { createSlotClient, type SlotClient } from '../support/slot-requests.ts';
import { eventually, GEMINI_SLOT, type GeminiServer, openJobId, startGeminiServer } from '../support/slots.ts';
import { type ShownRequest, shownRequests } from '../support/station-requests.ts';

const UPLOAD_BYTES_MAX = 100_000;
const DISABLED = 'slot-009';
const WRONG = { name: 'password', value: 'wrong-password-4711' };

let server: GeminiServer;
let client: SlotClient;
let photo: Buffer;

beforeAll(async () => {
  photo = await makePhoto({ widthPx: 320, heightPx: 240 });
  server = await startGeminiServer({ environment: { UPLOAD_BYTES_MAX: String(UPLOAD_BYTES_MAX) } });
  client = await createSlotClient(server);
});
afterAll(() => server.stop());

async function newest(slotId = 'slot-001'): Promise<ShownRequest> {
  const [first] = await shownRequests(client, slotId);
  if (first === undefined) throw new Error(`${slotId} received nothing`);
  return first;
}

describe('what arrived is shown', () => {
  it('of a photo that was answered: names and sizes, the picture’s own type and size, its job', async () => {
    const parts = [
      { name: 'survey1_mail', value: 'гость@example.org' },
      PASSWORD_PART,
      photoPart(photo, 'C:\\DCIM\\IMG_0003.JPG'),
      { name: 'late', value: '' },
    ];
    const answer = await postForm(server, parts, '/ingest/slot-001?booth=7&code=geheim', { 'User-Agent': 'Booth/1.0' });
    expect(refusal(answer)).toBe('200');
    expect(await newest()).toMatchObject({
      count: 1,
      client: '127.0.0.1',
      status: 200,
      code: null,
      message: null,
      password: 'right',
      job_id: answer.headers.get('x-job-id'),
      upload_bytes: formBytes(parts).length,
      user_agent: 'Booth/1.0',
      fields: [
        { name: 'survey1_mail', size_bytes: 22 },
        { name: 'password', size_bytes: null },
        { name: 'late', size_bytes: 0 },
      ],
      file: {
        field_name: 'fileToUpload',
        name: 'IMG_0003.JPG',
        declared_type: 'image/jpeg',
        size_bytes: photo.length,
        detected_type: 'image/jpeg',
        width: 320,
        height: 240,
      },
      query_names: ['booth', 'code'],
    });
  });

  it('also when the photo came in another field than the one it is taken from', async () => {
    await postForm(server, [PASSWORD_PART, { name: 'photo', fileName: 'a.jpg', bytes: photo }]);
    expect(await newest()).toMatchObject({
      status: 400,
      code: 'invalid_payload',
      password: 'right',
      file: { field_name: 'photo', name: 'a.jpg', size_bytes: null, detected_type: null },
    });
  });

  it('names as they were sent, however they look, but no longer than can be read', async () => {
    const markup = '<img src=x onerror=alert(1)>';
    const parts = [
      PASSWORD_PART,
      { name: markup, value: 'x' },
      photoPart(photo, `${'ä'.repeat(200)}.jpg`, 'image/jpeg'),
    ];
    const agent = `<script>${'a'.repeat(500)}`;
    await postForm(server, parts, `/ingest/slot-001?${encodeURIComponent(markup)}=1&%00=2`, { 'User-Agent': agent });
    expect(await newest()).toMatchObject({
      user_agent: agent.slice(0, 200),
      fields: [{ name: 'password' }, { name: markup, size_bytes: 1 }],
      file: { name: 'ä'.repeat(100) },
      query_names: [markup, '\uFFFD'],
    });
  });
});

describe('why it was refused is shown', () => {
  const text = Buffer.from('plain text that is no picture of any kind');

  it.each([
    ['a wrong password', [WRONG, photoPart(Buffer.alloc(10))], 'slot-001', 401, 'invalid_credentials', 'wrong'],
    ['no password', [{ name: 'passwort', value: 'x' }], 'slot-001', 401, 'invalid_credentials', 'missing'],
    ['a type that is not taken', [PASSWORD_PART, photoPart(text)], 'slot-001', 415, 'unsupported_media_type', 'right'],
    [
      'a type that is known before the password',
      [photoPart(text), WRONG],
      'slot-001',
      415,
      'unsupported_media_type',
      'unchecked',
    ],
    [
      'too many bytes',
      [
        PASSWORD_PART,
        photoPart(Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff]), Buffer.alloc(UPLOAD_BYTES_MAX)])),
      ],
      'slot-001',
      413,
      'payload_too_large',
      'right',
    ],
    ['a slot that is switched off', [PASSWORD_PART, photoPart(text)], DISABLED, 503, 'slot_not_configured', 'right'],
    ['no photo', [PASSWORD_PART], 'slot-001', 400, 'invalid_payload', 'right'],
  ])('%s', async (_, parts, slotId, status, code, password) => {
    if (slotId === DISABLED) await updateSlot(server.db, DISABLED, { isEnabled: false });
    const answer = await postForm(server, parts, `/ingest/${slotId}`);
    expect(refusal(answer)).toBe(`${status} ${code}`);
    const { message } = (JSON.parse(answer.body.toString()) as { error: { message: string } }).error;
    expect(await newest(slotId)).toMatchObject({ status, code, message, password, job_id: null });
  });

  it('a body that is no form', async () => {
    await ask(`${server.url}/ingest/slot-001`, {
      method: 'POST',
      headers: { 'Content-Type': 'image/jpeg' },
      body: photo,
    });
    expect(await newest()).toMatchObject({ status: 415, code: 'unsupported_media_type', file: null, fields: [] });
  });

  it('a provider that made no picture, with the job', async () => {
    server.simulator.plan({ kind: 'safety_block', reason: 'PROHIBITED_CONTENT' });
    await server.post({ photo, slotId: GEMINI_SLOT });
    expect(await newest(GEMINI_SLOT)).toMatchObject({
      status: 502,
      code: 'provider_error',
      message: expect.stringContaining('PROHIBITED_CONTENT'),
      job_id: expect.any(String),
    });
  });

  it('a window that closed, and a queue that is full', async () => {
    const hasty = await startGeminiServer({
      environment: { T_SYNC_RESPONSE_SECONDS: '1', QUEUE_MAX_IN_FLIGHT_JOBS: '1' },
    });
    const operator = await createSlotClient(hasty);
    hasty.simulator.plan({ kind: 'hang' });
    const held = hasty.post({ photo, slotId: GEMINI_SLOT });
    const jobId = await openJobId(hasty);
    await hasty.post({ photo, slotId: GEMINI_SLOT });
    await held;
    expect(
      (await shownRequests(operator, GEMINI_SLOT)).toSorted((a, b) => Number(a.status) - Number(b.status)),
    ).toMatchObject([
      { status: 429, code: 'queue_busy', password: 'right', job_id: null },
      { status: 504, code: 'sync_timeout', password: 'right', job_id: jobId },
    ]);
    await hasty.stop();
  });

  it('a station that left during its upload, with what came until then', async () => {
    const body = formBytes([PASSWORD_PART, photoPart(photo)]);
    const raw = await connectRaw(server.port);
    const head = [`Content-Type: multipart/form-data; boundary=${BOUNDARY}`, `Content-Length: ${body.length}`];
    await raw.send(requestHead([...head, 'X-Request-Id: left-1', 'Expect: 100-continue']));
    await raw.until(/100 Continue\r\n\r\n/);
    const filesBefore = (await server.files()).length;
    await raw.send(body.subarray(0, body.length - 100));
    await eventually(async () => expect(await server.files()).toHaveLength(filesBefore + 1));
    raw.socket.destroy();
    await server.waitForLine({ msg: 'request', request_id: 'left-1' });
    const shown = await newest();
    expect(shown).toMatchObject({
      status: null,
      code: 'client_gone',
      password: 'right',
      fields: [{ name: 'password' }],
    });
    expect(shown.file).toMatchObject({ name: 'IMG_0003.JPG', detected_type: null });
    expect(shown.upload_bytes).toBeLessThanOrEqual(body.length - 100);
  });

  it('a station that left while its picture was made, with the job that goes on', async () => {
    server.simulator.plan({ kind: 'success', delayMs: 200 });
    const seen = server.simulator.requests.length;
    const left = new AbortController();
    const post = server.post({ photo, slotId: GEMINI_SLOT, signal: left.signal });
    await server.simulator.waitForRequest(seen + 1);
    const jobId = await openJobId(server);
    left.abort(new Error('the station gave up'));
    await expect(post).rejects.toThrow('the station gave up');
    await eventually(async () =>
      expect(await newest(GEMINI_SLOT)).toMatchObject({ status: null, code: 'client_gone', job_id: jobId }),
    );
    await server.waitForLine({ msg: 'job run ended', job_id: jobId, outcome: 'succeeded' });
  });
});

describe('what is shown', () => {
  it('holds no value, no password and no byte of a picture', async () => {
    const parts = [
      { name: 'survey', value: 'value-of-the-survey' },
      { name: 'Password', value: 'password-in-the-wrong-field' },
      PASSWORD_PART,
      photoPart(photo),
    ];
    await postForm(server, parts, '/ingest/slot-001?token=value-of-the-token');
    await postForm(server, [WRONG, ...parts.slice(0, 1), photoPart(photo)]);
    await shownRequests(client, 'slot-001');
    const { rows } = await server.db.pool.query<{ text: string }>('select r::text as text from station_request r');
    const all = rows.map(({ text }) => text).join('\n');
    expect(all).toContain('IMG_0003.JPG');
    const secrets = ['value-of-the', 'password-in-the-wrong', WRONG.value, INGEST_PASSWORD, 'JFIF'];
    for (const secret of secrets) expect(all).not.toContain(secret);
    for (const code of ['hex', 'base64'] as const) expect(all).not.toContain(photo.subarray(600, 616).toString(code));
    expect(all).not.toContain(`"Password", "size_bytes": ${'password-in-the-wrong-field'.length}`);
    expect((await newest()).fields).not.toContainEqual({ name: 'Password', size_bytes: expect.any(Number) });
  });

  it('is the same at every server', async () => {
    const other = await startTestServer({ database: server.database, mediaRoot: server.mediaRoot });
    const there = await createSlotClient(other);
    await postForm(other, [WRONG, photoPart(photo)], '/ingest/slot-008');
    await shownRequests(there, 'slot-008');
    expect(await shownRequests(client, 'slot-008')).toMatchObject([{ code: 'invalid_credentials' }]);
    expect(await shownRequests(client, 'slot-008')).toEqual(await shownRequests(there, 'slot-008'));
    await other.stop();
  });

  it('is written by a ticker where nobody asks, and at the end of a server', async () => {
    const quiet = await startTestServer({ database: server.database, mediaRoot: server.mediaRoot });
    const count = async () =>
      (await server.db.pool.query(`select from station_request where slot_id = 'slot-007'`)).rowCount;
    await postForm(quiet, [WRONG, photoPart(photo)], '/ingest/slot-007');
    await eventually(async () => expect(await count()).toBe(1));
    await postForm(quiet, [WRONG], '/ingest/slot-007');
    await postForm(quiet, [PASSWORD_PART], '/ingest/slot-007');
    await quiet.stop();
    const { rows } = await server.db.pool.query(
      `select count from station_request where slot_id = 'slot-007' order by 1`,
    );
    expect(rows.map((row) => row.count)).toEqual([1, 2]);
  });

  it('never keeps a station waiting: its answer comes while nothing can be written', async () => {
    const step = await server.db.pool.connect();
    try {
      await step.query('begin; lock table station_request in access exclusive mode');
      expect(refusal(await server.post({ photo }))).toBe('200');
    } finally {
      await step.query('rollback');
      step.release();
    }
    expect(await newest()).toMatchObject({ status: 200 });
  });
});
