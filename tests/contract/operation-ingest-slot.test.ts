import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { endJob } from '../../src/repositories/job-queue.ts';
import { updateSlot } from '../../src/repositories/slots.ts';
import { answers } from '../support/contract-answer.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { ask, errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { PASSWORD_PART, photoPart, postForm } from '../support/post-form.ts';
import { formIn, isReplay, postKeyed } from '../support/sent-again.ts';
import { startTestServer } from '../support/server.ts';
import {
  eventually,
  expectNothingLeft,
  GEMINI_SLOT,
  type GeminiServer,
  giveToGemini,
  openJobId,
  startGeminiServer,
  withGeminiServer,
} from '../support/slots.ts';

const PASSWORD_HASH = 'ingest_password_hash';
const UPLOAD_BYTES_MAX = 50_000;

let photo: Buffer;
let server: GeminiServer;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer({
    environment: { UPLOAD_BYTES_MAX: String(UPLOAD_BYTES_MAX), QUEUE_MAX_IN_FLIGHT_JOBS: '1' },
  });
});
afterEach(() => expectNothingLeft(server));
afterAll(() => server.stop());

const post = (slotId: string, wish: Parameters<GeminiServer['post']>[0] = { photo }) =>
  server.post({ ...wish, slotId });

describe('a picture', () => {
  answers('ingestSlot', 200, 'a JPEG, made by the studio', async () => {
    const answer = await post('slot-001');
    expect(answer.headers.get('photochanger-provider')).toBe('studio');
    expect(answer.body.subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]));
    return answer;
  });

  for (const format of ['jpeg', 'png', 'webp'] as const) {
    answers('ingestSlot', 200, `a ${format} as Gemini made it`, async () => {
      server.simulator.plan({ kind: 'success', format });
      const answer = await post(GEMINI_SLOT);
      expect(answer.headers.get('photochanger-provider')).toBe('gemini');
      expect(answer.headers.get('content-type')).toBe(`image/${format}`);
      return answer;
    });
  }
});

describe('a photo that is left behind', () => {
  answers('ingestSlot', 202, 'with the addresses of its picture and its job', async () => {
    const answer = await post('slot-001', { photo, headers: { Prefer: 'respond-async' } });
    const id = answer.headers.get('x-job-id') ?? 'none';
    expect(answer.headers.get('location')).toBe(`/public/results/${id}`);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      job_id: id,
      result_url: `${server.url}/public/results/${id}`,
      status_url: `${server.url}/api/jobs/${id}`,
    });
    await eventually(async () => expect((await ask(`${server.url}/public/results/${id}`)).status).toBe(200));
    return answer;
  });
});

describe('a picture in parts', () => {
  answers('ingestSlot', 200, 'a form with JSON and the picture', async () => {
    const answer = await post('slot-001', { photo, search: '?reply=multipart' });
    expect([...(await formIn(answer)).keys()]).toEqual(['metadata', 'image']);
    return answer;
  });
});

describe('a picture that a fallback made', () => {
  answers('ingestSlot', 200, 'with its number, in the headers and in the parts', async () => {
    const fallback = [{ providerId: 'studio', operationId: 'filter', settings: { effect: 'noir' } }];
    await giveToGemini(server.db, 'slot-005');
    await updateSlot(server.db, 'slot-005', { fallback });
    server.simulator.plan({ kind: 'safety_block', reason: 'PROHIBITED_CONTENT' });
    const answer = await post('slot-005', { photo, search: '?reply=multipart' });
    expect(answer.headers.get('photochanger-provider')).toBe('studio');
    expect(answer.headers.get('photochanger-fallback')).toBe('1');
    expect(JSON.parse((await formIn(answer)).get('metadata') as string)).toMatchObject({
      provider_id: 'studio',
      fallback: 1,
    });
    return answer;
  });
});

