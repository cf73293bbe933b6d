import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { updateSlot } from '../../src/repositories/slots.ts';
import { answers } from '../support/contract-answer.ts';
import { errorOf, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { type JobDesk, jsonOf, keepOriginals, openJobDesk, postedJobId, setOriginalLeft } from '../support/jobs.ts';
import { makeResult } from '../support/results.ts';
import {
  eventually,
  expectNothingLeft,
  GEMINI_SLOT,
  type GeminiServer,
  openJobId,
  startGeminiServer,
} from '../support/slots.ts';
import { readZip } from '../support/zip-reader.ts';

let server: GeminiServer;
let desk: JobDesk;
let photo: Buffer;
/** In `slot-001`, with an original. */
let done: { jobId: string; picture: Buffer };
/** In the slot of Gemini, without one. */
let failed: string;

beforeAll(async () => {
  photo = await makePhoto();
  server = await startGeminiServer({ environment: { QUEUE_MAX_IN_FLIGHT_JOBS: '1' } });
  desk = await openJobDesk(server);
  await keepOriginals(server.db, 'slot-001', 24);
  done = await makeResult(server, photo);
  server.simulator.plan({ kind: 'safety_block' });
  failed = await postedJobId(server, photo, GEMINI_SLOT);
});
afterAll(async () => {
  await expectNothingLeft(server);
  await server.stop();
});

const unknown = [
  ['a job that never was', randomUUID()],
  ['a text that is no id', 'latest'],
] as const;

describe('jobs', () => {
  answers('listJobs', 200, 'the first page', async () => {
    const answer = await desk.ask('/jobs');
    expect(jsonOf(answer)).toMatchObject({
      data: [{ job: { id: done.jobId, original_expires_at: expect.any(String) } }, { job: { id: failed } }],
      meta: { page: 1, page_size: 20, total: 2 },
    });
    return answer;
  });

  answers('listJobs', 200, 'a page behind the last', async () => {
    const answer = await desk.ask('/jobs?page=1000000&page_size=100&sort_by=created_at&sort_order=desc');
    expect(jsonOf(answer)).toEqual({ data: [], meta: { page: 1_000_000, page_size: 100, total: 2 } });
    return answer;
  });

  answers('listJobs', 400, 'a filter that the contract does not know', () => desk.ask('/jobs?status=done'));

  answers('listJobs', 404, 'an unknown slot', async () => {
    const answer = await desk.ask('/jobs?slot_id=slot-016');
    expect(refusal(answer)).toBe('404 slot_not_found');
    return answer;
  });

  answers('getJob', 200, 'a success', async () => {
    const answer = await desk.ask(`/jobs/${done.jobId.toUpperCase()}`);
    expect(jsonOf(answer)).toMatchObject({
      job: { id: done.jobId, is_finalized: true, failure_reason: null, result_size_bytes: done.picture.length },
      result: { download_url: `${server.url}/public/results/${done.jobId}` },
    });
    return answer;
  });

  answers('getJob', 200, 'a failure', async () => {
    const answer = await desk.ask(`/jobs/${failed}`);
    expect(jsonOf(answer)).toMatchObject({ job: { failure_reason: 'provider_error' }, result: null });
    return answer;
  });

  answers('listJobEvents', 200, 'a success', async () => {
    const answer = await desk.ask(`/jobs/${done.jobId}/events`);
    expect(jsonOf(answer).data.map(({ status }: { status: string }) => status)).toEqual([
      'received',
      'dispatched',
      'provider_responded',
      'succeeded',
    ]);
    return answer;
  });

  for (const [what, id] of unknown) {
    answers('getJob', 404, what, () => desk.ask(`/jobs/${id}`));
    answers('listJobEvents', 404, what, () => desk.ask(`/jobs/${id}/events`));
    answers('cancelJob', 404, what, () => desk.post(`/jobs/${id}/cancel`));
    answers('rerunJob', 404, what, () => desk.post(`/jobs/${id}/rerun`));
    answers('getJobOriginal', 404, what, () => desk.ask(`/jobs/${id}/original`));
    answers('deleteResult', 404, what, () => desk.ask(`/jobs/${id}/result`, { method: 'DELETE' }));
  }
});

describe('cancelling', () => {
  answers('cancelJob', 200, 'a job in work', async () => {
    server.simulator.plan({ kind: 'hang' });
    const held = server.post({ photo, slotId: GEMINI_SLOT });
    const answer = await desk.post(`/jobs/${await openJobId(server)}/cancel`);
    expect(jsonOf(answer)).toMatchObject({ job: { is_finalized: true, failure_reason: 'cancelled' } });
    expect(refusal(await held)).toBe('503 job_cancelled');
    return answer;
  });

  answers('cancelJob', 409, 'a job that has ended', async () => {
    const answer = await desk.post(`/jobs/${failed}/cancel`);
    expect(errorOf(answer)).toMatchObject({ code: 'job_final', details: { failure_reason: 'provider_error' } });
    return answer;
  });
});

describe('running again', () => {
  answers('rerunJob', 202, 'a finished job with its photo', async () => {
    const answer = await desk.post(`/jobs/${done.jobId}/rerun`);
    const { job_id: jobId, rerun_of: rerunOf } = jsonOf(answer);
    expect(rerunOf).toBe(done.jobId);
    expect(answer.headers.get('location')).toBe(`/api/jobs/${jobId}`);
    await eventually(async () => expect((await desk.read(`/jobs/${jobId}`)).result).not.toBeNull());
    return answer;
  });

  answers('rerunJob', 400, 'other settings than the two', () =>
    desk.post(`/jobs/${done.jobId}/rerun`, { settings: '' }),
  );

  answers('rerunJob', 409, 'a job that is not finished', async () => {
    server.simulator.plan({ kind: 'hang' });
    const held = server.post({ photo, slotId: GEMINI_SLOT });
    const jobId = await openJobId(server);
    const answer = await desk.post(`/jobs/${jobId}/rerun`);
    expect(refusal(answer)).toBe('409 job_not_final');
    await desk.post(`/jobs/${jobId}/cancel`);
    await held;
    return answer;
  });

  answers('rerunJob', 410, 'the slot kept no photo', async () => {
    const answer = await desk.post(`/jobs/${failed}/rerun`);
    expect(refusal(answer)).toBe('410 original_expired');
    return answer;
  });

  answers('rerunJob', 415, 'the provider of today does not take the photo', async () => {
    await server.db.pool.query(`update job_original set mime_type = 'image/heic' where job_id = $1`, [done.jobId]);
    const answer = await desk.post(`/jobs/${done.jobId}/rerun`);
    await server.db.pool.query(`update job_original set mime_type = 'image/jpeg' where job_id = $1`, [done.jobId]);
    expect(errorOf(answer)).toMatchObject({ code: 'unsupported_media_type', details: { declared: 'image/heic' } });
    return answer;
  });

  answers('rerunJob', 429, 'every place in the queue is taken', async () => {
    server.simulator.plan({ kind: 'hang' });
    const held = server.post({ photo, slotId: GEMINI_SLOT });
    const jobId = await openJobId(server);
    const answer = await desk.post(`/jobs/${done.jobId}/rerun`);
    expect(refusal(answer)).toBe('429 queue_busy');
    await desk.post(`/jobs/${jobId}/cancel`);
    await held;
    return answer;
  });

  for (const settings of ['current', 'original']) {
    answers('rerunJob', 503, `the slot is switched off, with ${settings} settings`, async () => {
      await updateSlot(server.db, 'slot-001', { isEnabled: false }, 'test');
      const answer = await desk.post(`/jobs/${done.jobId}/rerun`, { settings });
      await updateSlot(server.db, 'slot-001', { isEnabled: true }, 'test');
      expect(refusal(answer)).toBe('503 slot_not_configured');
      return answer;
    });
  }
});

describe('an original', () => {
  answers('getJobOriginal', 200, 'the bytes that the station sent', async () => {
    const answer = await desk.ask(`/jobs/${done.jobId}/original`);
    expect(answer.body).toEqual(photo);
    return answer;
  });

  answers('getJobOriginal', 410, 'the slot kept none', () => desk.ask(`/jobs/${failed}/original`));

  answers('getJobOriginal', 410, 'its time is over', async () => {
    const { jobId } = await makeResult(server, photo);
    expect((await desk.ask(`/jobs/${jobId}/original`)).status).toBe(200);
    await setOriginalLeft(server.db, jobId, 0);
    return desk.ask(`/jobs/${jobId}/original`);
  });
});

describe('results', () => {
  answers('listSlotResults', 200, 'a slot with results', async () => {
    const answer = await desk.ask('/slots/slot-001/results?page_size=2');
    const { data, meta } = jsonOf(answer);
    expect(data).toHaveLength(2);
    expect(meta.total).toBeGreaterThan(2);
    return answer;
  });

  answers('listSlotResults', 200, 'a slot without any', () => desk.ask('/slots/slot-015/results'));

  answers('downloadSlotResults', 200, 'an archive', async () => {
    const answer = await desk.ask('/slots/slot-001/results.zip');
    expect(readZip(answer.body).map(({ bytes }) => bytes)).toContainEqual(done.picture);
    return answer;
  });

  answers('downloadSlotResults', 200, 'an empty archive', async () => {
    const answer = await desk.ask('/slots/slot-015/results.zip');
    expect(readZip(answer.body)).toEqual([]);
    return answer;
  });

  for (const range of ['from=2026-01-02&to=2026-01-01', 'to=2026-12-31T23:59:60Z', 'from=1999-01-01', 'from=yesterday'])
    answers('downloadSlotResults', 400, range, () => desk.ask(`/slots/slot-001/results.zip?${range}`));

  answers('deleteResult', 204, 'a picture, and the same again', async () => {
    const { jobId } = await makeResult(server, photo);
    const remove = () => desk.ask(`/jobs/${jobId}/result`, { method: 'DELETE' });
    expect((await remove()).status).toBe(204);
    return remove();
  });

  answers('deleteResult', 404, 'a job that made no picture', async () => {
    const answer = await desk.ask(`/jobs/${failed}/result`, { method: 'DELETE' });
    expect(refusal(answer)).toBe('404 result_not_found');
    return answer;
  });
});