describe('a request that is sent again', () => {
  answers('ingestSlot', 200, 'the same picture, under its key', async () => {
    const first = await postKeyed(server, { photo, key: 'the-same' });
    const again = await postKeyed(server, { photo, key: 'the-same' });
    expect([first, again].map(isReplay)).toEqual([false, true]);
    return again;
  });

  answers('ingestSlot', 422, 'another photo under its key', async () => {
    const key = 'of-one-photo-only';
    expect((await postKeyed(server, { photo, key })).status).toBe(200);
    const answer = await postKeyed(server, { photo: await makePhoto({ widthPx: 80, heightPx: 20 }), key });
    expect(errorOf(answer).code).toBe('idempotency_key_reused');
    return answer;
  });
});

describe('a refusal', () => {
  for (const [what, key] of [
    ['empty', ''],
    ['of two words', 'two words'],
    ['of 256 characters', 'k'.repeat(256)],
    ['of 10 kB', 'k'.repeat(10_000)],
    ['beyond ASCII', 'schl\u00fcssel'],
  ] as const) {
    answers('ingestSlot', 400, `an Idempotency-Key ${what}`, async () => {
      const answer = await postKeyed(server, { photo, key });
      expect(errorOf(answer)).toMatchObject({
        code: 'invalid_payload',
        details: { fields: [{ pointer: '/headers/Idempotency-Key' }] },
      });
      return answer;
    });
  }

  answers('ingestSlot', 400, 'a form without a photo', async () => {
    const answer = await postForm(server, [PASSWORD_PART]);
    expect(errorOf(answer)).toMatchObject({
      code: 'invalid_payload',
      details: { fields: [{ pointer: '/body/fileToUpload', keyword: 'required' }] },
    });
    return answer;
  });

  answers('ingestSlot', 400, 'a path that is not percent-encoded UTF-8', async () => {
    const answer = await ask(`${server.url}/ingest/%zz`, { method: 'POST' });
    expect(refusal(answer)).toBe('400 invalid_request');
    return answer;
  });

  answers('ingestSlot', 401, 'a wrong password', async () => {
    const answer = await post('slot-001', { photo, password: 'wrong' });
    expect(errorOf(answer).code).toBe('invalid_credentials');
    return answer;
  });

  answers('ingestSlot', 401, 'no password at all', () => postForm(server, [photoPart(photo)]));

  answers('ingestSlot', 401, 'an empty password', () => post('slot-001', { photo, password: '' }));

  answers('ingestSlot', 401, 'any password while none is set', async () => {
    const { rows } = await server.db.pool.query('delete from platform_setting where key = $1 returning value', [
      PASSWORD_HASH,
    ]);
    try {
      return await post('slot-001');
    } finally {
      await server.db.pool.query('insert into platform_setting (key, value, updated_by) values ($1, $2, $3)', [
        PASSWORD_HASH,
        JSON.stringify(rows[0].value),
        'test',
      ]);
    }
  });

  answers('ingestSlot', 404, 'an unknown slot', async () => {
    const answer = await post('slot-016');
    expect(errorOf(answer).code).toBe('slot_not_found');
    return answer;
  });

  answers('ingestSlot', 404, 'an unknown slot, whatever else is wrong', async () => {
    const answer = await postKeyed(server, { photo, key: '', slotId: 'slot-016' });
    expect(errorOf(answer).code).toBe('slot_not_found');
    return answer;
  });

  answers('ingestSlot', 413, 'a photo of too many bytes', async () => {
    const answer = await post('slot-001', { photo: await makePhoto({ format: 'png', widthPx: 400, heightPx: 300 }) });
    expect(errorOf(answer)).toMatchObject({
      code: 'payload_too_large',
      details: { size_bytes_max: UPLOAD_BYTES_MAX },
    });
    return answer;
  });

  answers('ingestSlot', 415, 'a body that is no form', async () =>
    ask(`${server.url}/ingest/slot-001`, { method: 'POST', headers: { 'Content-Type': 'image/jpeg' }, body: photo }),
  );

  answers('ingestSlot', 415, 'a file that is no picture', async () => {
    const answer = await post('slot-001', { photo: Buffer.from('%PDF-1.7 is no picture of a taken type') });
    expect(errorOf(answer).code).toBe('unsupported_media_type');
    return answer;
  });

  answers('ingestSlot', 429, 'every place in the queue is taken', async () => {
    server.simulator.plan({ kind: 'hang' });
    const first = post(GEMINI_SLOT);
    const jobId = await openJobId(server);
    const answer = await post(GEMINI_SLOT);
    expect(errorOf(answer).code).toBe('queue_busy');
    await cancel(server, jobId);
    expect(refusal(await first)).toBe('503 job_cancelled');
    return answer;
  });
});

describe('a failure', () => {
  answers('ingestSlot', 502, 'the provider refuses the photo', async () => {
    server.simulator.plan({ kind: 'safety_block', reason: 'PROHIBITED_CONTENT' });
    const answer = await post(GEMINI_SLOT);
    expect(errorOf(answer)).toMatchObject({ code: 'provider_error', details: { job_id: expect.any(String) } });
    expect(errorOf(answer).message).toContain('PROHIBITED_CONTENT');
    return answer;
  });

  answers('ingestSlot', 503, 'the job is cancelled', async () => {
    server.simulator.plan({ kind: 'hang' });
    const held = post(GEMINI_SLOT);
    const jobId = await openJobId(server);
    await cancel(server, jobId);
    const answer = await held;
    expect(errorOf(answer)).toMatchObject({ code: 'job_cancelled', details: { job_id: jobId } });
    return answer;
  });

  answers('ingestSlot', 503, 'the slot is switched off', async () => {
    await updateSlot(server.db, 'slot-003', { isEnabled: false });
    const answer = await post('slot-003');
    expect(errorOf(answer).code).toBe('slot_not_configured');
    return answer;
  });

  answers('ingestSlot', 503, 'the provider of the slot has no key', () =>
    withGeminiServer({ GEMINI_API_KEY: '' }, async (keyless) => {
      const answer = await keyless.post({ photo, slotId: GEMINI_SLOT });
      expect(errorOf(answer).code).toBe('slot_not_configured');
      return answer;
    }),
  );

  answers('ingestSlot', 503, 'the slot names a provider that is not there', async () => {
    await giveToGemini(server.db, 'slot-004');
    await updateSlot(server.db, 'slot-004', { providerId: 'nobody' });
    const answer = await post('slot-004');
    expect(errorOf(answer).code).toBe('slot_not_configured');
    return answer;
  });

  answers('ingestSlot', 503, 'the disk is nearly full', () =>
    withGeminiServer({ MEDIA_FREE_BYTES_MIN: '1000000000000000' }, async (full) => {
      const answer = await full.post({ photo });
      expect(errorOf(answer).code).toBe('storage_unavailable');
      return answer;
    }),
  );

  answers('ingestSlot', 503, 'the database cannot be reached', async () => {
    const proxy = await startDatabaseProxy(server.database);
    const cutOff = await startTestServer({
      database: server.database,
      environment: { DATABASE_URL: proxy.through(server.database.url) },
    });
    try {
      proxy.refuse();
      proxy.cut();
      const answer = await cutOff.post({ photo });
      expect(errorOf(answer).code).toBe('queue_unavailable');
      expect(await cutOff.files()).toEqual([]);
      return answer;
    } finally {
      await cutOff.stop();
      await proxy.stop();
    }
  });

  answers('ingestSlot', 504, 'the window closes before there is a picture', () =>
    withGeminiServer({ T_SYNC_RESPONSE_SECONDS: '1' }, async (hasty) => {
      hasty.simulator.plan({ kind: 'hang' });
      const answer = await hasty.post({ photo, slotId: GEMINI_SLOT });
      expect(errorOf(answer)).toMatchObject({
        code: 'sync_timeout',
        details: { job_id: expect.any(String), expires_at: expect.any(String) },
      });
      return answer;
    }),
  );
});

const cancel = ({ db }: GeminiServer, jobId: string): Promise<boolean> =>
  endJob(db, { jobId, reason: 'cancelled', message: 'an operator cancelled it', onlyWaiting: false });
